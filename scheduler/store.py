"""The store: how it is opened, and its migrations. The queries are in ``scheduler.queries``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlmodel import Session

BUSY = 30_000  # milliseconds that a writer waits for another one
MIGRATIONS = Path(__file__).parent / "migrations"


def connect(url: str, *, durable: bool = True) -> Engine:
    """Return the engine of a database, SQLite or PostgreSQL; the folder of a file is made.

    ``durable=False`` is for stores that are thrown away: nothing waits for the disk.
    """
    target = make_url(url)
    if target.get_backend_name() == "postgresql":
        return create_engine(target.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    if target.database and target.database != ":memory:":
        Path(target.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(target, connect_args={"timeout": BUSY / 1000})
    _prepare_sqlite(engine, "FULL" if durable else "OFF")
    return engine


def _prepare_sqlite(engine: Engine, synchronous: str) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        # The driver's own transactions begin too late and lose updates; ours begin explicitly.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA busy_timeout={BUSY}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """Give a session whose one transaction is committed at the end, or rolled back on an error."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Give a session that sees one state of the store and keeps no writer waiting."""
    with Session(engine.execution_options(read_only=True), expire_on_commit=False) as session:
        yield session


def migrate(engine: Engine) -> None:
    """Bring the tables of a store to the present form; a store that has it is left alone."""
    # Alembic takes longer to import than most verbs to run.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
