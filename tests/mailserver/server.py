"""The server: listens, reads its script anew for each connection, and can stop listening."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.mailserver.dialogue import Dialogue, Offer, broken
from tests.mailserver.record import Log
from tests.mailserver.script import Script


@dataclass
class Server:
    """A mail server on the loopback address."""

    offer: Offer
    log: Log
    script_file: Path | None = None
    trace_file: Path | None = None
    port: int = 0
    connections: int = 0
    _text: str = ""
    _script: Script = field(default_factory=Script)
    _server: asyncio.Server | None = None
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    async def listen(self) -> None:
        """Begin to listen; ``port`` is known from then on."""
        bound = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.port = bound.getsockname()[1]
        context = self.offer.good if self.offer.tls == "implicit" else None
        self._server = await asyncio.start_server(
            self._connected, sock=bound, ssl=context, limit=2**20
        )

    async def stop(self) -> None:
        """Stop listening and leave every conversation."""
        self.deafen()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        self.log.close()

    def deafen(self) -> None:
        """Stop listening; conversations go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        script = self._current()
        rule = script.at("accept", self.connections, [])
        if rule is not None and rule.do == "refuse":
            self._trace(self.connections, "accept", f"refuse for {rule.seconds} s")
            broken(writer)
            self.deafen()
            await asyncio.sleep(rule.seconds)
            await self.listen()
            return
        secure = self.offer.tls == "implicit"
        one = Dialogue(
            self.connections, reader, writer, self.offer, script, self.log, self._trace, secure
        )
        if rule is not None and rule.do in ("drop", "reset"):
            self._trace(self.connections, "accept", rule.do)
            (broken if rule.do == "reset" else asyncio.StreamWriter.close)(writer)
            return
        task = asyncio.ensure_future(one.run())
        self._open.add(task)
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        finally:
            self._open.discard(task)

    def _current(self) -> Script:
        text = self.script_file.read_text() if self.script_file else ""
        if text != self._text:
            self._text, self._script = text, Script(text)
        return self._script

    def _trace(self, connection: int, moment: str, what: str) -> None:
        if self.trace_file is not None:
            with self.trace_file.open("a") as file:
                file.write(f"{time.time():.3f}\t{connection}\t{moment}\t{what}\n")
