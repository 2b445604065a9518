"""P11: ``duban simulate`` over one, two and five years of all five documents.

Counted are the CPU seconds of the command from start to end, and the mails it lists. Each round
runs the three periods in turn; the ratio is the cost of a mail in five years to that in one.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.rounds import Ratio, record

ROUNDS = 3  # a round takes minutes
YEARS = (1, 2, 5)


def simulated(years: int, data: Path) -> tuple[float, int]:
    """Return the CPU seconds of simulating so many years from 2020 on, and how many mails."""
    command = [sys.executable, "-m", "cli", "simulate", "--format", "json"]
    command += ["--from", "2020-01-01", "--to", f"{2019 + years}-12-31"]
    with subprocess.Popen(
        command, env=os.environ | {"DUBAN_DATA": str(data)}, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        mails = len(json.load(process.stdout))
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_utime + used.ru_stime, mails


def main() -> None:
    cost: dict[int, list[float]] = {years: [] for years in YEARS}
    mails: dict[int, int] = {}
    with tempfile.TemporaryDirectory(prefix="duban-p11-") as folder:
        for _ in range(ROUNDS):
            for years in YEARS:
                taken, mails[years] = simulated(years, Path(folder))
                cost[years].append(taken)
    for years in YEARS:
        usual = statistics.median(cost[years])
        print(
            f"P11 {years} years: {usual:.1f} s of CPU ({min(cost[years]):.1f}–{max(cost[years]):.1f}), "
            f"{mails[years]:,} mails, {usual / mails[years] * 1000:.1f} ms a mail"
        )
    record("P11 simulate, five years of all documents: CPU seconds", Ratio(tuple(cost[5])))
    grown = (five / mails[5] / (one / mails[1]) for one, five in zip(cost[1], cost[5], strict=True))
    record("P11 CPU for a mail in five years / in one", Ratio(tuple(grown)))


if __name__ == "__main__":
    main()
