"""One round of the engine: catch up, extend, plan, compose, hand over. The same in every face."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session

from notifications import alive, proof
from notifications.catching_up import catch_up
from notifications.desk import Desk
from notifications.monitor import Monitor
from notifications.outbox import DeliverReport, GatherReport, deliver, gather
from notifications.setback import mend
from notifications.transport import Transport
from scheduler import queries, watching
from scheduler.extending import extend
from scheduler.store import writing
from scheduler.tick import TickReport, tick
from scheduler.world import World


@dataclass(frozen=True)
class RoundReport:
    """What one round planned, composed and handed over."""

    planned: TickReport
    composed: GatherReport
    delivered: DeliverReport


def prepare(engine: Engine, now: datetime, world: World) -> tuple[TickReport, GatherReport]:
    """Extend the horizon, plan what is due and compose it; each step is safe to repeat."""
    with writing(engine) as session:
        extend(session, now, world)
    with Session(engine, expire_on_commit=False) as session:
        planned = tick(session, now, world)
    with Session(engine, expire_on_commit=False) as session:
        composed = gather(session, now, world)
    return planned, composed


def one_round(
    engine: Engine,
    clock: Callable[[], datetime],
    world: World,
    transport: Transport,
    owner: str,
    lease: timedelta,
    desk: Desk | None = None,
) -> RoundReport:
    """Do all of it once; ``clock`` gives the service's present instant (aware).

    ``desk`` keeps the journal and what outlives a round; without one, there is no journal.
    """
    if desk is not None and desk.journal is not None:
        catch_up(engine, [desk.journal.folder], clock(), world)
    mend(engine, clock(), world)
    planned, composed = prepare(engine, clock(), world)
    delivered = deliver(engine, clock, transport, world, owner=owner, lease=lease, desk=desk)
    return RoundReport(planned, composed, delivered)


@dataclass
class Rounds:
    """The rounds of one process on the real store, with what looks after them.

    ``world`` gives what is applied now; ``owner`` names the process, uniquely for each start.
    """

    engine: Engine
    clock: Callable[[], datetime]
    world: Callable[[], World]
    transport: Transport
    owner: str
    lease: timedelta
    desk: Desk
    monitor: Monitor
    rate: float = 1  # how many times as fast as the real one the clock runs

    def run(self) -> RoundReport:
        """Do one round, prove the outbox, tell the admin, and say to the monitor that it is done.

        Raises what the round raises; the monitor hears nothing then.
        """
        started, world = self.clock(), self.world()
        report = one_round(
            self.engine, self.clock, world, self.transport, self.owner, self.lease, self.desk
        )
        watching.contacts(self.engine, self.clock(), world)
        repeatable = self.transport.repeatable
        proof.hourly(self.engine, self.clock(), world, repeatable=repeatable, rate=self.rate)
        with writing(self.engine) as session:
            alive.daily(session, self.clock(), world)
            queries.set_mark(session, "tick", started.isoformat())
        self.monitor.ping()
        return report

    def close(self) -> None:
        """Let a round that is under way take no new mail, but finish what is in hand."""
        self.desk.closing = True
