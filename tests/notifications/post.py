"""A house whose mail can be looked at: the tests' small house with an outbox."""

from __future__ import annotations

import email
import email.policy
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from cli.round import RoundReport, one_round
from notifications.desk import Desk
from notifications.gather import GatherReport, gather
from notifications.journal import Journal
from notifications.outbox import DeliverReport, deliver
from notifications.recorder import Recorder
from notifications.transport import Envelope, Fence, Fenced, Transport
from scheduler import store
from scheduler.queries import MESSAGES, NOTICES
from scheduler.recording import Statement, record
from scheduler.tables import Message, Notice
from tests.scheduler.house import BASE, House, at

LEASE = timedelta(seconds=900)
WORLD = replace(BASE, base_url="https://duban.example", mail_from="督办 <duban@x.example>")


@dataclass
class Awkward:
    """A transport that does what a test tells it, for each mail in turn, then accepts.

    A step is an error to raise: before the fence, or behind it where ``behind`` is set.
    """

    steps: list[Exception] = field(default_factory=list)
    behind: bool = False
    repeatable: bool = False
    carriers: int = 1
    handed: list[Envelope] = field(default_factory=list)
    during: Callable[[], None] = lambda: None

    def describe(self) -> str:
        return "test"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Awkward]:
        yield self

    async def hand(self, envelope: Envelope, fence: Fence) -> str:
        step = self.steps.pop(0) if self.steps else None
        if step and not self.behind:
            raise step
        if not await fence():
            raise Fenced("lost")
        self.handed.append(envelope)
        self.during()
        if step:
            raise step
        return "250 ok"


class Post(House):
    """The small house; ``pass_by`` ticks, gathers and delivers at an instant."""

    def __init__(
        self, folder: Path, adopted: str = "2026-03-01 09:00", base: Any = WORLD, url: str = ""
    ) -> None:
        super().__init__(folder, adopted, base, url)
        self.folder = folder

    def gather(self, when: str | datetime) -> GatherReport:
        now = at(when) if isinstance(when, str) else when
        with Session(self.engine) as session:
            return gather(session, now, self.world)

    def deliver(
        self,
        when: str | datetime,
        way: Transport | None = None,
        owner: str = "me",
        desk: Desk | None = None,
    ) -> DeliverReport:
        now = at(when) if isinstance(when, str) else when
        return deliver(
            self.engine, lambda: now, way or Recorder(), self.world,
            owner=owner, lease=LEASE, desk=desk,
        )  # fmt: skip

    def desk(self, owner: str = "me") -> Desk:
        """Return the desk of a process, whose journal lies beside the store."""
        return Desk(Journal(self.folder / "journal", owner))

    def round(self, when: str, way: Transport, desk: Desk, owner: str = "me") -> RoundReport:
        """Do a whole round, as the service does."""
        return one_round(self.engine, lambda: at(when), self.world, way, owner, LEASE, desk)

    def backup(self) -> Path:
        """Copy the store as it is now."""
        copy = self.folder / "backup.db"
        copy.unlink(missing_ok=True)
        _copy(str(self.engine.url.database), copy)
        return copy

    def restore(self, saved: Path) -> None:
        """Make the store what it was."""
        self.engine.dispose()
        _copy(saved, str(self.engine.url.database))
        self.known = None

    def pass_by(self, when: str, way: Transport | None = None) -> DeliverReport:
        self.tick(when)
        self.gather(when)
        return self.deliver(when, way)

    def say(self, key: str, kind: str, when: str, **more: Any) -> None:
        with store.writing(self.engine) as session:
            record(session, Statement(key, kind, **more), at(when), "测试", self.world)

    def messages(self) -> list[Message]:
        with store.reading(self.engine) as session:
            found = list(session.execute(select(Message).order_by(MESSAGES.c.id)).scalars())
            session.expunge_all()
            return found

    def notices(self, key: str | None = None) -> list[Notice]:
        query = select(Notice).order_by(NOTICES.c.id)
        with store.reading(self.engine) as session:
            found = list(session.execute(query).scalars())
            session.expunge_all()
            return [notice for notice in found if key in (None, notice.key)]

    def states(self) -> list[str]:
        return [message.state for message in self.messages()]

    def set(self, number: int, **values: Any) -> None:
        """Change a message's row as another process, or time, would have."""
        with store.writing(self.engine) as session:
            session.execute(MESSAGES.update().where(MESSAGES.c.id == number).values(**values))


def _copy(source: Path | str, target: Path | str) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def read(body: bytes) -> EmailMessage:
    message = email.message_from_bytes(body, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: Message) -> str:
    """Return the plain text of a stored mail."""
    part = read(message.body).get_body(("plain",))
    assert part is not None
    content: str = part.get_content()
    return content
