"""Mails leave: each is claimed, handed over behind a fence, and its receipt is stored.

What each state means and who may change it: docs/architecture.md and ``notifications.claims``.
``gather`` composes what ``deliver`` hands over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from notifications import claims, elsewhere, pause
from notifications.claims import Claim, Ripe
from notifications.desk import Desk, Outcome
from notifications.gather import GatherReport, gather
from notifications.records import record
from notifications.settling import Settled, settle
from notifications.together import Together
from notifications.transport import (
    Carrier,
    Deferred,
    DeliveryError,
    Envelope,
    Fenced,
    InDoubt,
    Transport,
)
from notifications.waiting import allowed, backoff, useful_until
from scheduler.faults import fault
from scheduler.store import reading, writing
from scheduler.world import World

__all__ = ["DeliverReport", "GatherReport", "backoff", "deliver", "gather", "useful_until"]

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


def deliver(
    engine: Engine,
    clock: Clock,
    transport: Transport,
    world: World,
    *,
    owner: str,
    lease: timedelta,
    desk: Desk | None = None,
) -> DeliverReport:
    """Hand over every mail that is due and return what came of it.

    ``clock`` gives the service's present instant (aware), for a round may take long. ``owner``
    names this process, uniquely for each start. Leases and waits follow the clock. ``desk`` keeps
    what outlives a round. Raises the first error of the store, when what was in hand is settled.
    """
    desk = desk or Desk()
    _settle_kept(engine, desk, world, transport)
    with reading(engine) as session:
        if not claims.waiting(session, clock()):
            stopped = pause.current(session)
            return DeliverReport(paused=stopped.reason if stopped else None)
    return asyncio.run(_Round(engine, clock, transport, world, owner, lease, desk).run())


def _settle_kept(engine: Engine, desk: Desk, world: World, transport: Transport) -> None:
    """Tell the store what it could not be told before; nothing is claimed until it knows."""
    while desk.kept:
        with writing(engine) as session:
            settle(session, desk.kept[0], world, repeatable=transport.repeatable)
        desk.kept.popleft()


class _Round:
    """One round of delivery by several carriers at once."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        transport: Transport,
        world: World,
        owner: str,
        lease: timedelta,
        desk: Desk,
    ) -> None:
        self.engine, self.clock, self.transport, self.world = engine, clock, transport, world
        self.owner, self.lease, self.desk = owner, lease, desk
        self.store = Together(engine)
        self.report = DeliverReport()
        self.stop = False
        self.errors: list[Exception] = []

    async def run(self) -> DeliverReport:
        now = self.clock()
        with writing(self.engine) as session:
            claims.recover(session, now, repeatable=self.transport.repeatable)
            for one in claims.ripe(session, now):
                if (until := self._waits(session, one, now)) is not None:
                    claims.wait(session, one, until)
            ripe = len(claims.ripe(session, now))
            stopped, copied = pause.current(session), elsewhere.current(session)
        if copied:
            self.report.paused = copied
            return self.report
        if stopped is not None and now < stopped.until:
            self.report.paused = stopped.reason
            return self.report
        if stopped is not None:
            await self._work(probe=True)  # one mail finds out whether the relay works again
            self._raise()
            with reading(self.engine) as session:
                still = pause.current(session)
            if still is not None:
                self.report.paused = still.reason
                return self.report
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.transport.carriers, ripe)):
                group.create_task(self._work())
        self._raise()
        return self.report

    def _waits(self, session: Session, one: Ripe, now: datetime) -> datetime | None:
        """Return until when a mail has to wait that may not be tried at this hour, None if it may.

        Asked at each claim, for a long round goes on past the end of the sending hours.
        """
        until = allowed(now, one.role, one.statutory, self.world)
        if until <= now:
            return None
        rungs = claims.rungs(session, one.id)
        ends = useful_until(one.role, one.composed_at, rungs, self.world)
        return min(until, ends) if ends > now else None

    async def _work(self, *, probe: bool = False) -> None:
        """Hand over one mail after the other, or only one to find out whether the relay works.

        An error stops all, after what they have in hand.
        """
        try:
            async with self.transport.open() as carrier:
                done = 0
                while not (self.stop or self.desk.closing or (probe and done)):
                    one, spared = await self.store.ask(partial(self._claim, probe=probe))
                    if one is None:
                        return
                    done += not spared
                    if not (spared or await self._expired(one)):
                        await self._hand(carrier, one)
        except Exception as error:
            self.stop = True
            self.errors.append(error)

    def _claim(self, session: Session, *, probe: bool) -> tuple[Claim | None, bool]:
        """Take the next mail; return whether there is no point in handing it over, too."""
        now = self.clock()
        one = claims.claim(
            session, now, self.owner, self.lease,
            waits=lambda ripe: self._waits(session, ripe, now), probe=probe,
        )  # fmt: skip
        if one is None or not claims.pointless(session, one):
            return one, False
        claims.spare(session, one)
        return one, True

    def _raise(self) -> None:
        if self.errors:
            raise self.errors[0]

    async def _expired(self, one: Claim) -> bool:
        now = self.clock()
        if now < claims.useful(one, self.world):
            return False

        def expire(session: Session) -> None:
            if one.handed:
                claims.keep_in_doubt(session, one, "已过有用的时候，不再重发")
            else:
                claims.fail(session, one, now, "已过有用的时候，没有送出", "expired")

        await self.store.ask(expire)
        self.report.expired += 1
        return True

    async def _hand(self, carrier: Carrier, one: Claim) -> None:
        asked = left = False

        async def fence() -> bool:
            nonlocal asked, left
            asked, now = True, self.clock()

            def pass_(session: Session) -> tuple[bool, dict[str, Any]]:
                passed = claims.fence(session, one, now, self.lease)
                return passed, record(session, one.id) if passed and self.desk.journal else {}

            passed, kept = await self.store.ask(pass_)
            if kept:
                try:
                    await asyncio.to_thread(self.desk.hand, one, now, kept)
                except OSError as error:
                    said = f"交付日志写不进，没有交出：{error.strerror or error}"
                    raise Deferred(said) from error
            left = passed
            return passed

        error: DeliveryError | None = None
        try:
            reply = await carrier.hand(Envelope(one.message_id, one.recipient, one.body), fence)
        except DeliveryError as known:
            reply, error = known.reply, known
        except Exception as unknown:
            # Our own fault; what it proves is only on which side of the fence it happened.
            said = fault(unknown)
            if said is None:
                log.exception("message %s could not be handed over", one.id)
            else:
                log.error("message %s could not be handed over: %s", one.id, said.said)
            reply = f"程序出错：{type(unknown).__name__}"
            error = InDoubt(reply) if left else Deferred(reply)
        outcome = Outcome(one, self.clock(), reply, error, asked)
        await asyncio.to_thread(self.desk.answer, outcome)
        repeatable = self.transport.repeatable
        try:
            settled = await self.store.ask(
                lambda session: settle(session, outcome, self.world, repeatable=repeatable)
            )
        except SQLAlchemyError:
            if not isinstance(error, Fenced):
                self.desk.kept.append(outcome)
            raise
        self._count(settled, reply if error else "")

    def _count(self, settled: Settled, reply: str) -> None:
        if settled.where != "elsewhere":
            setattr(self.report, settled.where, getattr(self.report, settled.where) + 1)
        if reply:
            self.report.replies.append(reply)
        self.stop = self.stop or settled.stop
        self.report.paused = settled.paused or self.report.paused
