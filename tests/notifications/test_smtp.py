"""Every way a mail server can fail, and what each of them proves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from notifications.smtp import Relay
from notifications.transport import (
    Deferred,
    DeliveryError,
    Envelope,
    Fenced,
    InDoubt,
    Rejected,
    RelayFault,
    Unreachable,
)
from tests.mailserver.running import running
from tests.notifications.servers import (
    DROP,
    SILENCE,
    Behaviour,
    free_port,
    only,
    server_context,
    serving,
    trusting,
)

BODY = b"Subject: x\r\n\r\n.a line with a dot\r\n\r\nend\r\n"


def mail(recipient: str = "a@b.example") -> Envelope:
    return Envelope("<1@x>", recipient, BODY)


def relay(port: int, **options: Any) -> Relay:
    values: dict[str, Any] = {"tls": "none", "sender": "督办 <duban@x.example>", "timeout": 5.0}
    return Relay("127.0.0.1", port, **(values | options))


def hand(
    way: Relay, *mails: Envelope, fence: bool = True
) -> tuple[list[str | DeliveryError], list[bool]]:
    """Hand over mails on one connection; return the replies or errors, and the fences passed."""
    fences: list[bool] = []

    async def pass_fence() -> bool:
        fences.append(fence)
        return fence

    async def run() -> list[str | DeliveryError]:
        results: list[str | DeliveryError] = []
        async with way.open() as carrier:
            for one in mails:
                try:
                    results.append(await carrier.hand(one, pass_fence))
                except DeliveryError as error:
                    results.append(error)
        return results

    return asyncio.run(run()), fences


def only_result(found: Sequence[str | DeliveryError]) -> DeliveryError:
    (result,) = found
    assert isinstance(result, DeliveryError)
    return result


def test_a_mail_arrives_as_it_is_and_its_receipt_is_returned() -> None:
    with serving(behaviour := Behaviour()) as port:
        results, fences = hand(relay(port), mail())
    assert results == ["250 2.0.0 queued as 4711"]
    assert fences == [True]
    assert behaviour.received == [("duban@x.example", ["a@b.example"], BODY)]


def test_several_mails_take_one_connection_and_one_envelope_each() -> None:
    with serving(behaviour := Behaviour()) as port:
        hand(relay(port), mail("a@b.example"), mail("c@d.example"))
    assert [recipients for _, recipients, _ in behaviour.received] == [
        ["a@b.example"], ["c@d.example"],
    ]  # fmt: skip
    assert behaviour.connections == 1


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (Behaviour(rcpt="550 5.1.1 no such user"), Rejected),
        (Behaviour(rcpt="450 4.2.0 greylisted"), Deferred),
        (Behaviour(rcpt="451 4.3.0 try later"), Deferred),
        (Behaviour(rcpt="452 4.2.2 mailbox full"), Deferred),
        (Behaviour(rcpt=DROP), Deferred),
        (Behaviour(mail="421 4.3.2 shutting down"), Deferred),
        (Behaviour(mail="552 5.3.4 too big"), Rejected),
        (Behaviour(mail="530 5.7.0 authentication required"), RelayFault),
    ],
)
def test_what_fails_before_the_content_never_passes_the_fence(
    behaviour: Behaviour, expected: type[DeliveryError]
) -> None:
    with serving(behaviour) as port:
        results, fences = hand(relay(port), mail())
    assert type(only_result(results)) is expected
    assert fences == []
    assert behaviour.received == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("451 4.3.0 later", Deferred),
        ("552 5.3.4 too big", Rejected),
        ("554 5.7.1 looks like spam", Rejected),
        (DROP, InDoubt),
        ("299", InDoubt),
        ("333 what?", InDoubt),
    ],
)
def test_what_an_answer_to_the_content_proves(answer: str, expected: type[DeliveryError]) -> None:
    with serving(Behaviour(content=answer)) as port:
        results, fences = hand(relay(port), mail())
    assert type(only_result(results)) is expected
    assert fences == [True]


def test_no_answer_to_the_content_is_in_doubt_after_the_time_out() -> None:
    started = time.monotonic()
    with serving(Behaviour(content=SILENCE)) as port:
        results, _ = hand(relay(port, timeout=0.3), mail())
    assert type(only_result(results)) is InDoubt
    assert time.monotonic() - started < 5


def test_no_answer_before_the_content_is_surely_not_accepted() -> None:
    with serving(Behaviour(rcpt=SILENCE)) as port:
        results, fences = hand(relay(port, timeout=0.3), mail())
    assert type(only_result(results)) is Deferred
    assert fences == []


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"do": "drop"}, Deferred),
        ({"do": "reset"}, Deferred),
        ({"do": "silence"}, Deferred),
        ({"do": "reply", "text": "421 4.3.2 shutting down"}, Deferred),
        ({"do": "reply", "text": "451 4.3.0 later"}, Deferred),
        ({"do": "reply", "text": "554 5.5.1 no valid recipients"}, Rejected),
        ({"do": "reply", "text": "250 2.0.0 what content?"}, Deferred),
    ],
    ids=lambda value: value.get("text", value["do"])[:6] if isinstance(value, dict) else "",
)
def test_without_a_354_nothing_was_handed_over(
    tmp_path: Path, fault: dict[str, Any], expected: type[DeliveryError]
) -> None:
    with running(tmp_path, {"at": "data", "times": 1, **fault}) as server:
        results, fences = hand(relay(server.port, timeout=0.5), mail(), mail())
        accepted = [one.content for one in server.accepted]
    assert isinstance(results[0], DeliveryError)
    assert type(results[0]) is expected
    assert results[1] == "250 2.0.0 kept, connection 2"
    assert fences == [True]  # the second mail's
    assert accepted == [BODY]


def test_a_connection_lost_at_the_fence_is_surely_not_accepted(tmp_path: Path) -> None:
    async def slow_fence() -> bool:
        server.process.kill()
        await asyncio.sleep(0.3)
        return True

    async def run() -> None:
        async with relay(server.port).open() as carrier:
            await carrier.hand(mail(), slow_fence)

    with running(tmp_path) as server:
        with pytest.raises(Deferred):
            asyncio.run(run())
        assert server.accepted == []


@pytest.mark.parametrize(
    ("body", "arrives"),
    [
        (b"a\r\n.\r\n..b\r\n", b"a\r\n.\r\n..b\r\n"),
        (b".a\n.\n", b".a\r\n.\r\n"),
        (b"no end\r.", b"no end\r\n.\r\n"),
    ],
)
def test_the_content_ends_where_the_mail_ends(tmp_path: Path, body: bytes, arrives: bytes) -> None:
    with running(tmp_path) as server:
        results, _ = hand(relay(server.port), Envelope("<1@x>", "a@b.example", body))
        accepted = [one.content for one in server.accepted]
    assert results == ["250 2.0.0 kept, connection 1"]
    assert accepted == [arrives]


def test_a_refused_recipient_does_not_spoil_the_connection_for_the_next() -> None:
    with serving(behaviour := Behaviour(rcpt=["550 5.1.1 unknown"])) as port:
        results, _ = hand(relay(port), mail("gone@b.example"), mail("here@b.example"))
    assert isinstance(results[0], Rejected)
    assert results[1] == "250 2.0.0 queued as 4711"
    assert [recipients for _, recipients, _ in behaviour.received] == [["here@b.example"]]


def test_a_connection_dropped_while_idle_is_opened_again() -> None:
    with serving(behaviour := Behaviour(mail=["", DROP])) as port:
        results, _ = hand(relay(port), mail("a@b.example"), mail("c@d.example"))
    assert results == ["250 2.0.0 queued as 4711"] * 2
    assert behaviour.connections == 2


def test_nobody_listening_is_told_from_a_refusal() -> None:
    results, _ = hand(relay(free_port()), mail())
    assert type(only_result(results)) is Unreachable


def test_a_lost_lease_stops_before_the_content(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        results, fences = hand(relay(server.port), mail(), mail(), fence=False)
        assert [type(one) for one in results] == [Fenced, Fenced]
        assert fences == [False, False]
        assert server.accepted == []


@pytest.mark.parametrize(
    "address",
    ["", " ", "a@b.example,c@d.example", "a@b.example\r\nRCPT TO:<c@d.example>", "<a@b.example>",
     "张@b.example", "a@", "@b", "a@b@c", "a b@c.example", "a..b@c.example", "a" * 250 + "@b.example"],
)  # fmt: skip
def test_only_one_plain_mailbox_is_written_to(address: str) -> None:
    with serving(behaviour := Behaviour()) as port:
        results, fences = hand(relay(port), mail(address))
    assert type(only_result(results)) is Rejected
    assert (behaviour.received, fences) == ([], [])


def test_required_tls_is_never_done_without() -> None:
    with serving(behaviour := Behaviour()) as port:
        starttls, _ = hand(relay(port, tls="starttls"), mail())
        implicit, _ = hand(relay(port, tls="tls", timeout=1.0), mail())
    assert type(only_result(starttls)) is RelayFault
    assert isinstance(only_result(implicit), RelayFault | Unreachable)
    assert behaviour.received == []


def test_starttls_with_a_trusted_certificate_carries_the_mail() -> None:
    with serving(
        behaviour := Behaviour(), tls_context=server_context(), require_starttls=True
    ) as port:
        results, _ = hand(relay(port, tls="starttls", context=trusting()), mail())
    assert results == ["250 2.0.0 queued as 4711"]
    assert len(behaviour.received) == 1


def test_an_untrusted_certificate_is_a_fault_of_the_relay() -> None:
    with serving(
        behaviour := Behaviour(), tls_context=server_context(), require_starttls=True
    ) as port:
        results, _ = hand(relay(port, tls="starttls"), mail())
    assert type(only_result(results)) is RelayFault
    assert behaviour.received == []


def test_a_wrong_password_is_a_fault_of_the_relay_and_a_right_one_is_none() -> None:
    options = {
        "authenticator": only("duban", "secret"),
        "auth_required": True,
        "tls_context": server_context(),
        "require_starttls": True,
    }
    with serving(behaviour := Behaviour(), **options) as port:
        secure: dict[str, Any] = {"tls": "starttls", "context": trusting(), "user": "duban"}
        wrong, _ = hand(relay(port, password="guess", **secure), mail())
        right, _ = hand(relay(port, password="secret", **secure), mail())
    error = only_result(wrong)
    assert type(error) is RelayFault
    assert "535" in error.reply
    assert "guess" not in error.reply
    assert right == ["250 2.0.0 queued as 4711"]
    assert len(behaviour.received) == 1
