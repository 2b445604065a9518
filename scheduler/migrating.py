"""The tables of a store are brought to the present form, by one process at a time."""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x647562616F  # the number of PostgreSQL's advisory lock on the form of the tables

_alembic = threading.Lock()  # it keeps its context in a module


class Newer(Exception):
    """The store has a form that this program does not know; ``found`` is its number."""

    def __init__(self, found: str) -> None:
        super().__init__(found)
        self.found = found


def known() -> list[str]:
    """Return the numbers of all forms that this program knows, the present one last."""
    files = (MIGRATIONS / "versions").glob("[0-9][0-9][0-9][0-9]_*.py")
    return sorted(file.name[:4] for file in files)


def revision(connection: Connection) -> str | None:
    """Return the number of a store's form, None where it has no tables yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("select version_num from alembic_version")).scalar()
    return found


def migrate(engine: Engine, to: str | None = None) -> None:
    """Bring the tables to the present form, or to ``to``; a store that has it is only looked at.

    All or nothing: who is killed half-way leaves the store as it was. Raises Newer.
    """
    forms = known()
    with engine.execution_options(read_only=True).connect() as connection:
        found = revision(connection)
    if found is not None and found not in forms:
        raise Newer(found)
    if found != (to or forms[-1]):
        with _alembic:
            _upgrade(engine, to or "head")


def _upgrade(engine: Engine, to: str) -> None:
    # Alembic takes longer to import than most verbs to run.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:  # a table is changed by making it anew, which must not take others along
            _foreign_keys(connection, "OFF")
        try:
            with connection.begin():
                if not sqlite:
                    _take_turn(connection)
                config.attributes["connection"] = connection
                command.upgrade(config, to)
                if sqlite and connection.execute(text("PRAGMA foreign_key_check")).first():
                    raise RuntimeError("the migration would leave rows without their owners")
        finally:
            if sqlite and not connection.closed:
                _foreign_keys(connection, "ON")


def _take_turn(connection: Connection) -> None:
    connection.execute(text("set local lock_timeout = '5min'"))
    connection.execute(text("set local idle_in_transaction_session_timeout = '5min'"))
    connection.execute(text(f"select pg_advisory_xact_lock({LOCK})"))


def _foreign_keys(connection: Connection, value: str) -> None:
    """Switch them on or off. Within a transaction SQLite would not; this begins none."""
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(f"PRAGMA foreign_keys={value}")
