"""The applied occurrences that a reader asked for, with their status."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Engine, and_, or_, select

from scheduler.queries import OCCURRENCES, PARTIES
from scheduler.rows import decode, row
from scheduler.selection import Selection
from scheduler.store import reading


def stored(
    engine: Engine, chosen: Selection, institutions: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """Return the rows of ``duban deadlines --store``, by due date then key.

    ``institutions``: ids; only what touches one of them, with its relation. Cancelled occurrences
    are left out.
    """
    column = OCCURRENCES.c
    within = and_(column.due >= chosen.start, column.due <= chosen.end)
    query = select(column.body, column.status, column.extended_to).where(
        column.document.in_(chosen.documents),
        column.kind.in_(chosen.kinds),
        column.phase.in_(chosen.phases),
        column.status != "cancelled",
        or_(within, column.due.is_(None)) if chosen.dateless else within,
    )
    if institutions is not None:
        query = query.add_columns(PARTIES.c.relation).join(
            PARTIES,
            and_(PARTIES.c.key == column.key, PARTIES.c.institution.in_(institutions)),
        )
    with reading(engine) as session:
        found = session.execute(query.order_by(column.due, column.key)).all()
    rows = [
        row(decode(one[0]), one[3] if len(one) > 3 else None, one[1], one[2]) for one in found
    ]
    return sorted(rows, key=lambda one: (one["due"] or "", one["key"]))
