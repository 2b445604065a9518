"""Every file of the corpus: exactly the problems it was written for, at exactly their places."""

from __future__ import annotations

import re
import time
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.bad_input.huge import HUGE
from tests.bad_input.reading import HERE, complaints, written
from workflows.text import HIDDEN

ROOT = HERE.parent.parent
CASES: list[dict[str, Any]] = tomllib.loads((HERE / "manifest.toml").read_text("utf-8"))["case"]
LINE = re.compile(r"[^:]+:[1-9]\d*:[1-9]\d* [YFDWXRCS]\d{3}( warning)?")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["path"]))
def test_exactly_these_problems(case: dict[str, Any]) -> None:
    began = time.process_time()
    found = complaints(case["kind"], HERE / case["path"])
    assert time.process_time() - began < 2
    assert sorted(written(one) for one in found) == sorted(case["expect"])
    for one in found:
        assert CHINESE.search(one.message), one.message
        assert CHINESE.search(one.hint) or one.hint.startswith("/"), one.hint
        assert len(one.message) <= 250
        # One problem is one line, and nothing in it steers a terminal.
        where = f"{one.path}:{one.line}:{one.column}"
        assert str(one) == f"{where}: {one.code} {one.message} ({one.hint})"
        assert not HIDDEN.search(str(one))
        assert "\n" not in str(one)


def test_the_manifest_and_the_files_agree() -> None:
    listed = Counter(case["path"] for case in CASES)
    assert set(listed.values()) == {1}
    assert len(CASES) >= 60
    present = {
        path.relative_to(HERE).as_posix()
        for kind in (
            "workflow", "cross", "contacts", "settings", "folder", "roster", "sheet", "workdays"
        )
        for path in (HERE / kind).iterdir()
    }  # fmt: skip
    assert present == set(listed)
    assert all(LINE.fullmatch(line) for case in CASES for line in case["expect"])


def codes_of_the_program() -> set[str]:
    """Return every problem code that stands in the source."""
    codes: set[str] = set()
    for path in [*(ROOT / "workflows").glob("*.py"), ROOT / "scheduler" / "loading.py"]:
        codes |= set(re.findall(r'"([YFDWX]\d{3})"', path.read_text("utf-8")))
    for name, letters in (
        ("sheet.py", "RC"), ("tables.py", "R"), ("cells.py", "R"), ("contacts.py", "C"),
        ("office_file.py", "C"),
    ):  # fmt: skip
        numbers = re.findall(r'"(0\d\d)"', (ROOT / "config" / name).read_text("utf-8"))
        codes |= {letter + number for letter in letters for number in numbers}
    for path in (ROOT / "config").glob("*.py"):
        codes |= set(re.findall(r'"(S\d{3})"', path.read_text("utf-8")))
    return codes


def test_two_files_for_every_code() -> None:
    seen: Counter[str] = Counter()
    for expect in [*(case["expect"] for case in CASES), *(case.expect for case in HUGE)]:
        seen.update({line.split()[1] for line in expect})
    wanted = codes_of_the_program()
    assert len(wanted) > 100
    assert {code: seen[code] for code in wanted if seen[code] < 2} == {}
    assert set(seen) <= wanted


def test_every_fault_of_a_file_comes_in_one_run() -> None:
    for path in ("workflow/many.yaml", "roster/many", "contacts/many.csv"):
        (case,) = (case for case in CASES if case["path"] == path)
        found = [written(one) for one in complaints(case["kind"], HERE / path)]
        assert len(found) >= 6
        assert len({line.split()[1] for line in found}) >= 5


def test_good_files_are_good() -> None:
    """The example that all the bad files are made from is itself without a fault."""
    good = [case["path"] for case in CASES if Path(case["path"]).stem.startswith("good")]
    assert len(good) >= 6
    assert all(not case["expect"] for case in CASES if case["path"] in good)
    assert {"cross/good.yaml", "workflow/good-with-bom.yaml"} <= set(good)
