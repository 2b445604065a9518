"""Several processes at once on one store: made, adopted and extended once, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from notifications import feeds, tokens
from scheduler import applying, queries, store
from scheduler.extending import extend
from scheduler.loading import Loaded
from scheduler.recording import Statement, record
from scheduler.tables import Feed
from scheduler.tick import tick
from tests.delivery.town import ADOPTED, BEGINS, DOCUMENT, WORKFLOW, Town
from tests.stores.crowd import Sleeper, sleep, together
from tests.stores.postgresql import cut

TOWN = Town(12)
ROUNDS = 2


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        found: str = request.getfixturevalue("postgresql")
        return found
    return f"sqlite:///{tmp_path / 'duban.db'}"


def crowd(url: str) -> int:
    return 3 if url.startswith("postgresql") else 2


def adopt(url: str) -> bool:
    """What every first start does; return whether it was this process that adopted."""
    engine = store.connect(url)
    store.migrate(engine)
    world = TOWN.world()
    loaded = Loaded(
        dict(world.documents), dict(world.rosters), world.workdays, (),
        {DOCUMENT: (WORKFLOW, TOWN.tables())},
    )  # fmt: skip
    with store.writing(engine) as session:
        done = applying.adopt_bundled(session, loaded, ADOPTED, world) is not None
    engine.dispose()
    return done


def counts(url: str) -> dict[str, int]:
    engine = store.connect(url)
    with store.reading(engine) as session:
        found = {
            table.name: session.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (queries.VERSIONS, queries.OCCURRENCES, queries.NOTICES, queries.AUDIT)
        }
    engine.dispose()
    return found


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_an_empty_database_is_made_and_adopted_once(url: str, turn: int) -> None:
    assert sorted(together(crowd(url), adopt, url)) == [False] * (crowd(url) - 1) + [True]
    assert counts(url) == {"applied_version": 1, "occurrence": 12, "notice": 0, "audit": 1}


def lengthen(url: str, now: datetime) -> int:
    engine = store.connect(url)
    with store.writing(engine) as session:
        changes = extend(session, now, TOWN.world())
    engine.dispose()
    return -1 if changes is None else len(changes.moves)


def test_a_new_year_is_added_once(url: str) -> None:
    adopt(url)
    later = ADOPTED + timedelta(days=366)
    found = together(crowd(url), lengthen, url, later)
    assert all(isinstance(one, int) for one in found), found
    assert found.count(-1) == crowd(url) - 1
    assert counts(url)["applied_version"] == 1


def mark(url: str, value: str) -> str:
    engine = store.connect(url)
    for _ in range(20):
        with store.writing(engine) as session:
            queries.set_mark(session, "tick", value)
    engine.dispose()
    return "done"


def test_a_mark_is_written_by_all_of_them(url: str) -> None:
    store.migrate(engine := store.connect(url))
    engine.dispose()
    assert set(together(crowd(url), mark, url, "x")) == {"done"}


def ticked(url: str) -> int:
    engine = store.connect(url)
    world = TOWN.world()
    with store.Session(engine) as session:
        report = tick(session, BEGINS, world)
    engine.dispose()
    return report.planned


def test_what_is_due_is_planned_once(url: str) -> None:
    adopt(url)
    found = together(crowd(url), ticked, url)
    assert sum(found) == 24, found  # what two of them insert at once counts once
    assert counts(url)["notice"] == 24


def render(url: str, seconds: int) -> str:
    engine = store.connect(url)
    done = feeds.render_one(engine, "da0", BEGINS + timedelta(seconds=seconds), TOWN.world())
    engine.dispose()
    return done.decode()


def test_a_feed_has_one_history_whoever_renders_it(url: str) -> None:
    adopt(url)
    engine = store.connect(url)
    for turn in range(ROUNDS):
        with store.writing(engine) as session:
            tokens.create(session, "da0", str(turn), BEGINS)
            record(session, Statement(TOWN.key(0), "completed"), BEGINS, str(turn), TOWN.world())
        found = together(crowd(url), render, url, turn)
        with store.reading(engine) as session:
            kept = session.get(Feed, "da0")
            assert kept is not None
            assert set(found) == {kept.body.decode()}
    engine.dispose()


def say(url: str, asleep: bool) -> Any:
    engine = store.connect(url)
    try:
        with store.writing(engine) as session:
            status = record(session, Statement(TOWN.key(0), "completed"), BEGINS, "", TOWN.world())
            if asleep:
                sleep()
        return status
    finally:
        engine.dispose()


def impatient(url: str, milliseconds: int = 1_500) -> str:
    """Return an address whose transactions are cut off sooner than in earnest."""
    word = f"-c%20idle_in_transaction_session_timeout={milliseconds}%20-c%20lock_timeout=20000"
    return f"{url}{'&' if '?' in url else '?'}options={word}"


def test_who_falls_asleep_in_a_transaction_does_not_keep_the_others_on_postgresql(
    postgresql: str,
) -> None:
    adopt(postgresql)
    url = impatient(postgresql)
    sleeper = Sleeper(say, url, True)
    assert ticked(url) == 24  # waits until the server has cut the sleeper off
    assert say(url, False) == "completed"
    answer = sleeper.wake()
    assert answer.passing, answer  # so its round is run again
    assert say(url, False) == "completed"


def test_who_falls_asleep_in_a_transaction_on_sqlite_loses_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'duban.db'}"
    adopt(url)
    sleeper = Sleeper(say, url, True)
    engine = store.connect(url)
    with store.reading(engine) as session:  # who only reads does not wait
        assert queries.statuses(session, [TOWN.key(0)]) == {TOWN.key(0): "open"}
    engine.dispose()
    assert sleeper.wake() == "completed"
    assert ticked(url) == 22  # one pair of hospitals has reported


def test_who_is_killed_in_a_transaction_leaves_nothing_behind(url: str) -> None:
    adopt(url)
    sleeper = Sleeper(say, url, True)
    sleeper.kill()
    assert ticked(url) == 24


def test_a_cut_connection_is_replaced(postgresql: str) -> None:
    adopt(postgresql)
    engine = store.connect(postgresql)
    for _ in range(3):
        with store.reading(engine) as session:
            assert queries.newest_version(session) == 1
        assert cut(postgresql) == 1
    with store.writing(engine) as session:
        queries.set_mark(session, "tick", "still here")
    engine.dispose()
