"""Hand-over to nobody: what would have been sent is kept in a list, for ``simulate`` and tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from notifications.transport import Envelope, Fence, Fenced, checked_recipient


@dataclass(frozen=True)
class Recorder:
    """A transport that only remembers, in order."""

    handed: list[Envelope] = field(default_factory=list)
    carriers: int = 1
    repeatable: bool = False

    def describe(self) -> str:
        """Return in Chinese where mail goes."""
        return "只作演算，不发邮件"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Recorder]:
        """Yield itself."""
        yield self

    async def hand(self, envelope: Envelope, fence: Fence) -> str:
        """Remember one mail; raises DeliveryError as a real hand-over would."""
        checked_recipient(envelope.recipient)
        if not await fence():
            raise Fenced("租约已失，未交出")
        self.handed.append(envelope)
        return "recorded"
