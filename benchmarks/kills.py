"""The proof of delivery in full: a thousand processes killed on each database, then the reckoning.

Run from the checkout: ``.venv/bin/python -m benchmarks.kills [--kills 1000] [--seed 1]
[--database sqlite|postgresql]``. Two processes on SQLite, three on PostgreSQL, against the mail
server of ``tests/mailserver`` with the faults of ``tests/delivery/kill_loop.py``; four mails to a
kill. Prints what was found, appends a line for each database to ``kills.md``, and ends with 1 where
anything was lost, doubled or wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import date
from pathlib import Path

from tests.delivery.checker import Verdict
from tests.delivery.kill_loop import Tale, spring
from tests.stores.postgresql import database, serving

RESULTS = Path(__file__).parent / "kills.md"
HEAD = (
    "| date | database | processes | kills (at a change of state, at random) | cut off | mails "
    "| accepted | lost | doubled | statutory repeated | held in doubt | wrong | minutes | seed |\n"
    + "|---" * 14
    + "|\n"
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql"))
    args = parser.parse_args()
    sound = True
    for name in (args.database,) if args.database else ("sqlite", "postgresql"):
        sound &= _prove(name, args.kills, args.seed)
    return 0 if sound else 1


def _prove(name: str, kills: int, seed: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="duban-kills-") as folder:
        tmp = Path(folder)
        if name == "sqlite":
            processes, url = 2, f"sqlite:///{tmp / 'duban.db'}"
            tale, verdict = spring(url, tmp, processes, kills, seed)
        else:
            processes = 3
            with serving() as server, database(server) as url:
                tale, verdict = spring(url, tmp, processes, kills, seed, cuts=kills // 20)
    for line in (*verdict.lost, *verdict.doubled, *verdict.wrong):
        print(line)
    if tale.spared:
        print("no process died at:", tale.spared)
    _record(name, processes, seed, tale, verdict)
    return verdict.sound and tale.killed >= kills


def _record(name: str, processes: int, seed: int, tale: Tale, found: Verdict) -> None:
    cells = (
        date.today(), name, processes,
        f"{tale.killed} ({tale.kills['by itself']}, {tale.kills['at random']})", tale.cuts,
        found.states.total(), found.accepted, len(found.lost), len(found.doubled), found.repeated,
        found.held, len(found.wrong), f"{tale.seconds / 60:.1f}", seed,
    )  # fmt: skip
    line = "| " + " | ".join(map(str, cells)) + " |\n"
    print(line, end="")
    if not RESULTS.exists():
        RESULTS.write_text(f"# Killed\n\n{HEAD}", encoding="utf-8")
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(line)


if __name__ == "__main__":
    sys.exit(main())
