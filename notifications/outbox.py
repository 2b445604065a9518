"""Mails leave: each is claimed, handed over behind a fence, and its receipt is stored.

What each state means and who may change it: docs/architecture.md and ``notifications.claims``.
``gather`` composes what ``deliver`` hands over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import Engine

from notifications import claims, next_contact, pause
from notifications.claims import Claim
from notifications.gather import GatherReport, gather
from notifications.transport import (
    Carrier,
    Deferred,
    DeliveryError,
    Envelope,
    Fenced,
    InDoubt,
    Rejected,
    RelayFault,
    Transport,
    Unreachable,
)
from scheduler.store import reading, writing
from scheduler.world import World

__all__ = ["DeliverReport", "GatherReport", "backoff", "deliver", "gather", "useful_until"]

MINUTE = timedelta(minutes=1)
BACKOFF = (1 * MINUTE, 6 * MINUTE, 20 * MINUTE, 60 * MINUTE)
AFTER_DUE = timedelta(days=14)  # how long a mail about something overdue is worth another try
REFUSALS = 5  # so many recipients with the same refusal in a row are the relay's doing
REFUSALS_WITHIN = timedelta(hours=1)

Clock = Callable[[], datetime]
log = logging.getLogger(__name__)


@dataclass
class DeliverReport:
    """How many mails ended where in one round, and why the queue stands still, if it does."""

    sent: int = 0
    put_back: int = 0
    failed: int = 0
    in_doubt: int = 0
    expired: int = 0
    paused: str | None = None
    replies: list[str] = field(default_factory=list)


def backoff(attempt: int, key: str) -> timedelta:
    """Return how long to wait after the given attempt (from 1); hourly ones are spread by key."""
    step = BACKOFF[min(attempt, len(BACKOFF)) - 1]
    spread = timedelta(seconds=sum(key.encode()) % 600) if attempt > len(BACKOFF) else timedelta()
    return step + spread


def useful_until(claim: Claim, world: World) -> datetime:
    """Return the instant after which a mail is no longer worth a try.

    A reminder ends with its due date, for the rungs after it follow; those are good for a while.
    """
    latest = max(
        (due for rung, due in claim.rungs if not rung.startswith("after")), default=date.min
    )
    ends = claim.composed_at + AFTER_DUE
    if any(rung.startswith("after") for rung, _ in claim.rungs) or not claim.rungs:
        return ends
    after = latest + timedelta(days=1)
    return datetime(after.year, after.month, after.day, tzinfo=world.timezone)


def deliver(
    engine: Engine,
    clock: Clock,
    transport: Transport,
    world: World,
    *,
    owner: str,
    lease: timedelta,
) -> DeliverReport:
    """Hand over every mail that is due and return what came of it.

    ``clock`` gives the service's present instant (aware), for a round may take long. ``owner``
    names this process, uniquely for each start. Leases and waits follow the clock.
    """
    with reading(engine) as session:
        if not claims.waiting(session, clock()):
            stopped = pause.current(session)
            return DeliverReport(paused=stopped.reason if stopped else None)
    return asyncio.run(_Round(engine, clock, transport, world, owner, lease).run())


class _Round:
    """One round of delivery by several carriers at once.

    The store is asked in the event loop's own thread: a statement takes less than a thread change.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        transport: Transport,
        world: World,
        owner: str,
        lease: timedelta,
    ) -> None:
        self.engine, self.clock, self.transport, self.world = engine, clock, transport, world
        self.owner, self.lease = owner, lease
        self.report = DeliverReport()
        self.stop = False

    async def run(self) -> DeliverReport:
        now = self.clock()
        with writing(self.engine) as session:
            claims.recover(session, now, repeatable=self.transport.repeatable)
            stopped = pause.current(session)
        if stopped is not None and now < stopped.until:
            self.report.paused = stopped.reason
            return self.report
        if stopped is not None:
            await self._work(limit=1)  # one mail finds out whether the relay works again
            with reading(self.engine) as session:
                still = pause.current(session)
            if still is not None:
                self.report.paused = still.reason
                return self.report
        async with asyncio.TaskGroup() as group:
            for _ in range(self.transport.carriers):
                group.create_task(self._work())
        return self.report

    async def _work(self, limit: int | None = None) -> None:
        done = 0
        async with self.transport.open() as carrier:
            while not self.stop and (limit is None or done < limit):
                with writing(self.engine) as session:
                    one = claims.claim(session, self.clock(), self.owner, self.lease)
                if one is None:
                    return
                done += 1
                if not self._expired(one):
                    await self._hand(carrier, one)

    def _expired(self, one: Claim) -> bool:
        now = self.clock()
        if now < useful_until(one, self.world):
            return False
        with writing(self.engine) as session:
            if one.handed:
                claims.keep_in_doubt(session, one, "已过有用的时候，不再重发")
            else:
                claims.fail(session, one, now, "已过有用的时候，没有送出", "expired")
        self.report.expired += 1
        return True

    async def _hand(self, carrier: Carrier, one: Claim) -> None:
        fenced = False

        async def fence() -> bool:
            nonlocal fenced
            with writing(self.engine) as session:
                fenced = claims.fence(session, one, self.clock(), self.lease)
            return fenced

        try:
            reply = await carrier.hand(Envelope(one.message_id, one.recipient, one.body), fence)
        except DeliveryError as error:
            self._note(one, error, fenced)
        except Exception as error:
            # Our own fault; what it proves is only on which side of the fence it happened.
            log.exception("message %s could not be handed over", one.id)
            said = f"程序出错：{type(error).__name__}"
            self._note(one, InDoubt(said) if fenced else Deferred(said), fenced)
        else:
            with writing(self.engine) as session:
                claims.sent(session, one, self.clock(), reply)
                pause.end(session, self.clock())
            self.report.sent += 1

    def _note(self, one: Claim, error: DeliveryError, fenced: bool) -> None:
        now = self.clock()
        self.report.replies.append(error.reply)
        if isinstance(error, Fenced):
            return  # another process has it, or will
        with writing(self.engine) as session:
            if isinstance(error, InDoubt):
                claims.doubt(session, one, now, error.reply, repeatable=self.transport.repeatable)
                self.report.in_doubt += 1
            elif isinstance(error, RelayFault):
                claims.put_back(session, one, now, error.reply, fenced=fenced)
                stopped = pause.begin(session, now, error.reply)
                self._halt(stopped.reason)
                self.report.put_back += 1
            elif isinstance(error, Rejected):
                refusal = claims.signature(error.reply, one.recipient)
                stopped_for = pause.current(session)
                if stopped_for and stopped_for.reason == refusal:
                    claims.put_back(session, one, now, error.reply, fenced=fenced)
                    self._halt(pause.begin(session, now, refusal).reason)
                    self.report.put_back += 1
                    return
                if claims.fail(session, one, now, error.reply):
                    next_contact.pass_on(session, one.id, now, self.world)
                    self.report.failed += 1
                if claims.same_refusals(session, refusal, now - REFUSALS_WITHIN, REFUSALS):
                    self._halt(pause.begin(session, now, refusal).reason)
            else:
                wait = backoff(one.attempt, one.message_id)
                claims.put_back(session, one, now + wait, error.reply, fenced=fenced)
                self.report.put_back += 1
                if isinstance(error, Unreachable):
                    self.stop = True  # the others would only wait for the same server

    def _halt(self, reason: str) -> None:
        self.stop = True
        self.report.paused = reason
