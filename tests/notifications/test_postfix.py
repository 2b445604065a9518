"""A real Postfix in place of the tests' own server: encrypted, with a password, and with rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config import settings
from notifications.choosing import transport
from notifications.transport import Transport
from tests.mailserver.running import TRUSTED
from tests.notifications.post import Post, read, text_of
from tests.notifications.postfix import LIMIT, PASSWORD, USER, Postfix, postfix

pytestmark = pytest.mark.system

NINE, LATER = "2026-03-06 09:00", "2026-03-06 10:01"


@pytest.fixture(scope="module")
def server() -> Iterator[Postfix]:
    """Give a Postfix that takes mail for the two hospitals and nobody else."""
    with postfix("da.example", "xiao.example") as one:
        yield one


@pytest.fixture(autouse=True)
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the server's certificate as an admin with a certificate of the house's own would."""
    monkeypatch.setenv("SSL_CERT_FILE", str(TRUSTED))


@pytest.fixture
def post(tmp_path: Path) -> Post:
    """A house with two mails ready at NINE, one to each hospital."""
    house = Post(tmp_path)
    house.tick(NINE)
    house.gather(NINE)
    assert house.states() == ["ready", "ready"]
    return house


def way(server: Postfix, **more: str) -> Transport:
    """Return the way out that the service takes with these settings."""
    said = {
        "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(server.port), "SMTP_TLS": "starttls",
        "SMTP_USER": USER, "SMTP_PASSWORD": PASSWORD, "MAIL_FROM": "duban@x.example",
    }  # fmt: skip
    return transport(settings.load({f"DUBAN_{k}": v for k, v in (said | more).items()}))


def in_box(server: Postfix) -> int:
    return len(server.arrived(0))


def test_a_composed_mail_arrives_as_it_was_stored(server: Postfix, post: Post) -> None:
    assert post.deliver(NINE, way(server)).sent == 2
    arrived = server.arrived(2)
    for message in post.messages():
        above, content = arrived[message.recipient]
        assert content == message.body
        assert b"with ESMTPSA id" in above  # encrypted, and with the password
        assert "Ok: queued as" in (message.reply or "")
        seen = read(content)
        assert seen["Subject"] == message.subject
        assert message.subject.startswith("[督办] ")
        html = seen.get_body(("html",))
        assert html is not None
        assert "报送工作方案" in html.get_content()
        assert "报送工作方案" in text_of(message)


def test_a_wrong_password_pauses_the_queue_and_the_right_one_wakes_it(
    server: Postfix, post: Post
) -> None:
    before = in_box(server)
    report = post.deliver(NINE, way(server, SMTP_PASSWORD="guess"))
    assert "535 5.7.8" in (report.paused or "")
    assert post.states() == ["ready", "ready"]
    assert in_box(server) == before
    assert post.deliver(LATER, way(server)).sent == 2
    assert post.states() == ["sent", "sent"]


def test_a_password_is_never_sent_unencrypted(server: Postfix, post: Post) -> None:
    before = len(server.log)
    report = post.deliver(NINE, way(server, SMTP_TLS="none"))
    assert report.paused
    assert post.states() == ["ready", "ready"]
    assert "sasl" not in server.log[before:].casefold()


def test_a_certificate_that_nobody_vouches_for_is_refused(
    server: Postfix, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    before = in_box(server)
    report = post.deliver(NINE, way(server))
    assert "certificate" in (report.paused or "")
    assert post.states() == ["ready", "ready"]
    assert in_box(server) == before


def test_a_certificate_for_another_name_is_refused(server: Postfix, post: Post) -> None:
    before = in_box(server)
    report = post.deliver(NINE, way(server, SMTP_HOST="127.0.0.2"))
    assert "127.0.0.2" in (report.paused or "")
    assert post.states() == ["ready", "ready"]
    assert in_box(server) == before


def test_an_address_elsewhere_is_refused_for_good_and_the_next_mail_goes(
    server: Postfix, post: Post
) -> None:
    post.set(1, recipient="liaison@elsewhere.example")
    report = post.deliver(NINE, way(server))
    first, second = post.messages()[:2]
    assert first.state == "failed"
    assert "554 5.7.1" in (first.reply or "")
    assert "Relay access denied" in (first.reply or "")
    assert (first.handed, second.state) == (0, "sent")
    assert report.in_doubt == 0


def test_a_mail_that_is_too_large_is_refused_for_good_and_the_next_goes(
    server: Postfix, post: Post
) -> None:
    body = post.messages()[0].body
    post.set(1, body=body + b"x" * 70 * (LIMIT // 70) + b"\r\n")
    post.deliver(NINE, way(server))
    first, second = post.messages()[:2]
    assert first.state == "failed"
    assert (first.reply or "").startswith("552 5.3.4")
    assert second.state == "sent"
