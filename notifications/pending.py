"""The queries by which notices become messages. All take a session; none commits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import func, insert, or_, select, update
from sqlmodel import Session

from notifications.claims import DOUBT
from scheduler.queries import MESSAGES, NOTICES, chunks
from scheduler.tables import Message, Notice

Mailbox = tuple[str, str]  # address and role: one digest a day for each


def mailboxes(session: Session, now: datetime) -> list[Mailbox]:
    """Return whose notices wait for a mail and may be sent at ``now``, in a fixed order."""
    column = NOTICES.c
    query = (
        select(column.recipient, column.role)
        .where(column.message_id.is_(None), column.reason.is_(None))
        .where(column.release_at <= now, column.channel == "mail")
        .distinct()
        .order_by(column.recipient, column.role)
    )
    return [(recipient, role) for recipient, role in session.execute(query)]


def pending(session: Session, of: Sequence[Mailbox], now: datetime) -> dict[Mailbox, list[Notice]]:
    """Return the notices of these mailboxes that wait and may be sent, locked for this session."""
    found: dict[Mailbox, list[Notice]] = {mailbox: [] for mailbox in of}
    column = NOTICES.c
    query = (
        select(Notice)
        .where(column.message_id.is_(None), column.reason.is_(None))
        .where(column.release_at <= now, column.channel == "mail")
        .where(column.recipient.in_({recipient for recipient, _ in of}))
        .order_by(column.due, column.key, column.id)
        .with_for_update(skip_locked=True)  # SQLite has one writer anyway
    )
    for notice in session.execute(query).scalars():
        if (notice.recipient, notice.role) in found:
            found[notice.recipient, notice.role].append(notice)
    return {mailbox: notices for mailbox, notices in found.items() if notices}


class Taken(NamedTuple):
    """What a mailbox got on a day: the next free sequence, and whether a mail of it stands."""

    sequence: int
    stands: bool


def taken(session: Session, of: Iterable[Mailbox], day: date) -> dict[Mailbox, Taken]:
    """Return, for mailboxes that have a message of the local day, cancelled ones included."""
    column = MESSAGES.c
    query = (
        select(
            column.recipient,
            column.role,
            func.max(column.sequence),
            func.sum((column.state != "cancelled").cast(column.sequence.type)),
        )
        .where(column.recipient.in_({recipient for recipient, _ in of}), column.day == day)
        .group_by(column.recipient, column.role)
    )
    return {
        (recipient, role): Taken(sequence + 1, standing > 0)
        for recipient, role, sequence, standing in session.execute(query)
    }


class Earlier(NamedTuple):
    """A notice planned before, and what became of it; ``at`` is when it left or was planned.

    ``doubtful``: a hand-over of its mail had no answer, whatever came of the next one.
    """

    notice: int
    recipient: str
    rung: str
    due: date
    at: datetime
    state: str | None
    message_id: str | None
    reason: str | None
    restored: bool
    doubtful: bool = False


def earlier(session: Session, keys: Iterable[str]) -> dict[str, list[Earlier]]:
    """Return, by key, the notices that are in a message or had nobody to go to, oldest first."""
    found: dict[str, list[Earlier]] = defaultdict(list)
    notice, message = NOTICES.c, MESSAGES.c
    for some in chunks(keys):
        query = (
            select(
                notice.key, notice.id, notice.recipient, notice.rung, notice.due,
                func.coalesce(message.finished_at, notice.planned_at), message.state,
                message.message_id, func.coalesce(message.reply, notice.reason), notice.restored,
                func.coalesce(message.reason, "").startswith(DOUBT, autoescape=True),
            )
            .outerjoin(MESSAGES, message.id == notice.message_id)
            .where(notice.key.in_(some))
            .where(or_(notice.message_id.is_not(None), notice.recipient == ""))
            .order_by(notice.planned_at, notice.id)
        )  # fmt: skip
        for key, *rest in session.execute(query):
            found[key].append(Earlier(*rest))
    return found


def store(session: Session, message: Message, notices: Sequence[int]) -> None:
    """Store a message and point its notices to it."""
    values = message.model_dump(exclude={"id"})
    made = session.execute(insert(MESSAGES).values(**values).returning(MESSAGES.c.id)).scalar_one()
    session.execute(update(NOTICES).where(NOTICES.c.id.in_(notices)).values(message_id=made))


def give_up(session: Session, notice: int, reason: str) -> None:
    """Note why a notice will not be sent."""
    session.execute(update(NOTICES).where(NOTICES.c.id == notice).values(reason=reason))


def put_off(session: Session, notices: Sequence[int], until: datetime) -> None:
    """Let notices wait until an instant; they are looked at anew then."""
    session.execute(update(NOTICES).where(NOTICES.c.id.in_(notices)).values(release_at=until))
