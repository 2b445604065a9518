"""What every way of handing over a mail has in common, and the ways in which it can fail.

The type of an error says what may be done next: an error raised before the bytes left means
surely not accepted; ``InDoubt`` alone means that nobody can know.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

# One mailbox, nothing around it: what RFC 5321 calls a Mailbox, without quoted local parts,
# comments, lists and non-ASCII letters.
MAILBOX = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
    r"@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)


class DeliveryError(Exception):
    """Surely not accepted. ``reply`` is what the server said, or why it was not asked."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


class Rejected(DeliveryError):
    """Not accepted, and trying again would not help."""


class Deferred(DeliveryError):
    """Not accepted, but may be accepted later."""


class Unreachable(Deferred):
    """Nobody answered at all: the next mail would only wait for the same."""


class RelayFault(DeliveryError):
    """Not accepted because of the relay or our account, whoever the recipient is."""


class InDoubt(DeliveryError):
    """The bytes left and no answer came: accepted or not, nobody can tell."""


class Fenced(DeliveryError):
    """The lease was lost before the point of no return; nothing left this process."""


class Envelope(NamedTuple):
    """One mail for one recipient. ``key`` names it for good, ``body`` is the full MIME bytes."""

    key: str
    recipient: str
    body: bytes


# Called at the point of no return; False means: stop, another process owns the mail.
Fence = Callable[[], Awaitable[bool]]


class Carrier(Protocol):
    """One open way out, used for one mail at a time."""

    async def hand(self, envelope: Envelope, fence: Fence) -> str:
        """Hand over one mail and return the receipt; raises DeliveryError."""
        ...


class Transport(Protocol):
    """Where mail goes, over how many carriers at once.

    ``repeatable``: handing the same bytes over again cannot double them.
    """

    @property
    def repeatable(self) -> bool: ...
    @property
    def carriers(self) -> int: ...

    def describe(self) -> str:
        """Return in Chinese where mail goes, without secrets."""
        ...

    def open(self) -> AbstractAsyncContextManager[Carrier]:
        """Return a carrier for the time of one round."""
        ...


def checked_recipient(address: str) -> str:
    """Return the address if it is exactly one ASCII mailbox; raises Rejected otherwise.

    Servers have been sent ``RCPT TO:<>`` and comma-joined lists by programs that did not look.
    """
    if len(address) > 254 or not MAILBOX.fullmatch(address) or ".." in address:
        raise Rejected(f"收件地址不是一个可用的邮箱：{address[:80]!r}")
    return address
