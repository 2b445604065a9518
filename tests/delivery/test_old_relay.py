"""A mail server that offers nothing beyond RFC 5321 takes our Chinese mails all the same."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from notifications.smtp import Relay
from notifications.transport import Envelope, Rejected
from tests.mailserver.running import running
from tests.notifications.post import Post

NINE = "2026-03-06 09:00"
OLD = {"at": "ehlo", "do": "hide", "words": ["SMTPUTF8", "8BITMIME", "SIZE"]}


def relay(port: int) -> Relay:
    return Relay("127.0.0.1", port, "none", "督办 <duban@x.example>", timeout=5)


def test_our_mails_need_neither_smtputf8_nor_8bitmime(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.tick(NINE)
    post.gather(NINE)
    with running(tmp_path / "mail", OLD) as server:
        post.deliver(NINE, relay(server.port))
        accepted = {one.message_id: one.content for one in server.accepted}
    assert set(post.states()) == {"sent"}
    assert accepted == {m.message_id: m.body for m in post.messages()}
    for content in accepted.values():
        assert content.isascii()
        assert max(map(len, content.split(b"\r\n"))) <= 998


def test_an_address_that_would_need_it_is_refused_before_the_server_is_asked(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        async def fence() -> bool:
            raise AssertionError("no such mail passes the fence")

        async with relay(server.port).open() as carrier:
            await carrier.hand(Envelope("<1@x>", "张三@b.example", b"Subject: x\r\n\r\nx\r\n"), fence)

    with running(tmp_path, OLD) as server, pytest.raises(Rejected, match="不是一个可用的邮箱"):
        asyncio.run(run())
    assert server.accepted == []
