"""What was handed over, written down outside the database, where no restored backup undoes it.

One folder of JSON lines (UTF-8). A process appends to files of its own, one a month, and never
changes a line, so that nothing interleaves whoever shares the folder. The lines:

- ``handing``: at the point of no return, before the first byte leaves. The message with its bytes
  (``body``: zlib, base64) and its notices; on disk before the content is sent.
- ``sent``, ``refused``, ``doubt``: what came of it, with the ``reply``; before the store is told.

All bear ``at``, ``owner``, ``message_id`` and ``attempt``, which name one hand-over. Where machines
share no folder, each has the journal of its own hand-overs.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import threading
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple

FOLDER = "journal"
SUFFIX = ".jsonl"
What = Literal["handing", "sent", "refused", "doubt"]

log = logging.getLogger(__name__)


@dataclass
class _Draft:
    """A line that waits for the file of this name; ``tried`` once it was written, or could not be."""

    name: str
    line: bytes
    tried: bool = False
    error: OSError | None = None


@dataclass
class Journal:
    """The files of one process. ``owner`` names it; they are made at the first hand-over."""

    folder: Path
    owner: str
    _name: str = ""
    _file: int = -1
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _drafts: deque[_Draft] = field(default_factory=deque)

    def write(
        self, what: What, at: datetime, message_id: str, attempt: int, **more: object
    ) -> None:
        """Append one line; it is on the disk when this returns. Raises OSError.

        Lines that threads write at one time share the wait for the disk.
        """
        line = {"what": what, "at": at, "owner": self.owner, "message_id": message_id}
        text = json.dumps(line | {"attempt": attempt} | more, ensure_ascii=False, default=_plain)
        mine = _Draft(f"{_safe(self.owner)}-{at:%Y-%m}{SUFFIX}", text.encode() + b"\n")
        self._drafts.append(mine)
        with self._guard:
            if not mine.tried:  # otherwise whoever had the file before took it along
                self._write()
        if mine.error is not None:
            raise mine.error

    def _write(self) -> None:
        """Write the lines that wait, in order."""
        drafts = [self._drafts.popleft() for _ in range(len(self._drafts))]
        for name, some in groupby(drafts, key=lambda one: one.name):
            lines = list(some)
            error = None
            try:
                _append(self._open(name), b"".join(one.line for one in lines))
            except OSError as failed:
                self._close()  # what was written of a line is closed off when it is opened again
                error = failed
            for one in lines:
                one.tried, one.error = True, error

    def close(self) -> None:
        """Close the file; a later line opens it again."""
        with self._guard:
            self._close()

    def _open(self, name: str) -> int:
        if self._file >= 0 and self._name == name:
            return self._file
        self._close()
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self._name, self._file = name, file
        try:
            size = os.fstat(file).st_size
            if size == 0:
                _keep_name(self.folder)
            elif os.pread(file, 1, size - 1) != b"\n":
                _append(file, b"\n")
        except OSError:
            self._close()
            raise
        return file

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1


def _safe(owner: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", owner)


def _plain(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(zlib.compress(value)).decode("ascii")
    raise TypeError(f"no way to write {type(value).__name__}")


def _append(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
    os.fsync(file)


def _keep_name(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    entry = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)


class Line(NamedTuple):
    """One line as read; ``more`` is all that a line says beyond what names the hand-over."""

    what: str
    at: datetime
    owner: str
    message_id: str
    attempt: int
    more: Mapping[str, Any]

    @property
    def body(self) -> bytes:
        """Return the bytes of the mail of a ``handing`` line."""
        return zlib.decompress(base64.b64decode(self.more["body"]))


class Tail(NamedTuple):
    """What a file says beyond what was known of it, and how far that reaches (bytes)."""

    name: str
    size: int
    lines: tuple[Line, ...]


def tails(folder: Path, known: Mapping[str, int]) -> Iterator[Tail]:
    """Yield what the files say beyond ``known`` (bytes by file name), by name.

    A line that is being written waits for its end. Raises OSError where a file cannot be read.
    """
    if not folder.is_dir():
        return
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        start = known.get(entry.name, 0)
        if not entry.name.endswith(SUFFIX) or entry.stat().st_size <= start:
            continue
        with open(entry.path, "rb") as file:
            file.seek(start)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        if whole:
            yield Tail(entry.name, start + len(whole), tuple(_lines(entry.name, whole)))


def _lines(name: str, data: bytes) -> Iterator[Line]:
    for number, text in enumerate(data.splitlines(), 1):
        try:
            said = json.loads(text)
            taken = (said.pop("what"), datetime.fromisoformat(said.pop("at")), said.pop("owner"))
            yield Line(*taken, said.pop("message_id"), int(said.pop("attempt")), said)
        except (ValueError, KeyError, TypeError, AttributeError):
            # A disk that was full, or a power cut: such a line was cut off before the content left.
            if text.strip():
                log.warning("journal %s: line %d of the newest part cannot be read", name, number)
