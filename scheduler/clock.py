"""The clock: APScheduler says when to look, and nothing else; the jobs are given by the faces.

Nothing is kept in it. What is due stands in the store, so that a late or a missed run loses
nothing: the next one finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger


class Job(NamedTuple):
    """Something to run every so many seconds; it runs once at the start."""

    name: str
    seconds: float
    run: Callable[[], object]


def clock(jobs: Iterable[Job], now: datetime) -> BackgroundScheduler:
    """Return a scheduler of the jobs, not yet started; each first runs at ``now`` (real, aware).

    A run that is late still takes place, runs that were missed become one, and no job ever runs
    beside itself.
    """
    scheduler = BackgroundScheduler(
        jobstores={"default": MemoryJobStore()},
        executors={"default": ThreadPoolExecutor(4)},
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        timezone=UTC,
    )
    for job in jobs:
        scheduler.add_job(
            job.run,
            IntervalTrigger(seconds=job.seconds, timezone=UTC),
            id=job.name,
            name=job.name,
            next_run_time=now,
        )
    return scheduler
