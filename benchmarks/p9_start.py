"""P9: what a verb costs from start to end, against a Python that does nothing.

Counted: CPU seconds of the whole process, user and system, started as ``./duban`` starts it. The
documents and the working days are read from their YAML files each time; nothing is cached.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from benchmarks.rounds import ROUNDS, command_seconds, compare, record

ROOT = Path(__file__).parent.parent
DUBAN = (sys.executable, "-P", "-m", "cli")


def main() -> None:
    run = partial(command_seconds, PYTHONPATH=str(ROOT))
    sides = {
        "P9 duban --version / python -c pass": partial(run, *DUBAN, "--version"),
        "P9 duban deadlines --document guangxi-2019 / python -c pass": partial(
            run, *DUBAN, "deadlines", "--document", "guangxi-2019"
        ),
        "P9 duban deadlines, all documents / python -c pass": partial(run, *DUBAN, "deadlines"),
    }
    base = partial(run, sys.executable, "-c", "pass")
    for goal, ratio in compare(base, sides, 2 * ROUNDS + 1).items():
        record(goal, ratio, "pydantic", "pyyaml")


if __name__ == "__main__":
    main()
