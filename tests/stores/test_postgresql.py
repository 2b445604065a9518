"""The tests' PostgreSQL is one, is durable, is fresh for each test, and can cut its users off."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy.exc import InternalError

from scheduler import queries, store
from tests.stores.postgresql import cut


def test_it_waits_for_the_disk_as_a_real_one_does(postgresql: str) -> None:
    with psycopg.connect(postgresql) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"show {name}").fetchone() == ("on",)


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_finds_an_empty_database(postgresql: str, turn: int) -> None:
    with psycopg.connect(postgresql) as connection:
        connection.execute("create table once (turn int)")


def test_our_tables_fit_it(postgresql: str) -> None:
    engine = store.connect(postgresql)
    store.migrate(engine)
    with store.writing(engine) as session:
        queries.set_mark(session, "tick", "a")
        queries.set_mark(session, "tick", "b")
    with store.reading(engine) as session:
        assert queries.mark(session, "tick") == "b"
    engine.dispose()


def test_connections_can_be_cut(postgresql: str) -> None:
    with psycopg.connect(postgresql) as connection:
        assert cut(postgresql) == 1
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")


def test_a_reader_sees_one_state_and_changes_nothing(postgresql: str) -> None:
    engine = store.connect(postgresql)
    store.migrate(engine)
    with store.writing(engine) as session:
        queries.set_mark(session, "tick", "a")
    with store.reading(engine) as session:
        assert queries.mark(session, "tick") == "a"
        with store.writing(engine) as other:
            queries.set_mark(other, "tick", "b")
        assert queries.mark(session, "tick") == "a"
        with pytest.raises(InternalError, match="read-only transaction"):
            queries.set_mark(session, "tick", "c")
    with store.writing(engine) as session:  # on a connection that a reader has used
        assert queries.mark(session, "tick") == "b"
        queries.set_mark(session, "tick", "d")
    engine.dispose()
