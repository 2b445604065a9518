"""All feeds in use brought up to date at once, as a service that begins at this instant does."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from notifications import feed_next
from notifications.upkeep import Upkeep
from scheduler.world import World


def render_changed(engine: Engine, now: datetime, world: World) -> int:
    """Return how many feeds were rendered."""
    upkeep = Upkeep(engine, lambda: now, lambda: feed_next.today(now, world), lambda: world)
    return upkeep.look()
