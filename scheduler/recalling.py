"""What an edit or a fact does to notices that were planned. None of these commits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import bindparam, select, update
from sqlmodel import Session

from scheduler.ladder import REVIEWS
from scheduler.queries import MESSAGES, NOT_TOLD, NOTICES, chunks
from scheduler.tables import Notice

# A process may have claimed it, but is not past the fence, and will find that it cannot pass.
NOT_GONE = ("ready", "sending", "held")


def told(session: Session, keys: Iterable[str]) -> dict[str, list[Notice]]:
    """Return, by key, the latest notice of each recipient that may have left the house."""
    found: dict[str, dict[str, Notice]] = defaultdict(dict)
    for some in chunks(keys):
        query = (
            select(Notice)
            .join(MESSAGES, MESSAGES.c.id == NOTICES.c.message_id)
            .where(NOTICES.c.key.in_(some), MESSAGES.c.state.not_in((*NOT_TOLD, "ready", "held")))
            .where(NOTICES.c.rung.not_in(REVIEWS))  # these do not hang on the date
            .order_by(NOTICES.c.planned_at, NOTICES.c.id)
        )
        for notice in session.execute(query).scalars():
            found[notice.key][notice.recipient] = notice
    return {key: list(by_recipient.values()) for key, by_recipient in found.items()}


def recall(session: Session, keys: Iterable[str], now: datetime, why: str) -> None:
    """Cancel messages not yet handed over that speak of the keys, and free their notices.

    The freed notices are pending again: what of them still holds is composed anew.
    """
    for some in chunks(keys):
        waiting = (
            select(MESSAGES.c.id)
            .join(NOTICES, NOTICES.c.message_id == MESSAGES.c.id)
            .where(NOTICES.c.key.in_(some))
            .where(MESSAGES.c.state.in_(NOT_GONE), MESSAGES.c.handed == 0)
        )
        withdraw(session, session.execute(waiting).scalars().unique().all(), now, why)


def withdraw(session: Session, ids: Sequence[int], now: datetime, why: str) -> None:
    """Cancel those of the messages that were not handed over yet, and free their notices."""
    if not ids:
        return
    session.execute(
        update(MESSAGES)
        .where(MESSAGES.c.id.in_(ids), MESSAGES.c.state.in_(NOT_GONE), MESSAGES.c.handed == 0)
        .values(state="cancelled", reason=why, finished_at=now)
    )
    cancelled = select(MESSAGES.c.id).where(
        MESSAGES.c.id.in_(ids), MESSAGES.c.state == "cancelled"
    )
    session.execute(
        update(NOTICES).where(NOTICES.c.message_id.in_(cancelled)).values(message_id=None)
    )


def drop_pending(session: Session, dues: Mapping[str, date | None], why: str) -> None:
    """Give pending notices of the keys a reason not to be sent, unless they name the given date.

    That something waits for its receiver does not hang on the date: it goes where there is none.
    """
    rows = [{"k": key, "keep": day or date.min, "why": why} for key, day in dues.items()]
    if rows:
        column = NOTICES.c
        dropping = (
            update(NOTICES)
            .where(column.key == bindparam("k"), column.due != bindparam("keep"))
            .where(column.message_id.is_(None), column.reason.is_(None))
            .values(reason=bindparam("why"))
        )
        if any(dues.values()):
            dropping = dropping.where(*(column.rung != rung for rung in REVIEWS))
        session.connection().execute(dropping, rows)
