"""A store takes another one's place in one step, and the one before is kept aside."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select, text

from scheduler import queries
from scheduler.migrating import revision
from scheduler.staging import copy
from scheduler.store import one_planner, writing

BESIDE = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a database file


class InUse(Exception):
    """Another process has the store open."""


def holds_anything(engine: Engine) -> bool:
    """Return whether anything was ever applied, recorded or sent in a store."""
    with engine.execution_options(read_only=True).connect() as connection:
        if revision(connection) is None:
            return False
        for table in (queries.VERSIONS, queries.FACTS, queries.MESSAGES):
            if connection.execute(select(func.count()).select_from(table)).scalar_one():
                return True
    return False


def release(file: Path) -> bool:
    """Fold what SQLite keeps beside a database file into it; return False where it is damaged.

    Raises InUse where another process has it open.
    """
    connection = sqlite3.connect(file, timeout=1, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise InUse from error
        return False
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()
    return True


def put_in_place(fresh: Path, file: Path, aside: Path) -> list[Path]:
    """Put a closed database file in the place of ``file`` and return what was kept aside.

    The old write-ahead log must not be left beside the new file: SQLite would play it into it. A
    crash at any moment leaves one of the two stores in place, whole.
    """
    kept: list[Path] = []
    for end in BESIDE:
        left = Path(f"{file}{end}")
        if left.exists():
            kept.append(left.replace(f"{aside}{end}"))
    if file.exists():
        try:
            os.link(file, aside)
        except OSError:  # not every file system has a second name for a file
            shutil.copy2(file, aside)
        kept.insert(0, aside)
    fresh.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return kept


def others(connection: Connection) -> int:
    """Return how many other connections of ours a PostgreSQL database has."""
    query = (
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and application_name = 'duban' and pid <> pg_backend_pid()"
    )
    return int(connection.execute(text(query)).scalar_one())


def pour(staged: Engine, target: Engine) -> None:
    """Put a staged store in place of what a PostgreSQL database holds, in one transaction.

    Its tables have the present form. Raises InUse where another process is connected.
    """
    with writing(target) as session:
        one_planner(session, slow=True)
        connection = session.connection()
        if others(connection):
            raise InUse
        copy(staged, connection)
