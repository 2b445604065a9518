"""The rows of a store as lines of JSON, the same for every database, and back."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    select,
)  # fmt: skip

# What is not carried over: the form of the tables is named by its number, and whoever was signed in
# signs in again.
LEFT_OUT = frozenset({"alembic_version", "sign_in"})
AT_ONCE = 500  # rows read or written by one statement


class Unreadable(ValueError):
    """A line that is no row of its table."""


def tables(connection: Connection) -> dict[str, Table]:
    """Return the tables of a store as they are there, owners before what they own."""
    metadata = MetaData()
    metadata.reflect(connection)
    return {one.name: one for one in metadata.sorted_tables if one.name not in LEFT_OUT}


def rows(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table by its primary key; instants are aware, UTC."""
    query = select(table).order_by(*table.primary_key.columns)
    found = connection.execution_options(yield_per=AT_ONCE).execute(query)
    for row in found.mappings():
        yield {name: _utc(value) for name, value in row.items()}


def line(row: dict[str, Any]) -> bytes:
    """Return a row as one line of JSON, its line end included."""
    plain = {name: _plain(value) for name, value in row.items()}
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def row(table: Table, text: bytes) -> dict[str, Any]:
    """Return the row of a line, ready to be stored in ``table``; raises Unreadable."""
    try:
        found = json.loads(text)
        if not isinstance(found, dict) or found.keys() != {c.name for c in table.columns}:
            raise Unreadable("other columns")
        return {column.name: _typed(column, found[column.name]) for column in table.columns}
    except (ValueError, TypeError, binascii.Error) as error:
        raise Unreadable(str(error)) from error


def for_dialect(row: dict[str, Any], dialect: str) -> dict[str, Any]:
    """Return a row as its database wants it: SQLite keeps instants without their zone."""
    if dialect != "sqlite":
        return row
    return {
        name: value.replace(tzinfo=None) if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def _utc(value: Any) -> Any:
    if isinstance(value, memoryview):
        return bytes(value)
    if not isinstance(value, datetime):
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.isoformat() if isinstance(value, date) else value


def _typed(column: Column[Any], value: Any) -> Any:
    if value is None:
        if not column.nullable:
            raise Unreadable(f"{column.name} is missing")
        return None
    kind = column.type
    if isinstance(kind, DateTime):
        found = datetime.fromisoformat(value)
        if found.tzinfo is None:
            raise Unreadable(f"{column.name} has no zone")
        return found.astimezone(UTC)
    if isinstance(kind, Date):
        return date.fromisoformat(value)
    if isinstance(kind, LargeBinary):
        return base64.b64decode(value, validate=True)
    wanted = bool if isinstance(kind, Boolean) else int if isinstance(kind, Integer) else str
    if type(value) is not wanted:
        raise Unreadable(f"{column.name} is no {wanted.__name__}")
    return value
