"""P2: a tick with a thousand due, at ten thousand to five million stored occurrences.

Every store is a durable SQLite file; those that are due lie evenly among the others, so that each
is on a page of its own. Counted are the seconds of CPU of one whole tick; those by the clock are
printed. The idle tick finds nothing due. ``--most`` sets the largest store: five million take
about 6 GB of disk and some minutes to write.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from benchmarks.rounds import compare, record, seconds, wall_seconds
from benchmarks.stored import again, filled, idle, ticked, world

SIZES = (10_000, 100_000, 1_000_000, 5_000_000)
IDLE = 200  # so many idle ticks a round, or a round is too short to time


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.p2_growth")
    parser.add_argument("--most", type=int, default=SIZES[-1])
    sizes = [size for size in SIZES if size <= parser.parse_args().most]
    of = world()
    with tempfile.TemporaryDirectory(prefix="duban-p2-") as folder:
        stores: dict[int, Engine] = {}
        for size in sizes:
            path = Path(folder) / f"{size}.db"
            stores[size] = filled(f"sqlite:///{path}", of, size)
            print(f"P2 {size:,} stored: {path.stat().st_size / 1e6:,.0f} MB")

        def fired(size: int) -> float:
            again(stores[size])
            return seconds(ticked(stores[size], of))

        for size in sizes:
            again(stores[size])
            ticked(stores[size], of)()
            again(stores[size])
            taken = wall_seconds(ticked(stores[size], of))
            print(f"P2 1,000 due at {size:,}: {taken * 1000:.0f} ms by the clock")
        others = {
            f"P2 tick with 1,000 due at {size:,} / at {sizes[0]:,}": partial(fired, size)
            for size in sizes[1:]
        }
        for goal, ratio in compare(partial(fired, sizes[0]), others).items():
            record(goal, ratio)

        for size in sizes:
            work = idle(stores[size], of, IDLE)
            work()
            cost = statistics.median(seconds(work) for _ in range(9)) / IDLE
            print(f"P2 idle tick at {size:,}: {cost * 1000:.2f} ms of CPU")
        for engine in stores.values():
            engine.dispose()


if __name__ == "__main__":
    main()
