"""A backup becomes a store again, apart from the one in use, and is looked at from all sides."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from scheduler import queries, store
from scheduler.archive import Archive, Damaged, Progress
from scheduler.loading import from_texts
from scheduler.migrating import migrate
from scheduler.portable import AT_ONCE, Unreadable, for_dialect, row, rows, tables
from scheduler.rows import decode


def stage(archive: Archive, file: Path, progress: Progress, *, durable: bool) -> Engine:
    """Make a store in a new SQLite file, of the present form, from a backup; return its engine.

    Raises Damaged where the backup is not whole.
    """
    engine = store.connect(f"sqlite:///{file}", durable=durable)
    try:
        migrate(engine, archive.manifest.schema)
        with engine.begin() as connection:
            _load(connection, archive, progress)
        migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _load(connection: Connection, archive: Archive, progress: Progress) -> None:
    found = tables(connection)
    if found.keys() != archive.manifest.tables.keys():
        raise Damaged("备份里的表与这个版本的不符")
    total, done = sum(part.rows for part in archive.manifest.tables.values()), 0
    for name, table in found.items():
        lines = archive.lines(name)
        try:
            while some := [for_dialect(row(table, one), "sqlite") for one in islice(lines, AT_ONCE)]:
                connection.execute(insert(table), some)
                done += len(some)
                progress(done, total)
        except Unreadable as error:
            raise Damaged(f"{name} 里有一行读不懂：{error}") from error
        except IntegrityError as error:
            raise Damaged(f"{name} 里的行互相矛盾：{error.orig}") from error


def examine(engine: Engine) -> Counter[str]:
    """Return how much of what is found in a staged store; raises Damaged where it is of no use.

    Every applied version must be readable, every occurrence decoded, every mail bear its own
    Message-ID.
    """
    counted: Counter[str] = Counter()
    with store.reading(engine) as session:
        for version in session.execute(select(queries.VERSIONS)):
            try:
                from_texts(version.workflow, json.loads(version.roster))
            except Exception as error:
                raise Damaged(f"应用过的文件 {version.document} 读不懂：{error}") from error
            counted["versions"] += 1
        for key, body in session.execute(
            select(queries.OCCURRENCES.c.key, queries.OCCURRENCES.c.body)
        ):
            if not _decodes(key, body):
                raise Damaged(f"事项 {key} 读不懂")
            counted["occurrences"] += 1
        _mails(session, counted)
        facts = session.execute(select(func.count()).select_from(queries.FACTS)).scalar_one()
        counted["facts"] = facts
    return counted


def _decodes(key: str, body: str) -> bool:
    try:
        return decode(body).key == key
    except Exception:
        return False


def _mails(session: Session, counted: Counter[str]) -> None:
    column = queries.MESSAGES.c
    for number, message_id, body in session.execute(
        select(column.id, column.message_id, column.body).execution_options(yield_per=AT_ONCE)
    ):
        if message_id.encode() not in body:
            raise Damaged(f"邮件 {number} 的内容不是它自己的")
        counted["messages"] += 1


def copy(staged: Engine, target: Connection) -> None:
    """Put what a staged store holds in place of all that is in ``target``, within its transaction.

    ``target`` is PostgreSQL and has tables of the present form.
    """
    with staged.execution_options(read_only=True).connect() as source:
        here, there = tables(source), tables(target)
        emptied = ", ".join(f'"{name}"' for name in (*there, "sign_in"))
        target.execute(text(f"truncate {emptied}"))
        for name, table in here.items():
            for some in _batches(source, table):
                target.execute(insert(there[name]), some)
    for name, table in there.items():
        for column in table.primary_key.columns:
            if column.autoincrement is True or column.server_default is not None:
                _count_on(target, name, column.name)


def _batches(source: Connection, table: Any) -> Iterator[list[dict[str, Any]]]:
    found = rows(source, table)
    while some := list(islice(found, AT_ONCE)):
        yield some


def _count_on(target: Connection, table: str, column: str) -> None:
    """Let the numbers that the database gives go on after the highest one that is there."""
    name = f"pg_get_serial_sequence('{table}', '{column}')"
    highest = f'select max("{column}") from "{table}"'  # noqa: S608
    target.execute(text(f"select setval({name}, coalesce(({highest}), 0) + 1, false)"))
