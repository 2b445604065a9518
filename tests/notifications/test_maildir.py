"""Mail into a folder: whole or not at all, and never twice."""

from __future__ import annotations

import asyncio
import mailbox
from pathlib import Path

import pytest

from notifications import maildir
from notifications.maildir import Maildir
from notifications.transport import Envelope, Fenced, Rejected, Unreachable

MAIL = Envelope("<1@x>", "a@b.example", b"Subject: one\r\n\r\ntext\r\n")


def hand(way: Maildir, envelope: Envelope = MAIL, fence: bool = True) -> str:
    async def pass_fence() -> bool:
        return fence

    async def run() -> str:
        async with way.open() as carrier:
            return await carrier.hand(envelope, pass_fence)

    return asyncio.run(run())


def test_a_mail_reader_finds_the_mail(tmp_path: Path) -> None:
    name = hand(Maildir(tmp_path / "mail"))
    (message,) = mailbox.Maildir(tmp_path / "mail", create=False)
    assert message["Subject"] == "one"
    assert (tmp_path / "mail" / "new" / name).read_bytes() == b"Subject: one\n\ntext\n"
    assert list((tmp_path / "mail" / "tmp").iterdir()) == []


def test_the_same_mail_twice_is_one_file_even_after_it_was_read(tmp_path: Path) -> None:
    name = hand(Maildir(tmp_path))
    assert hand(Maildir(tmp_path)) == name
    (tmp_path / "new" / name).rename(tmp_path / "cur" / f"{name}:2,S")
    hand(Maildir(tmp_path))
    assert [p.name for p in (tmp_path / "new").iterdir()] == []


def test_a_full_disk_leaves_no_mail_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(maildir.os, "fsync", full)
    with pytest.raises(Unreachable, match="No space"):
        hand(Maildir(tmp_path))
    assert list((tmp_path / "new").iterdir()) == []
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_lost_lease_or_a_bad_address_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(Fenced):
        hand(Maildir(tmp_path), fence=False)
    with pytest.raises(Rejected):
        hand(Maildir(tmp_path), MAIL._replace(recipient="a@b,c@d"))
    assert not (tmp_path / "new").exists()
