"""P1: a thousand due notices are fired: claimed, decided on, recorded, and moved on.

Ours is one whole tick on a durable SQLite store (WAL, synchronous=FULL): occurrences read as JSON,
ladders, recipients, notices, next instants. A second figure leaves out what is decided and counts
what the store is told and asked. The raw side is ``sqlite3`` alone, which is given the
very statements and values that the tick gave its driver. The other is APScheduler with a job for
each reminder in its SQLAlchemy job store (WAL, FULL too): each job stores its notice when it fires.
Told apart: the seconds by the clock, in which the disk counts, and those of the CPU.
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Engine, event
from sqlmodel import Session

from benchmarks.rounds import compare, record, seconds, wall_seconds
from benchmarks.stored import DUE, again, filled, ticked, world
from scheduler import projection, queries, store
from scheduler.tick import BATCH
from scheduler.world import World
from tests.delivery.town import BEGINS

OCCURRENCES = 10_000
Clock = Callable[[Callable[[], object]], float]
Said = list[tuple[str, Any, bool]]


def statements(engine: Engine, work: Callable[[], object]) -> Said:
    """Return what the driver is asked while some work is done: text, values, whether many."""
    found: Said = []

    def note(_c: Any, _cursor: Any, text: str, values: Any, _context: Any, many: bool) -> None:
        found.append((text, values, many))

    def commit(_connection: Any) -> None:
        found.append(("COMMIT", (), False))

    event.listen(engine, "before_cursor_execute", note)
    event.listen(engine, "commit", commit)
    work()
    event.remove(engine, "before_cursor_execute", note)
    event.remove(engine, "commit", commit)
    return found


def raw(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def replay(connection: sqlite3.Connection, said: Said) -> None:
    for text, values, many in said:
        if many:
            connection.executemany(text, values)
        else:
            connection.execute(text, values).fetchall()


def store_part(engine: Engine, of: World) -> Callable[[], None]:
    """Return the work of claiming and recording alone, all decisions taken beforehand."""
    notices: list[queries.Row] = []
    onward: list[queries.Row] = []
    plan, move = queries.plan_notices, projection.move_on

    def noted(kept: list[queries.Row], tell: Callable[..., None]) -> Callable[..., None]:
        def told(session: Session, rows: list[queries.Row]) -> None:
            kept.extend(rows)
            tell(session, rows)

        return told

    with (
        patch.object(queries, "plan_notices", noted(notices, plan)),
        patch.object(projection, "move_on", noted(onward, move)),
    ):
        again(engine)
        ticked(engine, of)()

    def run() -> None:
        with Session(engine, expire_on_commit=False) as session:
            for start in range(0, DUE, BATCH):
                keys = [one.key for one in queries.due(session, BEGINS, BATCH)]
                queries.facts(session, keys)
                queries.planned(session, keys)
                queries.plan_notices(session, notices[start : start + BATCH])
                projection.move_on(session, onward[start : start + BATCH])
                session.commit()

    return run


# APScheduler finds a job's function by its name, and the store by this.
NOTED: dict[str, Any] = {}


def fire(key: str) -> None:
    """Record one notice, as a job of a developer's own would."""
    with NOTED["guard"]:  # or the threads wait for the database's lock, in steps of 100 ms
        NOTED["notices"].execute("INSERT INTO noted VALUES (?, ?)", (key, BEGINS.isoformat()))
        NOTED["left"] -= 1
    if NOTED["left"] == 0:
        NOTED["done"].set()


class Jobs:
    """A thousand jobs that are due, in a job store on the disk."""

    def __init__(self, folder: Path) -> None:
        self.engine = store.connect(f"sqlite:///{folder / 'jobs.db'}")
        notices = sqlite3.connect(
            folder / "noted.db", isolation_level=None, check_same_thread=False
        )
        notices.execute("PRAGMA journal_mode=WAL")
        notices.execute("PRAGMA synchronous=FULL")
        notices.execute("CREATE TABLE noted (key TEXT, at TEXT, PRIMARY KEY (key, at))")
        NOTED.update(notices=notices, guard=threading.Lock())
        filling = _scheduler(store.connect(f"sqlite:///{folder / 'jobs.db'}", durable=False))
        for n in range(DUE):
            filling.add_job(fire, "date", run_date=datetime(2020, 1, 1), args=[str(n)], id=str(n))
        self._say("CREATE TABLE kept AS SELECT * FROM apscheduler_jobs")

    def _say(self, statement: str) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def time(self, clock: Clock) -> float:
        self._say("DELETE FROM apscheduler_jobs")
        self._say("INSERT INTO apscheduler_jobs SELECT * FROM kept")
        NOTED["notices"].execute("DELETE FROM noted")
        NOTED.update(left=DUE, done=threading.Event())
        firing = _scheduler(self.engine)

        def run() -> None:
            firing.resume()
            assert NOTED["done"].wait(120)
            assert firing.get_jobs() == []  # waits until the last one has left the job store

        taken = clock(run)
        firing.shutdown()
        assert NOTED["notices"].execute("SELECT count(*) FROM noted").fetchone()[0] == DUE
        return taken


def _scheduler(engine: Engine) -> BackgroundScheduler:
    scheduler = BackgroundScheduler(
        jobstores={"default": SQLAlchemyJobStore(engine=engine)},
        executors={"default": ThreadPoolExecutor(4)},
        job_defaults={"misfire_grace_time": None, "coalesce": True},
        timezone="UTC",
    )
    scheduler.start(paused=True)
    return scheduler


def main() -> None:
    of = world()
    with tempfile.TemporaryDirectory(prefix="duban-p1-") as name:
        folder = Path(name)
        engine = filled(f"sqlite:///{folder / 'duban.db'}", of, OCCURRENCES)
        tick = ticked(engine, of)
        said = statements(engine, tick)
        part = store_part(engine, of)
        connection, jobs = raw(folder / "duban.db"), Jobs(folder)

        def fresh(work: Callable[[], object], clock: Clock) -> float:
            again(engine)
            return clock(work)

        by: dict[str, Clock] = {"by the clock": wall_seconds, "of CPU": seconds}
        for unit, clock in by.items():
            sides = {
                "tick with 1,000 due": partial(fresh, tick, clock),
                "claim and record of these alone": partial(fresh, part, clock),
            }
            base = partial(fresh, partial(replay, connection, said), clock)
            for what, ratio in compare(base, sides).items():
                record(f"P1 {what} / raw sqlite3, seconds {unit}", ratio)
        for unit, clock in by.items():
            jobs_ratio = compare(
                partial(fresh, tick, clock), {"jobs": partial(jobs.time, clock)}, rounds=7
            )
            record(
                f"P1 APScheduler, a job each / tick with 1,000 due, seconds {unit}", jobs_ratio["jobs"],
                "apscheduler", "sqlalchemy",
            )  # fmt: skip


if __name__ == "__main__":
    main()
