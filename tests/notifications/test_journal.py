"""The journal of hand-overs: on the disk before DATA, never interleaved, read up to its last line."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from notifications.journal import Journal, tails
from notifications.transport import Deferred, InDoubt, Rejected
from tests.notifications.post import Awkward, Post
from tests.scheduler.house import PLAN, at

NINE = "2026-03-06 09:00"


def lines(folder: Path) -> list[dict[str, object]]:
    return [
        json.loads(line)
        for file in sorted(folder.glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]


@contextmanager
def full(after: int) -> Iterator[None]:
    """Let the disk take so many bytes more, then be full."""
    write, left = os.write, after

    def limited(file: int, data: bytes) -> int:
        nonlocal left
        if left <= 0:
            raise OSError(28, "No space left on device")
        taken = write(file, data[:left])
        left -= taken
        return taken

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("notifications.journal.os.write", limited)
        yield


def test_what_leaves_is_on_the_disk_before_it_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Post(tmp_path)
    events: list[str] = []
    fsync = os.fsync

    def noted(file: int) -> None:
        fsync(file)
        events.append(f"{len(lines(tmp_path / 'journal'))} lines on the disk")

    monkeypatch.setattr("notifications.journal.os.fsync", noted)
    way = Awkward(during=lambda: events.append("content"))
    post.tick(NINE)
    post.gather(NINE)
    post.deliver(NINE, way, desk=post.desk())
    assert events == [
        "0 lines on the disk",  # the file's name
        "1 lines on the disk", "content", "2 lines on the disk",
        "3 lines on the disk", "content", "4 lines on the disk",
    ]  # fmt: skip
    began, ended, *_ = lines(tmp_path / "journal")
    message = post.messages()[0]
    assert (began["what"], began["message_id"], began["recipient"], began["attempt"]) == (
        "handing", message.message_id, message.recipient, 1,
    )  # fmt: skip
    assert [n["key"] for n in began["notices"]] == [PLAN]  # type: ignore[attr-defined]
    assert (ended["what"], ended["reply"], ended["owner"]) == ("sent", "250 ok", "me")
    (tail,) = tails(tmp_path / "journal", {})
    assert tail.lines[0].body == message.body


@pytest.mark.parametrize(
    ("error", "what"),
    [(Deferred("451"), "refused"), (Rejected("554"), "refused"), (InDoubt("?"), "doubt")],
)
def test_what_came_of_it_is_told(tmp_path: Path, error: Exception, what: str) -> None:
    post = Post(tmp_path)
    post.tick(NINE)
    post.gather(NINE)
    post.deliver(NINE, Awkward([error], behind=True), desk=post.desk())
    assert [line["what"] for line in lines(tmp_path / "journal")][:2] == ["handing", what]


def test_what_never_left_is_not_told(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.tick(NINE)
    post.gather(NINE)
    post.deliver(NINE, Awkward([Deferred("451"), Rejected("550")]), desk=post.desk())
    assert lines(tmp_path / "journal") == []


def test_without_a_journal_nothing_leaves(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.tick(NINE)
    post.gather(NINE)
    (tmp_path / "journal").write_text("a file where the folder belongs")
    way = Awkward()
    post.deliver(NINE, way, desk=post.desk())
    assert way.handed == []
    assert {(m.state, m.handed) for m in post.messages()} == {("ready", 0)}
    assert "交付日志写不进" in (post.messages()[0].reply or "")
    (tmp_path / "journal").unlink()
    post.deliver("2026-03-06 09:01", way, desk=post.desk())
    assert post.states() == ["sent", "sent"]


def test_a_line_that_a_full_disk_cut_off_spoils_no_other(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", "host:1:a")
    journal.write("handing", at(NINE), "<1@x>", 1)
    with full(10), pytest.raises(OSError, match="space"):
        journal.write("handing", at(NINE), "<2@x>", 1)
    journal.write("handing", at(NINE), "<3@x>", 1)
    (tail,) = tails(tmp_path / "journal", {})
    assert [line.message_id for line in tail.lines] == ["<1@x>", "<3@x>"]
    assert tail.size == sum(f.stat().st_size for f in (tmp_path / "journal").iterdir())


def test_a_full_disk_hands_over_nothing_and_loses_nothing(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.tick(NINE)
    post.gather(NINE)
    way, desk = Awkward(), post.desk()
    with full(20):
        post.deliver(NINE, way, desk=desk)
    assert way.handed == []
    post.deliver("2026-03-06 09:05", way, desk=desk)
    assert post.states() == ["sent", "sent"]
    assert len(way.handed) == 2


def test_each_process_has_its_own_file_and_each_month_another(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    one, two = Journal(folder, "host:1:aa"), Journal(folder, "host:1:bb")
    for journal in (one, two, one):
        journal.write("sent", at(NINE), "<1@x>", 1, reply="250")
    one.write("sent", at("2026-04-01 09:00"), "<2@x>", 1, reply="250")
    assert [file.name for file in sorted(folder.iterdir())] == [
        "host-1-aa-2026-03.jsonl", "host-1-aa-2026-04.jsonl", "host-1-bb-2026-03.jsonl",
    ]  # fmt: skip


def test_only_what_is_new_is_read_and_only_whole_lines(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    assert list(tails(folder, {})) == []
    journal = Journal(folder, "a")
    journal.write("handing", at(NINE), "<1@x>", 1)
    (first,) = tails(folder, {})
    known = {first.name: first.size}
    assert list(tails(folder, known)) == []
    file = folder / first.name
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"what": "sent", "at"')
    assert list(tails(folder, known)) == []
    file.write_bytes(whole + whole + b"garbage\n" + b"[]\n")
    (tail,) = tails(folder, known)
    assert [line.message_id for line in tail.lines] == ["<1@x>"]
    assert tail.size == file.stat().st_size


def test_lines_that_threads_write_at_one_time_share_the_wait_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, fsync, first = Journal(tmp_path, "me"), os.fsync, threading.Event()
    waits: list[int] = []

    def slow(file: int) -> None:
        first.set()
        deadline = time.monotonic() + 5
        while len(waits) == 1 and len(journal._drafts) < 7 and time.monotonic() < deadline:
            time.sleep(0.01)  # the first line's wait lasts until the others stand in line
        fsync(file)
        waits.append(len(lines(tmp_path)))

    journal.write("handing", at(NINE), "<0@x>", 1)
    monkeypatch.setattr("notifications.journal.os.fsync", slow)
    waits.append(1)
    with ThreadPoolExecutor(8) as threads:
        written = [
            threads.submit(journal.write, "handing", at(NINE), f"<{n}@x>", 1) for n in range(1, 9)
        ]
    assert [one.result() for one in written] == [None] * 8
    assert waits == [1, 2, 9]
    assert sorted(str(one["message_id"]) for one in lines(tmp_path)) == [
        f"<{n}@x>" for n in range(9)
    ]


def test_a_disk_that_is_full_is_told_to_all_whose_lines_it_did_not_take(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "me")
    journal.write("handing", at(NINE), "<0@x>", 1)
    with full(150), ThreadPoolExecutor(6) as threads:
        written = [
            threads.submit(journal.write, "handing", at(NINE), f"<{n}@x>", 1) for n in range(1, 7)
        ]
    told = {n for n, one in enumerate(written, 1) if one.exception() is None}
    assert all(isinstance(one.exception(), OSError | None) for one in written)
    journal.write("handing", at(NINE), "<7@x>", 1)
    read = {line.message_id for tail in tails(tmp_path, {}) for line in tail.lines}
    assert {f"<{n}@x>" for n in told | {0, 7}} <= read
    assert len(told) < 6
