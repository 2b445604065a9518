"""The bytes of a mail, read back by the standard library's parser."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from notifications.mime import SUBJECT_LIMIT, Head, assemble, message_id
from notifications.phrasing import NAME_LIMIT, plain

AT = datetime(2026, 3, 6, 9, tzinfo=UTC)
EXPECTED = [
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress",
    "List-Unsubscribe", "MIME-Version", "Content-Type",
]  # fmt: skip
HOSTILE = (
    "甲院\r\nBcc: all@evil.example",
    "甲院\nX: y",
    "甲院\rX: y",
    "甲\x00院",
    "甲院\u2028Bcc: x",
    "甲院\u2029Bcc: x",
    "甲院\x0bX: y",
    "甲院\x85X: y",
    "\u202e院甲",
    "=?UTF-8?Q?=0ABcc:_x?=",
    "=?utf-8?b?DQpCY2M6IHg=?=",
    "Ada <a@b.example>, Eve",
    '"; drop',
    "甲" * 10_000,
    "\ud800",
    "",
)


def head(name: str = "甲院联络员", subject: str = "[督办] 甲院：报表", **other: str) -> Head:
    values = {"sender": "督办 <duban@x.example>", "recipient": "a@b.example"} | other
    return Head(
        values["sender"], values["recipient"], name, subject, "<1@x.example>", AT,
        values.get("manage_url", "https://x.example/notifications"),
    )  # fmt: skip


def read(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def content(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    text: str = part.get_content()
    return text


def hostile(function):  # type: ignore[no-untyped-def]
    for text in HOSTILE:
        function = example(text)(function)
    return function


@hostile
@given(st.text())
@settings(deadline=None, max_examples=200)
def test_no_name_adds_a_header_or_a_recipient(text: str) -> None:
    raw = assemble(head(name=text, subject=f"[督办] {text}"), f"文{text}", f"<p>{text}</p>")
    message = read(raw)
    assert message.keys() == EXPECTED
    assert [a.addr_spec for a in message["To"].addresses] == ["a@b.example"]
    assert [a.addr_spec for a in message["From"].addresses] == ["duban@x.example"]
    assert message["Subject"].splitlines() == [message["Subject"]]
    assert " ".join(message["Subject"].split()) == plain(f"[督办] {text}", SUBJECT_LIMIT)
    assert len(plain(text)) <= NAME_LIMIT
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 200
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")


def test_both_parts_come_back_as_they_were() -> None:
    message = read(assemble(head(), "最迟 9月20日\n第二行", "<p>最迟</p>"))
    assert message.get_content_type() == "multipart/alternative"
    assert content(message, "plain") == "最迟 9月20日\n第二行"
    assert content(message, "html") == "<p>最迟</p>"
    assert message.defects == []


def test_the_headers_that_keep_machines_from_answering() -> None:
    message = read(assemble(head(), "", ""))
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["List-Unsubscribe"] == "<https://x.example/notifications>"
    assert message["Date"].datetime == AT


def test_a_long_address_to_manage_notifications_stays_whole() -> None:
    url = "https://x.example/" + "a" * 170
    raw = assemble(head(manage_url=url), "", "")
    assert f"List-Unsubscribe: <{url}>\r\n".encode() in raw


def test_the_message_id_comes_from_the_key_alone() -> None:
    one = message_id("a@b.example\nliaison\n2026-03-06\n0", "督办 <duban@x.example>")
    assert one == message_id("a@b.example\nliaison\n2026-03-06\n0", "duban@x.example")
    assert one != message_id("a@b.example\nliaison\n2026-03-06\n1", "duban@x.example")
    assert one.endswith("@x.example>")
    assert "a@b" not in one


@pytest.mark.parametrize("field", ["recipient", "manage_url"])
def test_what_is_not_a_name_is_refused_when_it_would_start_a_line(field: str) -> None:
    with pytest.raises(ValueError, match="header"):
        assemble(head(**{field: "a@b.example>\r\nBcc: c@d.example"}), "", "")
