"""Processes are killed while they send: no notice is lost, and none arrives twice.

The short form; ``benchmarks/kills.py`` runs the same with a thousand kills.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.delivery.checker import Verdict
from tests.delivery.kill_loop import Tale, spring

KILLS = 60


def judge(tale: Tale, verdict: Verdict) -> None:
    print(tale, verdict)
    assert (verdict.lost, verdict.doubled, verdict.wrong) == ([], [], [])
    assert tale.killed >= KILLS


@pytest.mark.system
def test_two_processes_on_sqlite(tmp_path: Path) -> None:
    judge(*spring(f"sqlite:///{tmp_path / 'duban.db'}", tmp_path, 2, KILLS, seed=1))


@pytest.mark.system
def test_three_processes_on_postgresql(postgresql: str, tmp_path: Path) -> None:
    tale, verdict = spring(postgresql, tmp_path, 3, KILLS, seed=2, cuts=5)
    judge(tale, verdict)
    assert tale.cuts
