"""P10: ``duban check`` on all documents, against the loading of the same YAML files alone.

Counted on our side: everything that ``check`` does in the process once it has started: settings,
the five documents read, validated and cross-checked, their rosters' tables, and the working days.
Counted on the other: the same five workflow files loaded by PyYAML with yamlcore's pure-Python
CoreLoader, which is the loader that we build on. Imports are on neither side. A second figure
takes the workflow files alone on both sides.
"""

from __future__ import annotations

import contextlib
import io
from functools import partial

import yaml
import yamlcore

from benchmarks.rounds import compare, growth, record, seconds
from cli.dispatch import run
from workflows import library
from workflows.parse import parse

FILES = library.files(library.DOCUMENTS)
TEXTS = [path.read_bytes() for path in FILES]


def check() -> None:
    library.bundled_workdays.cache_clear()  # as in a new process
    with contextlib.redirect_stdout(io.StringIO()):
        assert run(["check"]) == 0


def load(times: int = 1) -> None:
    for _ in range(times):
        for text in TEXTS:
            yaml.load(text, Loader=yamlcore.CoreLoader)


def parse_all(times: int = 1) -> None:
    for _ in range(times):
        for path, text in zip(FILES, TEXTS, strict=True):
            document, _ = parse(text, str(path))
            assert document


def main() -> None:
    sides = {
        "P10 duban check / YAML loading": partial(seconds, check),
        "P10 workflow files read and validated / YAML loading": partial(seconds, parse_all),
    }
    for goal, ratio in compare(partial(seconds, load), sides).items():
        record(goal, ratio, "pydantic", "pyyaml", "yamlcore")
    growth("P10 YAML loading:", lambda times: partial(load, times))
    growth("P10 read and validated:", lambda times: partial(parse_all, times))


if __name__ == "__main__":
    main()
