"""The relay of the machine, which does what a script says, and the deaths that processes die."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol

from notifications.transport import (
    Deferred,
    Envelope,
    Fence,
    Fenced,
    InDoubt,
    Rejected,
    RelayFault,
    Unreachable,
)


class Death(BaseException):
    """The process is gone: nothing catches this."""


class Fate(NamedTuple):
    """At which moment of a step the process dies, and at how many such moments (from 1)."""

    moment: str
    turn: int


# Every change is a commit or a line of the journal, and the relay's yes lies between two of them.
MOMENTS = ("uncommitted", "committed", "unwritten", "torn", "written", "accepted")

BEFORE: dict[str, Callable[[], Exception]] = {
    "450": lambda: Deferred("450 greylisted"),
    "550": lambda: Rejected("550 nobody here"),
    "535": lambda: RelayFault("535 no"),
    "away": lambda: Unreachable("nobody answers"),
    "fault": lambda: RuntimeError("ours"),
}
BEHIND: dict[str, Callable[[], Exception]] = {
    "451 at dot": lambda: Deferred("451 later"),
    "554 at dot": lambda: Rejected("554 no"),
    "lost": lambda: InDoubt("cut off"),
    "fault behind": lambda: RuntimeError("ours"),
}
KEPT = "kept, no answer"
SLEEPS = ("asleep", "asleep behind")
STEPS = ("accept", *BEFORE, *BEHIND, KEPT, *SLEEPS)


class Accepted(NamedTuple):
    """A mail that the relay took."""

    message_id: str
    recipient: str
    digest: str
    statutory: bool
    notices: frozenset[tuple[Any, ...]]


class House(Protocol):
    """Whom the relay asks."""

    def moment(self, name: str) -> None: ...
    def behind_the_fence(self, envelope: Envelope) -> None: ...
    def take(self, envelope: Envelope) -> None: ...


class Relay:
    """The way out: it does what the script says, one word a mail, and then accepts."""

    carriers = 1
    repeatable = False

    def __init__(self, rig: House) -> None:
        self.rig = rig
        self.script: list[str] = []
        self.accepted: list[Accepted] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def describe(self) -> str:
        return "machine"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Relay]:
        yield self

    async def hand(self, envelope: Envelope, fence: Fence) -> str:
        step = self.script.pop(0) if self.script else "accept"
        if step in BEFORE:
            raise BEFORE[step]()
        if step == "asleep":
            await asyncio.to_thread(self.meanwhile)
        if not await fence():
            raise Fenced("lost")
        self.rig.behind_the_fence(envelope)
        if step == "asleep behind":
            await asyncio.to_thread(self.meanwhile)
        if step in BEHIND:
            raise BEHIND[step]()
        self.rig.take(envelope)
        self.rig.moment("accepted")
        if step == KEPT:
            raise InDoubt("no answer")
        return "250 ok"


def dead(error: BaseException | None) -> bool:
    """Return whether a death is in or behind an error."""
    while error is not None:
        if isinstance(error, Death):
            return True
        if isinstance(error, BaseExceptionGroup) and any(dead(e) for e in error.exceptions):
            return True
        error = error.__context__
    return False
