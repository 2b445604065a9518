"""The proof of delivery in full: a thousand processes killed on each database, then the reckoning.

Run from the checkout: ``.venv/bin/python -m benchmarks.kills [--served] [--kills 1000] [--seed 1]
[--database sqlite|postgresql]``. Two processes on SQLite, three on PostgreSQL, against the mail
server of ``tests/mailserver`` with the faults of ``tests/delivery/kill_loop.py``; four mails to a
kill. With ``--served`` it is whole services (``duban serve``) that are killed, stopped, put to
sleep and started again from outside: ``tests/delivery/served_kills.py``, 200 blows unless
``--kills`` says how many. Prints what was found, appends a line for each database to ``kills.md``
or ``served_kills.md``, and ends with 1 where anything was lost, doubled or wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import date
from pathlib import Path

from tests.delivery.checker import Verdict
from tests.delivery.kill_loop import Tale, spring
from tests.delivery.served_kills import Plan, siege
from tests.delivery.served_kills import Tale as Served
from tests.stores.postgresql import database, serving

RESULTS = Path(__file__).parent / "kills.md"
HEAD = (
    "| date | database | processes | kills (at a change of state, at random) | cut off | mails "
    "| accepted | lost | doubled | statutory repeated | held in doubt | wrong | minutes | seed |\n"
    + "|---" * 14
    + "|\n"
)
SERVED_RESULTS = RESULTS.with_name("served_kills.md")
SERVED_HEAD = (
    "| date | database | processes | blows (kill, all at once, stop, sleep) | starts | mails "
    "| accepted | lost | doubled | statutory repeated | held in doubt | wrong | minutes | rate "
    "| lease | seed |\n" + "|---" * 16 + "|\n"
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills")
    parser.add_argument("--served", action="store_true")
    parser.add_argument("--kills", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=600, help="of the clock, with --served")
    parser.add_argument("--lease", type=int, default=900, help="seconds, with --served")
    parser.add_argument("--database", choices=("sqlite", "postgresql"))
    args = parser.parse_args()
    sound = True
    for name in (args.database,) if args.database else ("sqlite", "postgresql"):
        if args.served:
            sound &= _besiege(name, args.kills or 200, args)
        else:
            sound &= _prove(name, args.kills or 1000, args.seed)
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
    _complain(verdict)
    if tale.spared:
        print("no process died at:", tale.spared)
    _record(name, processes, seed, tale, verdict)
    return verdict.sound and tale.killed >= kills


def _besiege(name: str, kills: int, args: argparse.Namespace) -> bool:
    plan = Plan(2 if name == "sqlite" else 3, kills, args.rate, args.lease, args.seed)
    with tempfile.TemporaryDirectory(prefix="duban-siege-") as folder:
        if name == "sqlite":
            tale, verdict = siege(None, Path(folder), plan)
        else:
            with serving() as server, database(server) as url:
                tale, verdict = siege(url, Path(folder), plan)
    _complain(verdict)
    for line in tale.wrong:
        print(line)
    _record_siege(name, plan, tale, verdict)
    return verdict.sound and not tale.wrong


def _complain(verdict: Verdict) -> None:
    for line in (*verdict.lost, *verdict.doubled, *verdict.wrong):
        print(line)


def _record(name: str, processes: int, seed: int, tale: Tale, found: Verdict) -> None:
    cells = (
        date.today(), name, processes,
        f"{tale.killed} ({tale.kills['by itself']}, {tale.kills['at random']})", tale.cuts,
        found.states.total(), found.accepted, len(found.lost), len(found.doubled), found.repeated,
        found.held, len(found.wrong), f"{tale.seconds / 60:.1f}", seed,
    )  # fmt: skip
    _append(RESULTS, f"# Killed\n\n{HEAD}", cells)


def _record_siege(name: str, plan: Plan, tale: Served, found: Verdict) -> None:
    kinds = ", ".join(str(tale.blows[kind]) for kind in ("kill", "kill all", "stop", "sleep"))
    cells = (
        date.today(), name, plan.replicas, f"{tale.blows.total()} ({kinds})", tale.starts,
        found.states.total(), found.accepted, len(found.lost), len(found.doubled), found.repeated,
        found.held, len(found.wrong) + len(tale.wrong), f"{tale.seconds / 60:.1f}",
        f"{plan.rate:g}", plan.lease, plan.seed,
    )  # fmt: skip
    _append(SERVED_RESULTS, f"# Besieged\n\n{SERVED_HEAD}", cells)


def _append(file: Path, head: str, cells: tuple[object, ...]) -> None:
    line = "| " + " | ".join(map(str, cells)) + " |\n"
    print(line, end="")
    if not file.exists():
        file.write_text(head, encoding="utf-8")
    with file.open("a", encoding="utf-8") as opened:
        opened.write(line)


if __name__ == "__main__":
    sys.exit(main())
