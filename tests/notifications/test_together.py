"""What carriers ask of the store at one time is one transaction, and fails as one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Engine, event
from sqlmodel import Session

from notifications.together import Together
from scheduler import queries, store


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = store.connect(f"sqlite:///{tmp_path / 'duban.db'}")
    store.migrate(engine)
    return engine


def ask(engine: Engine, *jobs: object) -> tuple[list[object], int]:
    """Ask for all at once; return what each got, and how many commits that took."""
    commits: list[object] = []
    event.listen(engine, "commit", commits.append)

    async def all_() -> list[object]:
        store_ = Together(engine)
        return await asyncio.gather(*map(store_.ask, jobs), return_exceptions=True)  # type: ignore[arg-type]

    return asyncio.run(all_()), len(commits)


def mark(name: str) -> object:
    def job(session: Session) -> str | None:
        queries.set_mark(session, name, "set")
        return queries.mark(session, name)

    return job


def test_what_is_asked_at_one_time_shares_a_commit(engine: Engine) -> None:
    assert ask(engine, *(mark(str(n)) for n in range(8))) == (["set"] * 8, 1)
    with store.reading(engine) as session:
        assert {queries.mark(session, str(n)) for n in range(8)} == {"set"}


def test_what_is_asked_later_has_a_transaction_of_its_own(engine: Engine) -> None:
    async def one_after_the_other() -> list[object]:
        together = Together(engine)
        return [await together.ask(mark("one")), await together.ask(mark("two"))]  # type: ignore[arg-type]

    commits: list[object] = []
    event.listen(engine, "commit", commits.append)
    assert asyncio.run(one_after_the_other()) == ["set", "set"]
    assert len(commits) == 2


class Ended(BaseException):
    """No error that anything expects."""


@pytest.mark.parametrize("error", [LookupError, Ended])
def test_an_error_of_one_is_told_to_all_and_nothing_is_stored(
    engine: Engine, error: type[BaseException]
) -> None:
    def broken(session: Session) -> None:
        raise error("of this one")

    found, commits = ask(engine, mark("one"), broken, mark("two"))
    assert [type(one) for one in found] == [error] * 3
    assert commits == 0
    with store.reading(engine) as session:
        assert [queries.mark(session, name) for name in ("one", "two")] == [None, None]
