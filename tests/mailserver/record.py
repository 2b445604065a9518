"""What a mail server accepted: one JSON line a mail, on the disk before the client hears 250."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import NamedTuple


class Accepted(NamedTuple):
    """One accepted mail. ``content`` has CRLF line ends and no doubled dots."""

    at: datetime
    connection: int
    sender: str
    recipients: tuple[str, ...]
    message_id: str
    sha256: str
    content: bytes


class Log:
    """The file, open for appending."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def add(self, connection: int, sender: str, recipients: list[str], content: bytes) -> None:
        """Append one mail and return when it would survive a power cut."""
        line = {
            "at": datetime.now(UTC).isoformat(),
            "connection": connection,
            "sender": sender,
            "recipients": recipients,
            "message_id": _message_id(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "content": base64.b64encode(content).decode(),
        }
        written = json.dumps(line).encode() + b"\n"
        if os.write(self._file, written) != len(written):
            raise OSError("the log took only a part")
        os.fdatasync(self._file)

    def close(self) -> None:
        os.close(self._file)


def _message_id(content: bytes) -> str:
    head = content.partition(b"\r\n\r\n")[0]
    return (BytesHeaderParser().parsebytes(head)["Message-ID"] or "").strip()


def read(path: Path) -> list[Accepted]:
    """Return what was accepted, in order; a torn last line was never answered and is left out."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [
        Accepted(
            datetime.fromisoformat(one["at"]),
            one["connection"],
            one["sender"],
            tuple(one["recipients"]),
            one["message_id"],
            one["sha256"],
            base64.b64decode(one["content"]),
        )
        for one in map(json.loads, lines)
    ]
