"""Processes are killed while they send: no notice is lost, and none arrives twice.

The short form; ``benchmarks/kills.py`` runs the same with a thousand kills.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.delivery.checker import Verdict, check
from tests.delivery.kill_loop import FAULTS, Loop, Tale, folder_of
from tests.delivery.mortal import Life
from tests.delivery.town import Town
from tests.mailserver.running import running


def run(
    url: str, tmp: Path, processes: int, kills: int, seed: int, cuts: int = 0
) -> tuple[Tale, Verdict]:
    """Run a town's spring with so many kills and return what happened and what came of it."""
    pairs = max(12, kills * 2 // 3)
    town = Town(pairs, gone=(1, 4, 7), done=(2, 7, 11))
    engine = town.build(url)
    with running(tmp / "mail", *FAULTS, seed=seed) as server:
        life = Life(url, town, server.port, folder_of(tmp), owner="")
        tale = Loop(engine, life, processes, kills, seed, cuts).run()
        verdict = check(engine, server.accepted, town.planned())
    engine.dispose()
    return tale, verdict


def judge(tale: Tale, verdict: Verdict, kills: int) -> None:
    print(tale, "SPARED", tale.spared, verdict)
    assert (verdict.lost, verdict.doubled, verdict.wrong) == ([], [], [])
    assert tale.killed >= kills


@pytest.mark.system
def test_two_processes_on_sqlite(tmp_path: Path) -> None:
    tale, verdict = run(f"sqlite:///{tmp_path / 'duban.db'}", tmp_path, 2, 60, seed=1)
    judge(tale, verdict, 60)


@pytest.mark.system
def test_three_processes_on_postgresql(postgresql: str, tmp_path: Path) -> None:
    tale, verdict = run(postgresql, tmp_path, 3, 60, seed=2, cuts=5)
    judge(tale, verdict, 60)
    assert tale.cuts
