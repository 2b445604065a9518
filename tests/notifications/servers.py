"""Mail servers on the loopback address, the well-behaved kind and the others."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

CERTIFICATE = Path(__file__).with_name("certificate.pem")
DROP = "drop"
SILENCE = "silence"


@dataclass
class Behaviour:
    """What a server answers in place of 250, by command; DROP closes, SILENCE never answers.

    A list is used up, one answer a command; then it is well-behaved.
    """

    mail: str | list[str] = ""
    rcpt: str | list[str] = ""
    content: str | list[str] = ""
    received: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    connections: int = 0

    def _next(self, name: str) -> str:
        answer = getattr(self, name)
        if isinstance(answer, list):
            return answer.pop(0) if answer else ""
        return str(answer)

    async def _answer(self, name: str, server: SMTP) -> str | None:
        answer = self._next(name)
        if answer == DROP:
            assert server.transport is not None
            server.transport.abort()
            return "421 gone"
        if answer == SILENCE:
            await asyncio.sleep(30)
        return answer or None

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, lines: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return lines

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        answer = await self._answer("mail", server)
        if answer is None:
            envelope.mail_from = address
        return answer or "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        answer = await self._answer("rcpt", server)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = await self._answer("content", server)
        if answer is None or answer.startswith("421 gone"):
            content = envelope.original_content or b""
            self.received.append((envelope.mail_from or "", envelope.rcpt_tos, content))
        return answer or "250 2.0.0 queued as 4711"


def only(user: str, password: str) -> Any:
    """Return an authenticator that lets in one account."""

    def check(
        server: SMTP, session: Session, envelope: Envelope, kind: str, data: Any
    ) -> AuthResult:
        fits = isinstance(data, LoginPassword) and (data.login, data.password) == (
            user.encode(), password.encode(),
        )  # fmt: skip
        return AuthResult(success=fits, handled=False)

    return check


def server_context() -> ssl.SSLContext:
    """Return the server's side of TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context


def trusting() -> ssl.SSLContext:
    """Return a client's side that trusts the tests' certificate."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def serving(behaviour: Behaviour, **options: Any) -> Iterator[int]:
    """Run a server for the time of a test and yield its port."""
    port = free_port()
    controller = Controller(behaviour, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()
