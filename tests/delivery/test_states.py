"""A process dies at one change of state: before it, before its commit, after it.

Whoever comes next finishes what it left; what cannot be known is repeated once or held.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.checker import Verdict, check
from tests.delivery.kill_loop import Loop, folder_of
from tests.delivery.mortal import CHANGES, MOMENTS, Death, Life, deaths
from tests.delivery.town import Town
from tests.mailserver.running import running

TOWN = Town(3, gone=(1,), done=(2,))
NOBODY = {"at": "rcpt", "do": "reply", "text": "550 5.1.1 nobody here", "to": "^gone@"}
# What the server does once, so that the change takes place at all.
CAUSES: dict[str, dict[str, Any]] = {
    "put back": {"at": "rcpt", "do": "reply", "text": "450 4.2.0 later", "times": 1},
    "doubt": {"at": "dot", "do": "drop", "kept": True, "times": 1},
    "pause": {"at": "greeting", "do": "reply", "text": "554 5.3.2 no", "times": 1},
}
EVERY = [(change, moment) for change in CHANGES for moment in MOMENTS]
# Where a mail is in somebody's hands; the others only cost time in every run of the tests.
HANDS = ("claim", "fence", "sent", "doubt", "recover")
ON_SQLITE = [
    pytest.param(change, moment, marks=() if change in HANDS else pytest.mark.system)
    for change, moment in EVERY
]


def fates(change: str, moment: str) -> list[Death]:
    """Return the deaths to die: before something can be recovered, somebody must have died."""
    before = [Death("fence", "after")] if change == "recover" else []
    return [*before, Death(change, moment)]


def run(
    url: str, tmp: Path, change: str, moment: str, causes: Sequence[dict[str, Any]] = ()
) -> Verdict:
    engine = TOWN.build(url)
    rules = causes or [*([CAUSES[change]] if change in CAUSES else []), NOBODY]
    wanted = fates(change, moment)
    with running(tmp / "mail", *rules) as server:
        life = Life(url, TOWN, server.port, folder_of(tmp), owner="", carriers=1)
        Loop(engine, life, 1, 0, fates=wanted).run()
        verdict = check(engine, server.accepted, TOWN.planned())
    engine.dispose()
    assert deaths(life.folder) == [death[:2] for death in wanted]
    return verdict


def judge(verdict: Verdict, change: str, moment: str) -> None:
    assert (verdict.lost, verdict.doubled, verdict.wrong) == ([], [], [])
    # The first mails are ordinary: one that may have left is held, whatever became of it, unless
    # the journal has the receipt that the store did not get.
    doubtful = (change, moment) == ("fence", "after") or change in ("doubt", "recover")
    assert (verdict.held, verdict.repeated) == (int(doubtful), 0)


@pytest.mark.parametrize(("change", "moment"), ON_SQLITE)
def test_a_death_on_sqlite(tmp_path: Path, change: str, moment: str) -> None:
    verdict = run(f"sqlite:///{tmp_path / 'duban.db'}", tmp_path, change, moment)
    judge(verdict, change, moment)


LATER = {"at": "dot", "do": "reply", "text": "451 4.3.0 later", "times": 1}
NEVER = {"at": "dot", "do": "reply", "text": "554 5.7.1 not wanted", "to": "^gone@"}


@pytest.mark.parametrize(
    ("change", "moment", "causes"),
    [("put back", "before", (LATER, NOBODY)), ("fail", "uncommitted", (NEVER,))],
)
def test_a_death_after_the_content_was_refused(
    tmp_path: Path, change: str, moment: str, causes: Sequence[dict[str, Any]]
) -> None:
    """The store did not get the answer; the journal has it."""
    url = f"sqlite:///{tmp_path / 'duban.db'}"
    judge(run(url, tmp_path, change, moment, causes), change, moment)


@pytest.mark.system
@pytest.mark.parametrize(("change", "moment"), EVERY)
def test_a_death_on_postgresql(postgresql: str, tmp_path: Path, change: str, moment: str) -> None:
    judge(run(postgresql, tmp_path, change, moment), change, moment)
