"""Whether what is handed in is another agreement than the one on file, and what follows from it.

On file is what was handed in of a report that is done, since it came back last. Evidence that comes
for the first time changes nothing, nor does a file where there were only words about it; what a
correction withdrew was never on file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import or_, select, update
from sqlmodel import Session

from scheduler import evidence, happenings, queries
from scheduler.facts import Said, read
from scheduler.occurrences import Occurrence
from scheduler.recorded import EVENTS
from scheduler.revising import revise
from scheduler.tables import Fact
from scheduler.world import World

WITHDRAWN = "更正了登记，协议没有变化"


def changing(session: Session, counting: Sequence[Fact]) -> set[int]:
    """Return the numbers of the facts that bring another agreement; ``counting`` in their order."""
    found: set[int] = set()
    said: list[Said] = []
    on_file: dict[str, set[str]] = defaultdict(set)
    for fact in counting:
        before = read(said).stage
        said.append(Said(fact.kind, fact.on, fact.until, fact.id or 0))
        if fact.kind == "returned" and before in ("submitted", "completed"):
            on_file.clear()
        brought = evidence.digest(session, fact.evidence)
        if brought is None or fact.kind not in ("completed", "submitted"):
            continue
        alike = on_file[_sort(fact.evidence or "")]
        if (fact.kind, before) == ("completed", "completed") and alike and brought not in alike:
            found.add(fact.id or 0)
        alike.add(brought)
    return found


def _sort(mention: str) -> str:
    """Return what sort of evidence a mention is; only what is of one sort can be compared."""
    if evidence.stored(mention):
        return "file"
    return "address" if "://" in mention else "words"


def started(
    session: Session, one: Occurrence, fact: int, on: date, now: datetime, world: World, by: str
) -> int:
    """Start what is owed because an agreement changed, as fact number ``fact`` says."""
    subject = one.key.split("/")[2]
    return happenings.happened(
        session, one.document, "agreement", [subject], on, f"{one.title}换了新的材料",
        f"fact:{fact}", now, world, by, of=one.obligation,
    )  # fmt: skip


def taken_back(
    session: Session, facts: Sequence[int], now: datetime, world: World, by: str
) -> None:
    """Let the changes that these facts brought count no longer, with the duties they started.

    The events stay, withdrawn. What is done of such a duty stays done.
    """
    column = EVENTS.c
    if not facts:
        return
    mine = or_(*(column.origin.startswith(f"fact:{fact}|") for fact in facts))
    query = select(column.id, column.document, column.obligation, column.subject, column.on)
    for row in session.execute(query.where(mine, column.withdrawn_at.is_(None))).all():
        session.execute(
            update(EVENTS)
            .where(column.id == row.id)
            .values(withdrawn_at=now, reason=WITHDRAWN)
        )
        about = f"{row.document}/{row.obligation}/{row.subject}"
        entry = {"at": now, "who": by, "action": "event-withdrawn", "about": about}
        queries.audit(session, [entry | {"detail": f"{row.on}；{WITHDRAWN}"}])
        if row.document in world.documents:
            revise(session, row.document, [row.obligation], [row.subject], now, world, by)
