"""The service's own processes are killed from outside: nothing is lost, nothing arrives twice.

The short form; ``benchmarks/kills.py --served`` runs the same with more kills.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.delivery.checker import Verdict
from tests.delivery.served_kills import Plan, Tale, siege

KILLS = 20


def judge(tale: Tale, verdict: Verdict) -> None:
    print(tale, verdict)
    assert (verdict.lost, verdict.doubled, verdict.wrong, tale.wrong) == ([], [], [], [])
    assert tale.blows.total() >= KILLS
    assert verdict.accepted


@pytest.mark.system
def test_two_processes_on_one_data_folder(tmp_path: Path) -> None:
    judge(*siege(None, tmp_path, Plan(replicas=2, kills=KILLS, seed=1)))


@pytest.mark.system
def test_three_processes_on_postgresql(postgresql: str, tmp_path: Path) -> None:
    judge(*siege(postgresql, tmp_path, Plan(replicas=3, kills=KILLS, seed=2)))
