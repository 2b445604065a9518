"""Hand-over into a Maildir in the data folder, where no mail server is set.

The file's name comes from the mail's key, so the same mail handed over twice is one file; after
``hand`` returns, the file survives a power cut. https://cr.yp.to/proto/maildir.html
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from notifications.transport import Envelope, Fence, Fenced, Unreachable, checked_recipient


@dataclass(frozen=True)
class Maildir:
    """A Maildir as a transport."""

    folder: Path
    carriers: int = 1
    repeatable: bool = True

    def describe(self) -> str:
        """Return in Chinese where mail goes."""
        return f"没有设邮件服务器，邮件存入 {self.folder}"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Maildir]:
        """Yield itself: there is nothing to connect to."""
        yield self

    async def hand(self, envelope: Envelope, fence: Fence) -> str:
        """Write one mail and return its file's name; raises DeliveryError."""
        checked_recipient(envelope.recipient)
        if not await fence():
            raise Fenced("租约已失，未交出")
        try:
            return await asyncio.to_thread(write, self.folder, envelope)
        except OSError as error:
            # Whether or not the mail is in new/ by now, the next try finds it or writes it.
            raise Unreachable(f"写不进 {self.folder}：{error.strerror or error}") from error


def write(folder: Path, envelope: Envelope) -> str:
    """Write a mail durably and return its file name; raises OSError and leaves no mail then."""
    for part in ("tmp", "new", "cur"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(envelope.key.encode()).hexdigest()[:40] + ".duban"
    if (folder / "new" / name).exists() or any((folder / "cur").glob(f"{name}*")):
        return name  # handed over before; its reader may have moved it to cur/
    draft = folder / "tmp" / f"{name}.{os.getpid()}"
    try:
        with draft.open("wb") as file:
            # Mail readers expect the host's line ends in a file; on the wire they are CRLF.
            file.write(envelope.body.replace(b"\r\n", b"\n"))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / "new" / name)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    entry = os.open(folder / "new", os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)
    return name
