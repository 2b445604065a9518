"""One connection, from greeting to goodbye: RFC 5321, 3207, 4954, and the script's faults."""

from __future__ import annotations

import asyncio
import base64
import re
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.mailserver.record import Log
from tests.mailserver.script import Rule, Script

PATH = re.compile(r"(?:FROM|TO):\s*<([^>]*)>\s*(.*)", re.IGNORECASE)


@dataclass(frozen=True)
class Offer:
    """What a server has to offer: extensions, TLS, an account, the largest mail."""

    tls: str = "none"  # none | starttls | implicit
    good: ssl.SSLContext | None = None
    bad: ssl.SSLContext | None = None
    user: str = ""
    password: str = ""
    size: int = 10_000_000
    words: tuple[str, ...] = ("8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")


class Gone(Exception):
    """The conversation is over."""


@dataclass
class Dialogue:
    """The state of one conversation."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    offer: Offer
    script: Script
    log: Log
    trace: Callable[[int, str, str], None]
    secure: bool = False
    known: bool = False
    greeted: bool = False
    sender: str | None = None
    recipients: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Talk until one side leaves."""
        try:
            await self._answer("greeting", "220 tests.example ready")
            while True:
                verb, _, rest = (await self._line()).partition(" ")
                await self._obey(verb.upper(), rest.strip())
        except (Gone, ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            self.writer.close()

    async def _obey(self, verb: str, rest: str) -> None:
        if verb in ("EHLO", "HELO"):
            await self._ehlo(verb)
        elif verb == "STARTTLS":
            await self._starttls()
        elif verb == "AUTH":
            await self._auth(rest)
        elif verb == "MAIL":
            await self._mail(rest)
        elif verb == "RCPT":
            await self._rcpt(rest)
        elif verb == "DATA":
            await self._data()
        elif verb in ("RSET", "NOOP"):
            if verb == "RSET":
                self._reset()
            await self._say("250 2.0.0 OK")
        elif verb == "QUIT":
            await self._answer("quit", "221 2.0.0 bye")
            raise Gone
        else:
            await self._say("502 5.5.1 not implemented")

    async def _ehlo(self, verb: str) -> None:
        self._reset()
        rule = self._rule("ehlo")
        hidden = {word.upper() for word in rule.words} if rule and rule.do == "hide" else set()
        if rule and rule.do != "hide" and await self._faulty(rule):
            return
        self.greeted = True
        words = [f"SIZE {self.offer.size}", *self.offer.words]
        if self.offer.tls == "starttls" and not self.secure:
            words.append("STARTTLS")
        if self.offer.user and (self.secure or self.offer.tls == "none"):
            words.append("AUTH PLAIN LOGIN")
        words = [word for word in words if word.split()[0] not in hidden]
        if verb == "HELO" or not words:
            await self._say("250 tests.example")
            return
        lines = ["250-tests.example", *(f"250-{w}" for w in words[:-1]), f"250 {words[-1]}"]
        await self._say("\r\n".join(lines))

    async def _starttls(self) -> None:
        rule = self._rule("starttls")
        context = self.offer.good
        if rule and rule.do == "certificate":
            context = self.offer.bad
        elif rule and await self._faulty(rule):
            return
        if self.offer.tls != "starttls" or self.secure or context is None:
            await self._say("503 5.5.1 not now")
            return
        await self._say("220 2.0.0 go ahead")
        await self.writer.start_tls(context)
        self.secure, self.known, self.greeted = True, False, False
        self._reset()

    async def _auth(self, rest: str) -> None:
        kind, _, initial = rest.partition(" ")
        if kind.upper() == "PLAIN":
            if not initial:
                await self._say("334 ")
                initial = await self._line()
            said = base64.b64decode(initial).decode().split("\0")[1:]
        elif kind.upper() == "LOGIN":
            said = [base64.b64decode(initial).decode()] if initial else []
            for question in ("VXNlcm5hbWU6", "UGFzc3dvcmQ6")[len(said) :]:
                await self._say(f"334 {question}")
                said.append(base64.b64decode(await self._line()).decode())
        else:
            await self._say("504 5.5.4 no such mechanism")
            return
        if (rule := self._rule("auth")) and await self._faulty(rule):
            return
        self.known = said == [self.offer.user, self.offer.password]
        await self._say("235 2.7.0 welcome" if self.known else "535 5.7.8 wrong password")

    async def _mail(self, rest: str) -> None:
        if (rule := self._rule("mail")) and await self._faulty(rule):
            return
        found = PATH.fullmatch(rest)
        if found is None or not self.greeted:
            await self._say("501 5.5.4 syntax" if self.greeted else "503 5.5.1 EHLO first")
        elif self.offer.tls != "none" and not self.secure:
            await self._say("530 5.7.0 STARTTLS first")
        elif self.offer.user and not self.known:
            await self._say("530 5.7.0 authentication required")
        elif (size := re.search(r"SIZE=(\d+)", found[2], re.IGNORECASE)) and int(
            size[1]
        ) > self.offer.size:
            await self._say("552 5.3.4 too big")
        else:
            self._reset()
            self.sender = found[1]
            await self._say("250 2.1.0 OK")

    async def _rcpt(self, rest: str) -> None:
        found = PATH.fullmatch(rest)
        address = found[1] if found else ""
        if (rule := self._rule("rcpt", [address])) and await self._faulty(rule):
            return
        if self.sender is None:
            await self._say("503 5.5.1 MAIL first")
        elif not re.fullmatch(r"[^@\s,]+@[^@\s,]+", address):
            await self._say("501 5.1.3 no address")
        elif not address.isascii() and "SMTPUTF8" not in self.offer.words:
            await self._say("553 5.6.7 SMTPUTF8 is not offered")
        else:
            self.recipients.append(address)
            await self._say("250 2.1.5 OK")

    async def _data(self) -> None:
        if (rule := self._rule("data", self.recipients)) and await self._faulty(rule):
            return
        if not self.recipients:
            await self._say("503 5.5.1 RCPT first")
            return
        await self._say("354 go on")
        content = await self._content(self._rule("content", self.recipients))
        rule = self._rule("dot", self.recipients)
        if rule is not None and rule.kept:
            self._keep(content)
        if rule is not None and await self._faulty(rule):
            self._reset()
            return
        if len(content) > self.offer.size:
            self._reset()
            await self._say("552 5.3.4 too big")
            return
        if rule is None or not rule.kept:
            self._keep(content)
        self._reset()
        await self._say(f"250 2.0.0 kept, connection {self.number}")

    async def _content(self, rule: Rule | None) -> bytes:
        lines: list[bytes] = []
        got = 0
        while True:
            if rule is not None and got >= rule.bytes:
                await self._faulty(rule)
                rule = None
            line = await self.reader.readuntil(b"\r\n")
            if line == b".\r\n":
                return b"".join(lines)
            got += len(line)
            lines.append(line[1:] if line.startswith(b".") else line)

    def _keep(self, content: bytes) -> None:
        self.log.add(self.number, self.sender or "", list(self.recipients), content)
        self.trace(self.number, "dot", "kept")

    def _reset(self) -> None:
        self.sender, self.recipients = None, []

    def _rule(self, moment: str, recipients: list[str] | None = None) -> Rule | None:
        rule = self.script.at(moment, self.number, recipients or [])
        if rule is not None:
            self.trace(self.number, moment, f"{rule.do} {rule.text}".strip())
        return rule

    async def _answer(self, moment: str, usual: str) -> None:
        rule = self._rule(moment)
        if rule is None or not await self._faulty(rule):
            await self._say(usual)

    async def _faulty(self, rule: Rule) -> bool:
        """Do what a rule says; return whether the usual answer falls away."""
        if rule.do == "reply":
            await self._say(rule.text)
            if rule.text.startswith("421"):
                raise Gone
            return True
        if rule.do == "delay":
            await asyncio.sleep(rule.ms / 1000)
            return False
        if rule.do == "silence":
            while await self.reader.read(65536):
                pass
            raise Gone
        if rule.do == "reset":
            broken(self.writer)
        if rule.do in ("drop", "reset"):
            raise Gone
        return False

    async def _line(self) -> str:
        line = await self.reader.readuntil(b"\r\n")
        return line[:-2].decode("utf-8", "replace")

    async def _say(self, text: str) -> None:
        self.writer.write(text.encode() + b"\r\n")
        await self.writer.drain()


def broken(writer: asyncio.StreamWriter) -> None:
    """Break a connection, so that the other side sees a reset."""
    carrier = writer.get_extra_info("socket")
    carrier.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
