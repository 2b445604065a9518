"""P8: what is due is claimed on PostgreSQL, a hundred rows at a time.

Counted: for each batch, rows selected (``for update skip locked``), moved on, and committed. Ours
is ``scheduler.queries.due`` and ``scheduler.projection.move_on`` in a session; the bare side is the
same SQL on psycopg. Seconds of this process's CPU, and by the clock, in which the server counts.
Two workers are two processes on one table, against one process; each row must be claimed once.
The last figure claims mails one by one, as ``notifications.claims`` does, against the bare SQL.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import Any

import psycopg
from sqlalchemy import Engine, delete, insert, text, update
from sqlmodel import Session

from benchmarks.rounds import compare, record, seconds, wall_seconds
from benchmarks.stored import filled, world
from notifications import claims
from scheduler import projection, queries, store
from tests.delivery.town import BEGINS
from tests.stores.postgresql import database, serving

ROWS, BATCH, MAILS = 10_000, 100, 500
LATER = BEGINS + timedelta(days=7)
SELECT = (
    "select key, body, status, next_notice_at from occurrence where next_notice_at <= %s"
    " order by next_notice_at limit %s for update skip locked"
)
UPDATE = (
    "update occurrence set status = %s, next_notice_at = %s where key = %s and next_notice_at = %s"
)
ONE = (
    "select id, state, attempt from message where state in ('ready', 'in_doubt')"
    " and next_try_at <= %s order by statutory desc, next_try_at, id limit 1"
    " for update skip locked"
)
TAKE = (
    "update message set state = 'sending', owner = 'me', lease_until = %s, attempt = attempt + 1"
    " where id = %s and state = %s and attempt = %s"
)


def bare(url: str, batch: int = BATCH) -> list[str]:
    """Claim everything on psycopg and return the keys."""
    found: list[str] = []
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        while rows := cursor.execute(SELECT, (BEGINS, batch)).fetchall():
            moved = [("open", LATER, row[0], row[3]) for row in rows]
            cursor.executemany(UPDATE, moved)
            connection.commit()
            found += [row[0] for row in rows]
        connection.commit()
    return found


def ours(engine: Engine, batch: int = BATCH) -> list[str]:
    """Claim everything as the tick does and return the keys."""
    found: list[str] = []
    with Session(engine) as session:
        while rows := queries.due(session, BEGINS, batch):
            moved = [
                {"k": one.key, "was": one.next_notice_at, "status": "open", "next_notice_at": LATER}
                for one in rows
            ]
            projection.move_on(session, moved)
            session.commit()
            found += [one.key for one in rows]
    return found


def again(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(update(queries.OCCURRENCES).values(next_notice_at=BEGINS))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum occurrence"))


def worker(url: str, start: Barrier, done: Queue[list[str]]) -> None:
    engine = store.connect(url)
    with engine.connect():
        start.wait()
        keys = ours(engine)
    done.put(keys)


def in_processes(engine: Engine, url: str, count: int) -> float:
    """Return the seconds in which so many processes claim everything, each row once."""
    again(engine)
    context = multiprocessing.get_context("spawn")
    start, done = context.Barrier(count + 1), context.Queue()
    workers = [context.Process(target=worker, args=(url, start, done)) for _ in range(count)]
    for one in workers:
        one.start()
    claimed: list[list[str]] = []

    def run() -> None:
        start.wait()
        claimed.extend(done.get() for _ in workers)

    taken = wall_seconds(run)
    for one in workers:
        one.join()
    times = Counter(key for keys in claimed for key in keys)
    assert len(times) == ROWS, len(times)
    assert set(times.values()) == {1}
    return taken


def fill_mails(engine: Engine) -> None:
    row = {
        "role": "liaison", "day": BEGINS.date(), "sequence": 0, "institution": "da1", "office": "",
        "placeholder": False, "statutory": False, "subject": "督办", "body": b"x" * 6_000,
        "state": "ready", "attempt": 0, "handed": 0, "next_try_at": BEGINS, "composed_at": BEGINS,
    }  # fmt: skip
    rows = [row | {"recipient": f"l@da{n}.example", "message_id": f"<{n}@x>"} for n in range(MAILS)]
    with engine.begin() as connection:
        connection.execute(delete(queries.MESSAGES))
        connection.execute(insert(queries.MESSAGES), rows)


def mails_bare(url: str) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        while row := cursor.execute(ONE, (BEGINS,)).fetchone():
            cursor.execute(TAKE, (LATER, *row))
            columns = "attempt, recipient, statutory, handed, message_id, body, composed_at, role"
            cursor.execute(f"select {columns} from message where id = %s", row[:1]).fetchone()
            cursor.execute("select rung, due from notice where message_id = %s", row[:1]).fetchall()
            connection.commit()


def mails_ours(engine: Engine) -> None:
    count = 0
    while True:
        with store.writing(engine) as session:
            if claims.claim(session, BEGINS, "me", timedelta(minutes=15)) is None:
                break
            count += 1
    assert count == MAILS


def main() -> None:
    of = world()
    with serving() as server, database(server) as url:
        engine = filled(url, of, ROWS)
        again(engine)
        rows = ROWS / wall_seconds(partial(bare, url))
        print(f"P8 bare SQL, batches of {BATCH}: {rows:,.0f} rows/s")
        again(engine)
        assert len(ours(engine)) == ROWS

        def fresh(prepare: Callable[[], None], work: Callable[[], Any], clock: Any) -> float:
            prepare()
            taken: float = clock(work)
            return taken

        due = partial(again, engine)
        for unit, clock in (("by the clock", wall_seconds), ("of CPU", seconds)):
            ratio = compare(
                partial(fresh, due, partial(ours, engine), clock),
                {"bare": partial(fresh, due, partial(bare, url), clock)}, rounds=7,
            )["bare"]  # fmt: skip
            record(f"P8 rows claimed a second / bare SQL, batch {BATCH}, seconds {unit}", ratio,
                   "psycopg", "sqlalchemy")  # fmt: skip
        ratio = compare(
            partial(in_processes, engine, url, 2), {"one": partial(in_processes, engine, url, 1)},
            rounds=7,
        )["one"]  # fmt: skip
        record("P8 rows claimed a second by two workers / by one", ratio, "psycopg", "sqlalchemy")
        waiting = partial(fill_mails, engine)
        ratio = compare(
            partial(fresh, waiting, partial(mails_ours, engine), wall_seconds),
            {"bare": partial(fresh, waiting, partial(mails_bare, url), wall_seconds)}, rounds=7,
        )["bare"]  # fmt: skip
        record("P8 mails claimed one by one a second / bare SQL", ratio, "psycopg", "sqlalchemy")
        engine.dispose()


if __name__ == "__main__":
    main()
