"""What officials read of a refusal: its class, and nothing of what the server said."""

from __future__ import annotations

import pytest

from notifications.replies import in_words


@pytest.mark.parametrize(
    ("reply", "state", "word"),
    [
        ("550 5.1.1 no such user", "failed", "邮箱不存在"),
        ("550 <a@b.example>: Recipient address rejected: User unknown", "failed", "邮箱不存在"),
        ("550 mailbox unavailable", "failed", "邮箱不存在"),
        ("550 5.1.2 bad domain", "failed", "邮箱地址的域名不存在"),
        ("552 5.2.2 mailbox full", "failed", "对方邮箱已满"),
        ("452 quota exceeded", "failed", "对方邮箱已满"),
        ("550 5.2.1 account disabled", "failed", "对方邮箱已停用"),
        ("552 5.3.4 message size exceeds limit", "failed", "邮件太大，对方服务器不收"),
        ("554 5.7.1 blocked, user unknown to us as sender", "failed", "对方服务器拒收"),
        ("550 nein danke", "failed", "对方服务器拒收"),
        ("451 4.3.0 try later", "failed", "对方服务器一直没有收下"),
        (None, "failed", "对方服务器拒收"),
        ("250 ok", "bounced", "邮件被退回"),
        ("connection refused", "expired", "一直没有发出去，已过了有用的时候"),
    ],
)
def test_a_reply_is_said_by_its_class(reply: str | None, state: str, word: str) -> None:
    assert in_words(reply, state) == word
