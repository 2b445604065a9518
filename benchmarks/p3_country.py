"""P3: the whole country under the mix of duties of the five documents, 18 months ahead.

The five rosters are copied, each copy with institutions of its own, until there are as many
institutions as asked for. Counted on our side: the dates of 18 months, compared with an empty store
and written to it (``compare`` and ``write``, as ``apply`` does); on the other the very rows, ready
made, by ``executemany`` of ``sqlite3`` into the same tables. Stores do not wait for the disk here.
Then a plan that changes nothing, against the same ``executemany``. Seconds of CPU. Memory is the
peak of a process of its own that does the first plan and apply.
"""

from __future__ import annotations

import argparse
import resource
import sqlite3
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from itertools import count as numbers
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from benchmarks.rounds import Ratio, record, seconds
from config.roster import Institution, Membership, Pairing, Roster
from scheduler import holding, store
from scheduler.applying import write
from scheduler.ladder import fitted
from scheduler.loading import load
from scheduler.occurrences import Occurrence, occurrences
from scheduler.plan import Changes, compare
from scheduler.world import World

FIRST, LAST = date(2024, 1, 1), date(2025, 6, 30)
NOW = datetime(2024, 1, 2, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
TABLES = ("occurrence", "occurrence_party")


def country(institutions: int) -> World:
    """Return the five documents with rosters of at least so many institutions altogether."""
    loaded = load()
    own = sum(len(roster.institutions) for roster in loaded.rosters.values())
    copies = -(-institutions // own)
    rosters = {name: multiplied(roster, copies) for name, roster in loaded.rosters.items()}
    return World(loaded.documents, rosters, loaded.workdays, placeholders=True)


def multiplied(roster: Roster, copies: int) -> Roster:
    """Return a roster with so many of each institution, pairing and membership."""
    institutions: dict[str, Institution] = {}
    pairings: list[Pairing] = []
    members: list[Membership] = []
    for number in range(copies):
        end = f"-{number}" if number else ""  # the first keeps the names that documents know

        def named(id_: str | None, end: str = end) -> Any:
            return f"{id_}{end}" if id_ else id_

        for one in roster.institutions.values():
            copy = replace(
                one, id=named(one.id), name=named(one.name), authority=named(one.authority),
                government=named(one.government), parent=named(one.parent), aliases=(),
                canonical="",
            )  # fmt: skip
            institutions[copy.id] = copy
        pairings += [
            replace(
                one,
                id=named(one.id),
                supporter=named(one.supporter),
                recipient=named(one.recipient),
            )
            for one in roster.pairings
        ]
        members += [replace(one, institution=named(one.institution)) for one in roster.members]
    return Roster(roster.document, institutions, tuple(pairings), tuple(members))


def wanted(world: World) -> list[Occurrence]:
    found: list[Occurrence] = []
    for name, document in world.documents.items():
        roster = world.rosters[name]
        found += fitted(occurrences(document, roster, world.workdays, FIRST, LAST))
    return found


def plan(engine: Engine, world: World) -> Changes:
    with store.writing(engine) as session:
        held = holding.held(session, world.documents)
        changes = compare(
            wanted(world),
            held,
            partial(holding.known, session),
            NOW,
            world.workdays,
            world.timezone,
        )
        if changes.any:
            write(session, changes, held, NOW, world, "benchmark")
    return changes


def fresh(folder: Path, number: int) -> Engine:
    engine = store.connect(f"sqlite:///{folder / f'{number}.db'}", durable=False)
    store.migrate(engine)
    return engine


def raw(source: Path, target: Path) -> float:
    """Return the seconds in which the rows of one store are put into another."""
    with sqlite3.connect(source) as connection:
        rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in TABLES}
    connection = sqlite3.connect(target, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")

    def run() -> None:
        connection.execute("BEGIN IMMEDIATE")
        for name, held in rows.items():
            marks = ",".join("?" * len(held[0]))
            connection.executemany(f"INSERT INTO {name} VALUES ({marks})", held)
        connection.execute("COMMIT")

    taken = seconds(run)
    connection.close()
    return taken


def peak(institutions: int) -> float:
    """Return the peak memory, in MB, of a process that plans and applies once."""
    command = [sys.executable, "-m", "benchmarks.p3_country", "--alone", str(institutions)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def alone(institutions: int) -> None:
    with tempfile.TemporaryDirectory(prefix="duban-p3-") as folder:
        plan(fresh(Path(folder), 0), country(institutions))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def rounds(institutions: int, times: int) -> tuple[Ratio, Ratio]:
    """Return the ratios of the first plan and apply, and of a plan that changes nothing."""
    world = country(institutions)
    first: list[float] = []
    again: list[float] = []
    with tempfile.TemporaryDirectory(prefix="duban-p3-") as name:
        folder, number = Path(name), numbers()
        for _ in range(times):
            ours, other = next(number), next(number)
            engine = fresh(folder, ours)
            taken = seconds(partial(plan, engine, world))
            nothing = seconds(partial(plan, engine, world))
            engine.dispose()
            fresh(folder, other).dispose()
            unit = raw(folder / f"{ours}.db", folder / f"{other}.db")
            first.append(taken / unit)
            again.append(nothing / unit)
            with sqlite3.connect(folder / f"{ours}.db") as connection:
                rows = connection.execute("SELECT count(*) FROM occurrence").fetchone()[0]
            for left in folder.iterdir():
                left.unlink()
    print(
        f"P3 {institutions:,} institutions, {rows:,} occurrences: first {taken:.1f} s, "
        f"again {nothing:.1f} s, executemany {unit:.1f} s, peak {peak(institutions):,.0f} MB"
    )
    return Ratio(tuple(first)), Ratio(tuple(again))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.p3_country")
    parser.add_argument("--most", type=int, default=100_000)
    parser.add_argument("--alone", type=int)
    args = parser.parse_args()
    if args.alone:
        alone(args.alone)
        return
    for institutions in (1_000, 10_000, 100_000):
        if institutions > args.most:
            break
        # A round of the whole country takes minutes; growth is seen in one.
        times = 7 if institutions <= 10_000 else 1
        first, again = rounds(institutions, times)
        record(f"P3 first plan and apply, {institutions:,} institutions / executemany", first)
        record(
            f"P3 a plan that changes nothing, {institutions:,} institutions / executemany", again
        )


if __name__ == "__main__":
    main()
