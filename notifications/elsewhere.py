"""A copy of a store that sends mail, started somewhere else, keeps silent until somebody says so.

Two stores that know nothing of each other would remind everybody twice. A store therefore remembers
where it sends from: by its database and its journal, each of which a copy has under another number.
One of them may change (a restored backup, a new data folder); where both did, it is a copy.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, delete, select, text
from sqlmodel import Session

from notifications.journal import FOLDER
from scheduler.queries import MARKS, MESSAGES, audit, mark, set_mark

HOME, HELD = "outbox.home", "outbox.elsewhere"
REMEMBERED = 20
SAID = "这份数据像是从正在使用的服务复制来的，为免重复提醒，一封信也不发"
CURE = "确认原来的服务已经停用后，用 duban outbox release 放行"


def place(engine: Engine, data: Path) -> tuple[str, ...]:
    """Return what tells this store and this data folder from their copies; makes the journal's
    folder where there is none."""
    journal = data / FOLDER
    journal.mkdir(parents=True, exist_ok=True)
    found = [f"journal:{journal.stat().st_ino}"]
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            asked = text(
                "SELECT system_identifier, oid FROM pg_control_system(), pg_database"
                " WHERE datname = current_database()"
            )
            system, number = connection.execute(asked).one()
        # Replicas have a journal each; what they share is the database.
        return (f"postgresql:{system}:{number}",)
    if engine.url.database and engine.url.database != ":memory:":
        found.append(f"sqlite:{Path(engine.url.database).stat().st_ino}")
    return tuple(found)


def settle_in(session: Session, here: tuple[str, ...], now: datetime) -> str | None:
    """Remember where this store sends from; return why it must not send, None where it may.

    Only a store that has handed mail over can have a twin that does.
    """
    if current(session):
        return SAID
    known = json.loads(mark(session, HOME) or "[]")
    if known and not set(known) & set(here) and _has_sent(session):
        set_mark(session, HELD, now.isoformat())
        entry = {"at": now, "who": "duban", "action": "pause", "about": "outbox", "detail": SAID}
        audit(session, [entry])
        return SAID
    _remember(session, known, here)
    return None


def current(session: Session) -> str | None:
    """Return why nothing is sent, None where nothing speaks against it."""
    return SAID if mark(session, HELD) else None


def confirm(session: Session, here: tuple[str, ...], now: datetime, who: str) -> None:
    """Let mail leave from here: somebody says that the other store is out of use."""
    session.execute(delete(MARKS).where(MARKS.c.name == HELD))
    _remember(session, [], here)
    entry = {"at": now, "who": who, "action": "resume", "about": "outbox", "detail": "确认在此处发信"}
    audit(session, [entry])


def forget(session: Session) -> None:
    """Forget where the store sent from: whoever restores a backup says that it is to send here."""
    session.execute(delete(MARKS).where(MARKS.c.name.in_((HOME, HELD))))


def _remember(session: Session, known: list[str], here: tuple[str, ...]) -> None:
    places = list(dict.fromkeys([*known, *here]))[-REMEMBERED:]
    if places != known:
        set_mark(session, HOME, json.dumps(places))


def _has_sent(session: Session) -> bool:
    handed = select(MESSAGES.c.id).where(MESSAGES.c.handed > 0).limit(1)
    return session.execute(handed).first() is not None
