"""One round of the engine: extend, plan, compose, hand over. The same in every face."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session

from notifications.outbox import DeliverReport, GatherReport, deliver, gather
from notifications.transport import Transport
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
) -> RoundReport:
    """Do all of it once; ``clock`` gives the service's present instant (aware)."""
    planned, composed = prepare(engine, clock(), world)
    delivered = deliver(engine, clock, transport, world, owner=owner, lease=lease)
    return RoundReport(planned, composed, delivered)
