"""A migration that is killed half-way was never begun; a form that is newer is left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from scheduler import queries, store
from scheduler.migrating import Newer, known, migrate
from tests.stores.crowd import Sleeper, sleep


def half(url: str) -> None:
    """Begin the newest migration and fall asleep after its first statement."""
    from alembic import op

    usual = op.create_table

    def sleepy(*given: Any, **named: Any) -> Any:
        made = usual(*given, **named)
        sleep()
        return made

    op.create_table = sleepy
    migrate(store.connect(url))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_migration_killed_half_way_is_done_again(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'duban.db'}"
    if kind == "postgresql":
        url = request.getfixturevalue("postgresql")
    engine = store.connect(url)
    migrate(engine, known()[0])
    with engine.begin() as connection:
        connection.execute(text("insert into mark (name, value) values ('tick', 'then')"))
    engine.dispose()
    sleeper = Sleeper(half, url)
    sleeper.kill()
    with engine.execution_options(read_only=True).connect() as connection:
        found = connection.execute(text("select version_num from alembic_version")).scalar()
        assert found == known()[0]
        assert connection.execute(text("select value from mark")).scalar() == "then"
    migrate(engine)
    with store.reading(engine) as session:
        assert queries.mark(session, "tick") == "then"
    migrate(engine)  # nothing left to do
    engine.dispose()


def test_a_newer_form_is_told_by_its_number(tmp_path: Path) -> None:
    engine = store.connect(f"sqlite:///{tmp_path / 'duban.db'}")
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(Newer, match="9999"):
        migrate(engine)
