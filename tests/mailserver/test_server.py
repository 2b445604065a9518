"""The tests' own mail server, asked by the standard library's client."""

from __future__ import annotations

import hashlib
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.mailserver.record import read
from tests.mailserver.running import TRUSTED, Running, running
from tests.mailserver.script import Script

MAIL = b"Subject: x\r\nMessage-ID: <1@x.example>\r\n\r\n.a line\r\n..two\r\nend\r\n"
SENDER, RECIPIENT = "duban@x.example", "a@b.example"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server without TLS for all tests that say what it does wrong."""
    with running(tmp_path_factory.mktemp("mail")) as server:
        yield server


@pytest.fixture
def server(shared: Running) -> Running:
    shared.misbehave()
    return shared


def rule(at: str, do: str, **more: Any) -> dict[str, Any]:
    return {"at": at, "do": do, **more}


def connect(server: Running, timeout: float = 5) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", server.port, local_hostname="t.example", timeout=timeout)


def send(server: Running, to: str = RECIPIENT, timeout: float = 5, content: bytes = MAIL) -> None:
    with connect(server, timeout) as client:
        client.sendmail(SENDER, to, content)


def test_what_was_answered_with_250_is_in_the_log_byte_for_byte(server: Running) -> None:
    before = len(server.accepted)
    send(server)
    (one,) = server.accepted[before:]
    assert (one.sender, one.recipients) == (SENDER, (RECIPIENT,))
    assert (one.content, one.message_id) == (MAIL, "<1@x.example>")
    assert one.sha256 == hashlib.sha256(MAIL).hexdigest()


def test_a_torn_last_line_was_never_answered_and_does_not_count(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        send(server)
    with (tmp_path / "accepted.jsonl").open("ab") as file:
        file.write(b'{"at": "2026-')
    assert len(read(tmp_path / "accepted.jsonl")) == 1


def test_the_log_survives_the_server_and_goes_on(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        send(server)
        port = server.port
    with running(tmp_path, port=port) as server:
        send(server)
        assert len(server.accepted) == 2


@pytest.mark.parametrize("at", ["greeting", "ehlo", "mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize("text", ["421 4.3.2 leaving", "451 4.3.0 later", "552 5.3.4 too big"])
def test_any_answer_at_any_command(server: Running, at: str, text: str) -> None:
    before = len(server.accepted)
    server.misbehave(rule(at, "reply", text=text, times=2))  # smtplib falls back to HELO
    with pytest.raises((smtplib.SMTPException, OSError)):
        send(server)
    assert server.faults[-1] == (at, f"reply {text}")
    assert len(server.accepted) == before


def test_one_address_of_many_is_refused_and_the_others_are_not(server: Running) -> None:
    before = len(server.accepted)
    server.misbehave(rule("rcpt", "reply", text="550 5.1.1 unknown", to="^gone@"))
    with connect(server) as client:
        refused = client.sendmail(SENDER, ["gone@b.example", RECIPIENT], MAIL)
    assert refused == {"gone@b.example": (550, b"5.1.1 unknown")}
    assert server.accepted[before].recipients == (RECIPIENT,)


@pytest.mark.parametrize("at", ["greeting", "ehlo", "mail", "rcpt", "data", "content", "dot"])
@pytest.mark.parametrize("do", ["drop", "reset"])
def test_the_connection_ends_at_any_moment_and_nothing_is_kept(
    server: Running, at: str, do: str
) -> None:
    before = len(server.accepted)
    server.misbehave(rule(at, do))
    with pytest.raises((smtplib.SMTPException, OSError)):
        send(server)
    assert len(server.accepted) == before


def test_a_mail_can_be_cut_off_in_the_middle(server: Running) -> None:
    before = len(server.accepted)
    server.misbehave(rule("content", "drop", bytes=100_000))
    with pytest.raises((smtplib.SMTPException, OSError)):
        send(server, content=MAIL + (b"x" * 70 + b"\r\n") * 10_000)
    assert len(server.accepted) == before
    send(server)  # a short one never gets that far
    assert server.accepted[before].content == MAIL


@pytest.mark.parametrize(("do", "more"), [("drop", {}), ("silence", {}), ("reset", {})])
def test_a_mail_is_kept_and_never_acknowledged(
    server: Running, do: str, more: dict[str, Any]
) -> None:
    before = len(server.accepted)
    server.misbehave(rule("dot", do, kept=True, **more))
    with pytest.raises((smtplib.SMTPException, OSError)):
        send(server, timeout=0.5)
    assert len(server.accepted) == before + 1


@pytest.mark.parametrize("at", ["greeting", "ehlo", "mail", "rcpt", "data", "dot"])
def test_silence_is_kept_until_the_client_leaves(server: Running, at: str) -> None:
    before = len(server.accepted)
    server.misbehave(rule(at, "silence"))
    with pytest.raises((smtplib.SMTPException, OSError)):
        send(server, timeout=0.2)
    assert len(server.accepted) == before
    server.misbehave()
    send(server)
    assert len(server.accepted) == before + 1


def test_an_answer_can_come_late_with_the_mail_kept_before(server: Running) -> None:
    before = len(server.accepted)
    server.misbehave(rule("dot", "delay", ms=400, kept=True))
    with pytest.raises((smtplib.SMTPException, OSError)):
        send(server, timeout=0.1)
    assert len(server.accepted) == before + 1
    started = time.monotonic()
    send(server)
    assert time.monotonic() - started >= 0.4
    assert len(server.accepted) == before + 2


def test_for_a_while_nobody_listens(server: Running) -> None:
    server.misbehave(rule("accept", "refuse", seconds=0.6, times=1))
    with pytest.raises((smtplib.SMTPException, OSError)):
        send(server)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), 2)
    time.sleep(1)
    send(server)


def test_extensions_can_be_kept_back(server: Running) -> None:
    with connect(server) as client:
        client.ehlo()
        assert client.has_extn("SMTPUTF8")
    server.misbehave(rule("ehlo", "hide", words=["SMTPUTF8", "SIZE"]))
    with connect(server) as client:
        client.ehlo()
        assert not client.has_extn("SMTPUTF8")
        assert not client.has_extn("SIZE")


def test_an_empty_recipient_and_a_list_in_one_are_refused(server: Running) -> None:
    for address in ("", "a@b.example,c@d.example"):
        with connect(server) as client:
            client.ehlo()
            client.mail(SENDER)
            assert client.docmd(f"RCPT TO:<{address}>")[0] == 501


def test_a_mail_beyond_the_size_is_refused_before_and_after(tmp_path: Path) -> None:
    with running(tmp_path, size=1000) as server:
        with pytest.raises(smtplib.SMTPSenderRefused, match="too big"):
            send(server, content=MAIL + b"x" * 2000)
        server.misbehave(rule("ehlo", "hide", words=["SIZE"]))
        with pytest.raises(smtplib.SMTPDataError, match="too big"):
            send(server, content=MAIL + b"x" * 2000)
        assert server.accepted == []


def test_starttls_and_the_right_password_are_demanded(tmp_path: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(TRUSTED))
    with running(tmp_path, tls="starttls", user="duban", password="secret") as server:
        with pytest.raises(smtplib.SMTPSenderRefused, match="STARTTLS first"):
            send(server)
        with connect(server) as client:
            client.starttls(context=trusting)
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("duban", "guess")
            client.login("duban", "secret")
            client.sendmail(SENDER, RECIPIENT, MAIL)
        assert len(server.accepted) == 1
        server.misbehave(rule("auth", "reply", text="535 5.7.8 no"))
        with connect(server) as client:
            client.starttls(context=trusting)
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("duban", "secret")


def test_starttls_can_be_stripped_refused_or_shown_a_strangers_certificate(tmp_path: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(TRUSTED))
    with running(tmp_path, tls="starttls") as server:
        server.misbehave(rule("ehlo", "hide", words=["STARTTLS"]))
        with connect(server) as client, pytest.raises(smtplib.SMTPNotSupportedError):
            client.starttls(context=trusting)
        server.misbehave(rule("starttls", "reply", text="454 4.7.0 not today"))
        with connect(server) as client, pytest.raises(smtplib.SMTPResponseException):
            client.starttls(context=trusting)
        server.misbehave(rule("starttls", "certificate"))
        client = connect(server)
        with pytest.raises(ssl.SSLCertVerificationError):
            client.starttls(context=trusting)
        client.close()


def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(TRUSTED))
    with running(tmp_path, tls="implicit") as server:
        with smtplib.SMTP_SSL("127.0.0.1", server.port, context=trusting, timeout=5) as client:
            client.sendmail(SENDER, RECIPIENT, MAIL)
        assert len(server.accepted) == 1


def test_rules_count_and_the_dice_fall_the_same_for_a_seed() -> None:
    text = '{"seed": 3, "rules": [{"at": "dot", "do": "drop", "chance": 0.5}]}'
    first, second = Script(text), Script(text)
    fell = [first.at("dot", n, []) is not None for n in range(40)]
    assert fell == [second.at("dot", n, []) is not None for n in range(40)]
    assert True in fell
    assert False in fell
    counted = Script('{"rules": [{"at": "mail", "do": "drop", "after": 1, "times": 2}]}')
    assert [counted.at("mail", 1, []) is not None for _ in range(4)] == [False, True, True, False]
    numbered = Script('{"rules": [{"at": "mail", "do": "drop", "connections": [2, 3]}]}')
    assert [numbered.at("mail", n, []) is not None for n in (1, 2, 3, 4)] == [
        False, True, True, False,
    ]  # fmt: skip


def test_a_mistaken_script_is_refused() -> None:
    with pytest.raises(ValueError, match="no such rule"):
        Script('{"rules": [{"at": "lunch", "do": "drop"}]}')
    with pytest.raises(ValueError, match="not a reply"):
        Script('{"rules": [{"at": "dot", "do": "reply", "text": "no"}]}')
