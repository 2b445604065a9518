"""Two sides measured in turn, round by round, so that a machine's moods touch both alike.

A goal is a ratio: the median of the per-round ratios, printed with its range and appended to
results.md with the date and the versions.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results.md"
HEAD = "| date | goal | ratio | range | rounds | versions |\n|---|---|---|---|---|---|\n"
ROUNDS = 9


@dataclass(frozen=True)
class Ratio:
    """The per-round ratios of one side to the other, in the order of the rounds."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """Return the median of the rounds."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        return f"{self.median:.3g} ({min(self.values):.3g}–{max(self.values):.3g})"


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds that a piece of work takes in this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def wall_seconds(work: Callable[[], object]) -> float:
    """Return the seconds that a piece of work takes by the clock, waits for disk and net included."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def command_seconds(*words: str, **more: str) -> float:
    """Return the CPU seconds, of user and system, that a command takes from start to end."""
    environment = {name: value for name, value in os.environ.items() if name[:6] != "DUBAN_"}
    process = subprocess.Popen(words, env=environment | more, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime


def compare(
    base: Callable[[], float], others: Mapping[str, Callable[[], float]], rounds: int = ROUNDS
) -> dict[str, Ratio]:
    """Return for each of the others its ratio to the base; each call returns the seconds taken."""
    found: dict[str, list[float]] = {name: [] for name in others}
    for work in (base, *others.values()):
        work()  # the first time fills caches on disk and in memory
    for _ in range(rounds):
        unit = base()
        for name, work in others.items():
            found[name].append(work() / unit)
    return {name: Ratio(tuple(values)) for name, values in found.items()}


def record(goal: str, ratio: Ratio, *packages: str) -> None:
    """Print a goal's ratio and append it to results.md."""
    print(f"{goal}: {ratio}")
    held = [
        f"Python {platform.python_version()}",
        *(f"{name} {version(name)}" for name in packages),
        f"load {os.getloadavg()[0]:.0f}",
    ]
    if not RESULTS.exists():
        RESULTS.write_text(f"# Measured\n\n{HEAD}", encoding="utf-8")
    with RESULTS.open("a", encoding="utf-8") as file:
        spread = f"{min(ratio.values):.3g}–{max(ratio.values):.3g}"
        file.write(
            f"| {date.today()} | {goal} | {ratio.median:.3g} | {spread} "
            f"| {len(ratio.values)} | {', '.join(held)} |\n"
        )


def growth(name: str, work: Callable[[int], Callable[[], object]]) -> None:
    """Print what 1, 10 and 100 times the work costs, each the median of some rounds."""
    cost = []
    for times in (1, 10, 100):
        run = work(times)
        run()
        cost.append(statistics.median(seconds(run) for _ in range(ROUNDS)))
    first = cost[0] or 1e-9
    steps = "  ".join(
        f"{n}×: {c * 1000:.2f} ms ({c / first:.1f})"
        for n, c in zip((1, 10, 100), cost, strict=True)
    )
    print(f"{name}  {steps}")
