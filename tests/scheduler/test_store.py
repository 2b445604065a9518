from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlmodel import SQLModel

from scheduler import projection, queries, store
from tests.scheduler.house import PLAN, House, at


def test_migrated_tables_are_the_models(tmp_path: Path) -> None:
    engine = store.connect(f"sqlite:///{tmp_path / 'new' / 'duban.db'}")
    store.migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_migrating_twice_keeps_what_is_there(house: House) -> None:
    store.migrate(house.engine)
    assert house.row(PLAN)["status"] == "open"


def test_sqlite_is_set_up_for_power_cuts_and_two_writers(house: House) -> None:
    with store.reading(store.connect(str(house.engine.url))) as session:
        asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        values = [session.execute(text(f"PRAGMA {name}")).scalar() for name in asked]
    assert values == ["wal", 2, 1, 30_000]


def test_a_writer_holds_the_lock_from_its_first_question_and_readers_pass(house: House) -> None:
    other = store.connect(str(house.engine.url))
    with store.writing(house.engine) as writer:
        assert queries.newest_version(writer) == 1
        with store.reading(other) as session:
            assert queries.newest_version(session) == 1
        second = sqlite3.connect(str(house.engine.url.database), timeout=0.01)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            second.execute("BEGIN IMMEDIATE")
        second.close()


def test_a_failure_rolls_everything_back(house: House) -> None:
    def fail() -> None:
        with store.writing(house.engine) as session:
            queries.set_mark(session, "x", "1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.reading(house.engine) as session:
        assert queries.mark(session, "x") is None


def test_naive_instants_are_refused(house: House) -> None:
    with (
        pytest.raises(StatementError, match="without a zone"),
        store.writing(house.engine) as session,
    ):
        queries.audit(
            session,
            [{"at": datetime(2026, 1, 1), "who": "", "action": "", "about": "", "detail": ""}],
        )


def test_instants_come_back_as_the_same_utc_instant(house: House) -> None:
    now = at("2026-03-06 09:00")
    with store.writing(house.engine) as session:
        row = {"at": now, "who": "", "action": "probe", "about": "", "detail": ""}
        queries.audit(session, [row])
        found = session.execute(
            queries.AUDIT.select().where(queries.AUDIT.c.action == "probe")
        ).one()
    assert found.at == now
    assert found.at.tzinfo is UTC


def test_foreign_keys_hold(house: House) -> None:
    with pytest.raises(IntegrityError), store.writing(house.engine) as session:
        session.execute(
            queries.PARTIES.insert().values(institution="da", key="nowhere", relation="x")
        )


def test_the_next_notice_is_found_by_its_index(house: House) -> None:
    with store.reading(house.engine) as session:
        plan = session.execute(
            text("EXPLAIN QUERY PLAN SELECT key FROM occurrence WHERE next_notice_at <= '2026'")
        ).all()
    assert "ix_occurrence_next_notice_at" in str(plan)


def test_purging_spares_what_was_cancelled_lately(house: House) -> None:
    with store.writing(house.engine) as session:
        projection.cancel(session, [PLAN], date(2026, 2, 1))
    with store.writing(house.engine) as session:
        assert projection.purge(session, date(2026, 2, 1)) == 0
        assert projection.purge(session, date(2026, 2, 2)) == 1


def test_notices_of_an_older_store_are_kept_when_its_tables_change(tmp_path: Path) -> None:
    from scheduler.migrating import migrate

    engine = store.connect(f"sqlite:///{tmp_path / 'duban.db'}")
    migrate(engine, "0001")
    columns = (
        "key, rung, due, recipient, channel, institution, role, office, placeholder, statutory, "
        "release_at, planned_at"
    )
    row = "'k', 'changed', '2026-03-20', 'a@b.example', 'mail', 'da', 'liaison', '', 0, 0"
    insert = f"INSERT INTO notice ({columns}) VALUES ({row}, '2026-03-06', '2026-03-06')"
    with engine.begin() as connection:
        connection.execute(text(insert))
    store.migrate(engine)
    with engine.begin() as connection:
        kept = connection.execute(text("SELECT key, move, restored FROM notice")).one()
        assert tuple(kept) == ("k", 0, 0)
        with pytest.raises(IntegrityError):
            connection.execute(text(insert))  # still unique
    with engine.begin() as connection:
        connection.execute(text(insert.replace("channel,", "channel, move,", 1).replace(
            "'mail',", "'mail', 1,", 1
        )))  # fmt: skip
