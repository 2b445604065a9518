"""Hand-over to a mail server by aiosmtplib, with every error sorted by what it proves.

RFC 5321 section 4.5.3.2 (time-outs), 4.2.1 (first digit of a reply), 3.3 and 4.5.2 (the data and
its end). DATA is asked for apart from the content: as long as no 354 has come, nothing can have
been accepted, so the point of no return lies behind it.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Literal

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)  # fmt: skip

from notifications.transport import (
    Deferred,
    DeliveryError,
    Envelope,
    Fence,
    Fenced,
    InDoubt,
    Rejected,
    RelayFault,
    Unreachable,
    checked_recipient,
)  # fmt: skip

BEFORE_DATA = 60.0  # seconds for any command before the content; a lease must outlast them all
GO_ON, COMPLETED, STORAGE_EXCEEDED = 354, 250, 552
LINE_END = re.compile(rb"\r\n|\r|\n")
FIRST_DOT = re.compile(rb"(?m)^\.")


@dataclass(frozen=True)
class Relay:
    """How to reach the mail server. ``tls`` other than none is demanded, never merely tried.

    ``timeout`` (seconds) is for the answer to the content; ``context`` replaces the system's
    trust store.
    """

    host: str
    port: int
    tls: Literal["none", "starttls", "tls"]
    sender: str
    user: str | None = None
    password: str | None = None
    timeout: float = 600.0
    context: ssl.SSLContext | None = None
    carriers: int = 4
    repeatable: bool = False

    def describe(self) -> str:
        """Return in Chinese where mail goes, without secrets."""
        kind = {"none": "不加密", "starttls": "STARTTLS", "tls": "TLS"}[self.tls]
        return f"邮件服务器 {self.host}:{self.port}（{kind}）"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SmtpCarrier]:
        """Yield a carrier; its connection is open, if that can be, and closed at the end."""
        carrier = SmtpCarrier(self)
        try:
            await carrier.begin()
            yield carrier
        finally:
            await carrier.close()


class SmtpCarrier:
    """One connection, opened before the first mail and again when it has been lost."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._client: SMTP | None = None
        self._used = False
        self._fault: DeliveryError | None = None

    async def begin(self) -> None:
        """Open the connection before any mail is claimed: a greeting may outlast a short lease.

        What goes wrong is told to the first mail.
        """
        try:
            await self._connect()
        except DeliveryError as error:
            self._fault = error

    async def hand(self, envelope: Envelope, fence: Fence) -> str:
        """Hand over one mail and return the server's reply; raises DeliveryError."""
        recipient = checked_recipient(envelope.recipient)
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault
        client = await self._addressed(recipient)
        await self._ask(client)
        # The server waits for the content now. Whatever keeps it from coming, the connection is
        # left without the final dot, and without QUIT, which would be a line of the content.
        try:
            passed = await fence()
        except BaseException:
            await self._forget()
            raise
        if not passed:
            await self._forget()
            raise Fenced("租约已失，未交出")
        return await self._send(client, envelope.body)

    async def _ask(self, client: SMTP) -> None:
        """Ask for the content to be taken; raises where the server does not say 354."""
        try:
            code, reply = await client.execute_command(b"DATA", timeout=self._patience)
        except (SMTPException, OSError, TimeoutError) as error:
            await self._forget()
            raise Deferred(f"内容发出前连接中断：{_words(error)}") from error
        if code != GO_ON:
            await self._forget()
            said = _line(code, reply)
            raise Rejected(said) if 500 <= code <= 599 else Deferred(said)

    async def _send(self, client: SMTP, body: bytes) -> str:
        """Send the content and return the server's reply; raises what that, or none, proves."""
        protocol = client.protocol
        if protocol is None or not protocol.is_connected:
            await self._forget()
            raise Deferred("内容发出前连接中断")
        try:
            protocol.write(_content(body))
            code, reply = await protocol.read_response(timeout=self._relay.timeout)
        except (SMTPException, OSError, TimeoutError, RuntimeError, ValueError) as error:
            await self._forget()
            raise InDoubt(f"内容发出后没有得到答复：{_words(error)}") from error
        if code != COMPLETED:
            await self._forget()
            raise _after_content(code, reply)
        return _line(code, reply)

    async def _addressed(self, recipient: str) -> SMTP:
        """Return a client that accepted sender and recipient, reconnecting once if stale."""
        stale, self._used = self._used and self._client is not None, True
        try:
            return await self._address(recipient)
        except Deferred:
            # A server may drop an idle connection at any time; that says nothing of this mail.
            if not stale or (self._client and self._client.is_connected):
                raise
        return await self._address(recipient)

    async def _address(self, recipient: str) -> SMTP:
        client = self._client or await self._connect()
        sender = parseaddr(self._relay.sender)[1]
        try:
            await client.mail(sender, timeout=self._patience)
            await client.rcpt(recipient, timeout=self._patience)
        except SMTPRecipientRefused as error:
            await self._reset(client)
            raise _by_code(error, Rejected) from error
        except SMTPResponseException as error:
            await self._forget()
            # The size is this mail's fault; any other lasting refusal of our own sender is not.
            oversized = error.code == STORAGE_EXCEEDED
            raise _by_code(error, Rejected if oversized else RelayFault) from error
        except (SMTPException, OSError, TimeoutError) as error:
            await self._forget()
            raise Deferred(f"收件人确认前连接中断：{_words(error)}") from error
        return client

    @property
    def _patience(self) -> float:
        return min(BEFORE_DATA, self._relay.timeout)

    async def _connect(self) -> SMTP:
        relay = self._relay
        client = SMTP(
            hostname=relay.host,
            port=relay.port,
            use_tls=relay.tls == "tls",
            start_tls=relay.tls == "starttls",
            username=relay.user or None,
            password=(relay.password or "") if relay.user else None,
            timeout=self._patience,
            tls_context=relay.context,
            # The host's own name: asking DNS for it may block for minutes.
            local_hostname=_greeting_name(relay.sender),
        )
        try:
            await client.connect()
        except SMTPAuthenticationError as error:
            raise _by_code(error, RelayFault, "登录邮件服务器失败") from error
        except SMTPResponseException as error:
            raise _by_code(error, RelayFault, "邮件服务器拒绝连接") from error
        except (SMTPTimeoutError, SMTPServerDisconnected) as error:
            raise Unreachable(f"连不上邮件服务器：{_words(error)}") from error
        except (SMTPException, OSError, TimeoutError) as error:
            raise _connecting(error) from error
        self._client = client
        return client

    async def _reset(self, client: SMTP) -> None:
        try:
            await client.rset(timeout=self._patience)
        except (SMTPException, OSError, TimeoutError):
            await self._forget()

    async def _forget(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    async def close(self) -> None:
        """Say goodbye; a server that does not answer is left."""
        client, self._client = self._client, None
        if client is not None and client.is_connected:
            with suppress(SMTPException, OSError, TimeoutError):
                await client.quit(timeout=5)
            client.close()


def _by_code(
    error: SMTPResponseException, lasting: Callable[[str], DeliveryError], what: str = ""
) -> DeliveryError:
    reply = _line(error.code, error.message, what)
    return lasting(reply) if 500 <= error.code <= 599 else Deferred(reply)


def _content(body: bytes) -> bytes:
    """Return a mail as it goes over the line: CRLF, dots doubled, the final one at the end."""
    lines = LINE_END.sub(b"\r\n", body)
    end = b"" if lines.endswith(b"\r\n") else b"\r\n"
    return FIRST_DOT.sub(b"..", lines) + end + b".\r\n"


def _after_content(code: int, reply: str) -> DeliveryError:
    """Return what a reply to the content proves: 4xx and 5xx are definite."""
    said = _line(code, reply)
    if 400 <= code <= 499:
        return Deferred(said)
    if 500 <= code <= 599:
        return Rejected(said)
    return InDoubt(f"内容发出后的答复看不懂：{said}")


def _connecting(error: BaseException) -> DeliveryError:
    """Return a fault of the relay for TLS that is missing or not trusted, else a deferral."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return RelayFault(f"与邮件服务器的加密连接不可信：{_words(cause)}")
        cause = cause.__cause__
    if type(error) is SMTPException:  # no STARTTLS, no AUTH: aiosmtplib has no type for these
        return RelayFault(f"邮件服务器不支持所要求的加密或登录方式：{_words(error)}")
    return Unreachable(f"连不上邮件服务器：{_words(error)}")


def _greeting_name(sender: str) -> str:
    domain = parseaddr(sender)[1].rpartition("@")[2]
    return domain if domain.isascii() and domain else "localhost"


def _words(error: BaseException) -> str:
    return _one_line(str(error) or type(error).__name__)


def _line(code: int, reply: str, what: str = "") -> str:
    said = f"{code} {_one_line(reply)}".strip()
    return f"{what}：{said}" if what else said


def _one_line(text: str) -> str:
    # A reply's bytes may be in any charset and arrive as lone surrogates, which no database takes.
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(c if c.isprintable() else " " for c in clean).split())[:500]
