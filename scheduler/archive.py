"""A backup file: a ZIP with one file of JSON lines a table, and a manifest to hold them against.

It is read without the program that wrote it, on any machine, into either kind of database.
"""

from __future__ import annotations

import errno
import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from sqlalchemy import Engine, text

from scheduler.migrating import Newer, known, revision
from scheduler.portable import line, rows, tables

FORMAT = "duban-backup"
VERSION = 1  # of the format; the form of the tables has its own number
MANIFEST = "manifest.json"
LONGEST = 64 * 1024 * 1024  # bytes of a line, a mail in base64 at most

# What reading a ZIP raises where some of its bytes are not those that were written.
UNREADABLE = (
    zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError,
    OverflowError, struct.error,
)  # fmt: skip

Progress = Callable[[int, int], None]


class Damaged(Exception):
    """A file that is no backup, or not as it was written; the message is Chinese."""


@dataclass(frozen=True, slots=True)
class Part:
    """One table's file: how many rows, how many bytes, and their SHA-256."""

    rows: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. ``made_at``: the instant (aware) of the state that it shows."""

    made_at: datetime
    program: str
    database: str
    schema: str
    tables: dict[str, Part]

    def as_json(self) -> bytes:
        """Return the manifest as it is stored."""
        value = {"format": FORMAT, "version": VERSION} | asdict(self)
        value["made_at"] = self.made_at.isoformat()
        return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"


def write(
    engine: Engine, file: IO[bytes], made_at: datetime, program: str, progress: Progress
) -> Manifest:
    """Write one state of a store, while others may go on changing it; return what it holds.

    Raises Newer, LookupError where there are no tables, and what reading and writing raise.
    """
    parts: dict[str, Part] = {}
    database = engine.dialect.name
    if database == "sqlite":
        engine = engine.execution_options(read_only=True)
    else:
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection, zipfile.ZipFile(
        file, "w", zipfile.ZIP_DEFLATED, compresslevel=6
    ) as archive:  # fmt: skip
        schema = revision(connection)
        if schema is None:
            raise LookupError("no tables")
        if schema not in known():
            raise Newer(schema)
        found = tables(connection)
        counts = {n: connection.scalar(text(f'select count(*) from "{n}"')) for n in found}  # noqa: S608
        total, done = sum(counts.values()), 0
        for name, table in found.items():
            digest, size, count = hashlib.sha256(), 0, 0
            with archive.open(_member(name), "w", force_zip64=True) as member:
                for row in rows(connection, table):
                    content = line(row)
                    member.write(content)
                    digest.update(content)
                    size, count, done = size + len(content), count + 1, done + 1
                    progress(done, total)
            parts[name] = Part(count, size, digest.hexdigest())
        manifest = Manifest(made_at, program, database, schema, parts)
        archive.writestr(MANIFEST, manifest.as_json())
    return manifest


def _member(table: str) -> str:
    return f"tables/{table}.jsonl"


class Archive:
    """A backup file that is open for reading; close it by ``with``."""

    def __init__(self, path: Path) -> None:
        """Open a backup; raises Damaged, Newer, and OSError where the file cannot be read."""
        try:
            self._zip = zipfile.ZipFile(path)
        except (*UNREADABLE, OSError) as error:
            if isinstance(error, OSError) and error.errno != errno.EINVAL:  # a place before it
                raise
            raise Damaged("不是督办的备份文件，或者没有写完") from None
        try:
            self.manifest = _manifest(self._zip)
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def lines(self, table: str) -> Iterator[bytes]:
        """Yield a table's lines; raises Damaged at the end where they are not what was written."""
        wanted = self.manifest.tables[table]
        digest, size, count = hashlib.sha256(), 0, 0
        try:
            with self._zip.open(_member(table)) as member:
                while content := member.readline(LONGEST):
                    digest.update(content)
                    size, count = size + len(content), count + 1
                    if size > wanted.size:
                        break
                    yield content
        except (*UNREADABLE, OSError) as error:
            raise Damaged(f"{table} 读不出来：{error}") from error
        if Part(count, size, digest.hexdigest()) != wanted:
            raise Damaged(f"{table} 与清单不符：应有 {wanted.rows} 行、{wanted.size} 字节，内容已变")


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    try:
        with archive.open(MANIFEST) as member:
            found = json.loads(member.read(1024 * 1024))
        if found["format"] != FORMAT:
            raise Damaged("不是督办的备份文件")
        if found["version"] > VERSION:
            raise Newer(f"格式 {found['version']}")
        parts = {name: Part(**part) for name, part in found["tables"].items()}
        made_at = datetime.fromisoformat(found["made_at"])
        manifest = Manifest(
            made_at, found["program"], found["database"], found["schema"], parts
        )
    except (KeyError, TypeError, AttributeError, OSError, *UNREADABLE) as error:
        raise Damaged("不是督办的备份文件，或者清单已损坏") from error
    if manifest.schema not in known():
        raise Newer(manifest.schema)
    members = {_member(name) for name in parts} | {MANIFEST}
    if set(archive.namelist()) != members or len(archive.namelist()) != len(members):
        raise Damaged("备份里的文件与清单不符")
    return manifest
