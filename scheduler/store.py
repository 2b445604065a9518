"""The store: how it is opened, and who may change it when. The queries are in ``queries``."""

from __future__ import annotations

import errno
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlmodel import Session

from scheduler.migrating import Newer, migrate

__all__ = ["Newer", "connect", "migrate", "one_planner", "reading", "writing"]

BUSY = 30_000  # milliseconds that a writer waits for another one
CACHE = 32_768  # KiB a connection at most: the inner pages of millions of occurrences
PLANNING = 0x647562616E  # the number of PostgreSQL's advisory lock on what is planned
SLOW = "5min"  # for the rare transactions that compute all dates between two statements
# A process that was stopped in the middle of a transaction must not keep the others waiting, and a
# network that swallows packets must not keep anybody waiting for ever.
POSTGRESQL: dict[str, str] = {
    "application_name": "duban",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "options": f"-c idle_in_transaction_session_timeout={BUSY} -c lock_timeout={BUSY}",
}


def connect(url: str, *, durable: bool = True) -> Engine:
    """Return the engine of a database, SQLite or PostgreSQL; the folder of a file is made.

    ``durable=False`` is for stores that are thrown away: nothing waits for the disk.
    """
    target = make_url(url)
    if target.get_backend_name() == "postgresql":
        return _postgresql(target)
    if target.database and target.database != ":memory:":
        _make(Path(target.database).parent)
    engine = create_engine(target, connect_args={"timeout": BUSY / 1000})
    _prepare_sqlite(engine, "FULL" if durable else "OFF")
    return engine


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, "no folder", str(folder)) from None


def _postgresql(target: URL) -> Engine:
    usual = {name: value for name, value in POSTGRESQL.items() if name not in target.query}
    url = target.set(drivername="postgresql+psycopg")
    # A connection that the server has dropped is found out before it is used.
    return create_engine(url, pool_pre_ping=True, connect_args=usual)


def _prepare_sqlite(engine: Engine, synchronous: str) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        # The driver's own transactions begin too late and lose updates; ours begin explicitly.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY}")
        _write_ahead(cursor)
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute(f"PRAGMA cache_size=-{CACHE}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Set WAL. SQLite does not wait here for a process that sets it at the same time."""
    until = time.monotonic() + BUSY / 1000
    while cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return  # a store in memory has no WAL


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """Give a session whose one transaction is committed at the end, or rolled back on an error."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Give a session that sees one state of the store, keeps no writer waiting, and only reads."""
    how: dict[str, Any] = {"read_only": True}
    if engine.dialect.name == "postgresql":  # whose usual transactions see each commit as it comes
        how |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with Session(engine.execution_options(**how), expire_on_commit=False) as session:
        yield session


def one_planner(session: Session, *, shared: bool = False, slow: bool = False) -> None:
    """Keep others from changing what is planned until this transaction ends.

    Whoever applies, extends or records is alone; several may tick and compose side by side
    (``shared``), each with rows of its own. To be called before anything is read. SQLite has one
    writer anyway. ``slow``: dates are computed before the transaction ends.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    if slow:
        for name in ("lock_timeout", "idle_in_transaction_session_timeout"):
            session.execute(text(f"set local {name} = '{SLOW}'"))
    kind = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    session.execute(text(f"select {kind}({PLANNING})"))
