"""A message with its notices as the journal keeps it, and back into a store that forgot it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, insert, select, update
from sqlmodel import Session

from notifications.journal import Line
from scheduler.queries import MESSAGES, NOTICES, Row

FIELDS = (
    "recipient", "role", "day", "sequence", "institution", "office", "placeholder", "statutory",
    "subject", "composed_at", "body",
)  # fmt: skip
OF_NOTICE = (
    "key", "rung", "due", "channel", "move", "institution", "role", "office", "placeholder",
    "statutory", "release_at", "planned_at", "note",
)  # fmt: skip
# Made once, for they are asked for every mail.
_MESSAGE = select(*(MESSAGES.c[name] for name in FIELDS)).where(
    MESSAGES.c.id == bindparam("message")
)
_NOTICES = select(*(NOTICES.c[name] for name in OF_NOTICE)).where(
    NOTICES.c.message_id == bindparam("message")
)
REPLACED = "恢复自备份：其中的提醒已在别的邮件里交出"


def record(session: Session, message: int) -> dict[str, Any]:
    """Return all that is needed to store a message and its notices again."""
    its = {"message": message}
    found = dict(session.execute(_MESSAGE, its).mappings().one())
    found["notices"] = [dict(row) for row in session.execute(_NOTICES, its).mappings()]
    return found


def store_again(session: Session, line: Line, now: datetime, **standing: Any) -> int:
    """Store the message of a ``handing`` line, in the given standing; return its number.

    Its notices point to it afterwards, those excepted that another message had handed over. A
    message that waits with one of them is cancelled, and its other notices are free again.
    """
    said = line.more
    values: Row = {name: said[name] for name in FIELDS}
    values |= {
        "day": date.fromisoformat(said["day"]),
        "composed_at": datetime.fromisoformat(said["composed_at"]),
        "body": line.body,
        "message_id": line.message_id,
        "sequence": _free(session, said),
    }
    made: int = session.execute(
        insert(MESSAGES).values(**values, **standing).returning(MESSAGES.c.id)
    ).scalar_one()
    point(session, line, made, now)
    return made


def point(session: Session, line: Line, message: int, now: datetime) -> None:
    """Let the notices of a ``handing`` line point to their message, as in ``store_again``."""
    for notice in line.more["notices"]:
        _point(session, _notice(notice, line.more["recipient"]), message, now)


def _free(session: Session, said: Mapping[str, Any]) -> int:
    """Return the message's own sequence, or the next one where another message has that."""
    same = and_(
        MESSAGES.c.recipient == said["recipient"],
        MESSAGES.c.role == said["role"],
        MESSAGES.c.day == date.fromisoformat(said["day"]),
    )
    taken = set(session.execute(select(MESSAGES.c.sequence).where(same)).scalars())
    return max(taken) + 1 if said["sequence"] in taken else int(said["sequence"])


def _notice(said: Mapping[str, Any], recipient: str) -> Row:
    values: Row = {name: said[name] for name in OF_NOTICE}
    values |= {name: datetime.fromisoformat(said[name]) for name in ("release_at", "planned_at")}
    return values | {"due": date.fromisoformat(said["due"]), "recipient": recipient}


def _point(session: Session, values: Row, message: int, now: datetime) -> None:
    unique = ("key", "rung", "due", "recipient", "channel", "move")
    query = (
        select(NOTICES.c.id, NOTICES.c.message_id, MESSAGES.c.state, MESSAGES.c.handed)
        .outerjoin(MESSAGES, MESSAGES.c.id == NOTICES.c.message_id)
        .where(*(NOTICES.c[name] == values[name] for name in unique))
    )
    found = session.execute(query).first()
    if found is None:
        session.execute(
            insert(NOTICES).values(**values, message_id=message, restored=True)
        )
        return
    if found.message_id is not None:
        if found.handed or found.state not in ("ready", "held"):
            return
        cancel(session, found.message_id, REPLACED, now)
    session.execute(
        update(NOTICES)
        .where(NOTICES.c.id == found.id)
        .values(message_id=message, reason=None)
    )


def cancel(session: Session, message: int, why: str, now: datetime) -> None:
    """Cancel a message that was never handed over; its notices are free for another one."""
    session.execute(
        update(MESSAGES)
        .where(MESSAGES.c.id == message)
        .values(state="cancelled", reason=why, finished_at=now, next_try_at=None,
                owner=None, lease_until=None)
    )  # fmt: skip
    session.execute(
        update(NOTICES).where(NOTICES.c.message_id == message).values(message_id=None)
    )


def newest(session: Session) -> int:
    """Return the number of the newest notice, 0 where there is none."""
    return session.execute(select(func.max(NOTICES.c.id))).scalar() or 0
