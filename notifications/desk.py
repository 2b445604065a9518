"""One process's desk for handing over: its journal, and the receipts that the store has yet to get.

What the relay said must not be lost because the store was away when it said it: the answer goes to
the journal first, then to the store, and is kept here until the store has it.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from notifications.claims import Claim
from notifications.journal import Journal, What
from notifications.transport import DeliveryError, Fenced, InDoubt

log = logging.getLogger(__name__)


class Outcome(NamedTuple):
    """What came of one try at ``at`` (aware): ``error`` is None for a receipt.

    ``fenced``: the try had come to the point of no return; the store may have it as handed over.
    """

    one: Claim
    at: datetime
    reply: str
    error: DeliveryError | None = None
    fenced: bool = False


@dataclass
class Desk:
    """What outlives a round. ``closing``: take no new mail, finish what is in hand."""

    journal: Journal | None = None
    kept: deque[Outcome] = field(default_factory=deque)
    closing: bool = False

    def hand(self, one: Claim, now: datetime, record: dict[str, Any]) -> None:
        """Write down that a mail is about to leave; raises OSError, and then it must not."""
        if self.journal is not None:
            self.journal.write("handing", now, one.message_id, one.attempt, **record)

    def answer(self, outcome: Outcome) -> None:
        """Write down what came of a mail that may have left. Never raises: the store is next."""
        if self.journal is None or not outcome.fenced or isinstance(outcome.error, Fenced):
            return
        what: What = "sent" if outcome.error is None else "refused"
        if isinstance(outcome.error, InDoubt):
            what = "doubt"
        one = outcome.one
        try:
            self.journal.write(what, outcome.at, one.message_id, one.attempt, reply=outcome.reply)
        except OSError as error:
            log.error("the journal cannot be written: %s", error)
