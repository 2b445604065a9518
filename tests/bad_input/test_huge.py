"""What would take time or memory: each file in a process of its own, two seconds and 200 MB."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bad_input.huge import HUGE, Huge
from tests.bad_input.reading import HERE

ROOT = HERE.parent.parent


@pytest.mark.parametrize("case", HUGE, ids=lambda case: f"{case.kind}-{case.name}")
def test_two_seconds_and_200_megabytes(case: Huge, tmp_path: Path) -> None:
    path = tmp_path / "f"
    case.write(path)
    done = subprocess.run(
        [sys.executable, "-m", "tests.bad_input.probe", case.kind, str(path)],
        capture_output=True, text=True, cwd=ROOT, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    missing = set(case.expect) - set(result["found"])
    assert not missing, (sorted(missing)[:5], result["found"][:5])
    assert result["seconds"] < 2
    assert result["megabytes"] < 200
