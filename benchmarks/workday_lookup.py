"""P4: a working-day look-up against a frozenset look-up of the same dates.

Both sides run in one process, interleaved round by round; the figure is the median of the
per-round ratios. Prints one line per question.
"""

from __future__ import annotations

import random
import statistics
import timeit
from datetime import date, timedelta
from pathlib import Path

import yaml
import yamlcore

from workflows.workdays import Workdays, parse_notice, parse_statutory

FOLDER = Path(__file__).parent.parent / "workflows" / "workdays"
ROUNDS = 15
LOOKUPS = 100_000


def load() -> Workdays:
    def read(path: Path) -> dict[str, object]:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=yamlcore.CoreLoader)
        assert isinstance(data, dict)
        return data

    return Workdays.of(
        map(parse_notice, map(read, FOLDER.glob("2*.yaml"))),
        parse_statutory(read(FOLDER / "statutory.yaml")),
    )


def main() -> None:
    table = load()
    first = date(2017, 1, 1)
    dice = random.Random(2026)
    asked = [first + timedelta(days=dice.randrange(3652)) for _ in range(LOOKUPS)]
    worked = frozenset(day for day in asked if table.is_workday(day))

    def baseline() -> None:
        for day in asked:
            day in worked  # noqa: B015

    def is_workday() -> None:
        for day in asked:
            table.is_workday(day)

    def on_or_before() -> None:
        for day in asked:
            table.on_or_before(day)

    def back() -> None:
        for day in asked:
            table.back(day, 5)

    sides = {"is_workday": is_workday, "on_or_before": on_or_before, "back(5)": back}
    ratios: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(ROUNDS):
        base = timeit.timeit(baseline, number=1)
        for name, run in sides.items():
            ratios[name].append(timeit.timeit(run, number=1) / base)
    for name, values in ratios.items():
        print(
            f"P4 {name} / frozenset: {statistics.median(values):.2f} "
            f"({min(values):.2f}-{max(values):.2f}, {ROUNDS} rounds of {LOOKUPS:,})"
        )


if __name__ == "__main__":
    main()
