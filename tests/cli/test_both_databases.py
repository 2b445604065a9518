"""What people record and report is the same on both databases, word for word."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.cli.desk import Desk
from tests.scheduler.house import JUNE, PLAN
from tests.scheduler.test_shifts import WATCHING
from tests.stores.postgresql import cluster, postgresql

__all__ = ["cluster", "postgresql"]  # fixtures

OF = ("--document", "pair-2025")
PAIR = (*OF, "--supporter", "da", "--recipient", "xiao")
LECTURE = ("activity", "add", *PAIR, "--obligation", "lecture")
YEAR = ("--from", "2026-01-01", "--to", "2026-12-31", "--format", "json")
TERM = ("shift", "add", *PAIR, "--people", "5", "--person", "甲001", "--from", "2026-02-01")
AGREEMENT = """\
  - id: agreement-changes
    title: 协议有变化即报
    kind: event
    clauses: [十一]
    phrase: 协议如有变化
    per: pairing
    responsible: recipient
    recipients: [bureau]
    rule: {when: 协议发生变化, watches: agreement, of: plan, respond_within: 10}
"""
# The instant, how the verb ends, and its words.
PLAYED: list[tuple[str, int, tuple[object, ...]]] = [
    ("2026-02-02 10:00", 0, (*TERM, "--until", "2026-07-15")),
    ("2026-02-02 10:01", 0, ("shift", "add", *PAIR, "--people", "5",
                             "--from", "2026-09-01", "--until", "2027-03-01")),
    ("2026-02-02 10:02", 0, (*TERM, "--until", "2026-08-01", "--replaces", "1")),
    ("2026-02-02 10:03", 0, ("shift", "withdraw", "2", "--reason", "登记有误")),
    ("2026-02-03 10:00", 0, (*LECTURE, "--on", "2026-01-20", "--evidence", "签到表")),
    ("2026-02-03 10:01", 1, (*LECTURE, "--on", "2026-01-20", "--evidence", "签到表")),
    ("2026-02-03 10:02", 0, (*LECTURE, "--on", "2026-02-03", "--count", "2")),
    ("2026-02-03 10:03", 0, ("activity", "withdraw", "2", "--reason", "记重了")),
    ("2026-02-04 10:00", 0, ("event", "contacts", *OF, "--institution", "shi",
                             "--on", "2026-02-04", "--cause", "换了联络员")),
    ("2026-02-04 10:01", 0, ("event", "contacts", *OF, "--institution", "shi",
                             "--on", "2026-02-04")),
    ("2026-03-02 10:00", 0, ("record", PLAN, "completed", "--on", "2026-03-02",
                             "--evidence", "EVIDENCE")),
    ("2026-03-03 10:00", 0, ("record", PLAN, "corrected", "--reason", "文件不全")),
    ("2026-03-04 10:00", 0, ("record", PLAN, "completed", "--evidence", "CHANGED")),
    ("2026-03-05 10:00", 0, ("record", PLAN, "completed", "--evidence", "AGAIN")),
    ("2026-03-05 10:01", 0, ("record", PLAN, "corrected", "--reason", "文件不全")),
    ("2026-03-06 10:00", 0, ("record", PLAN.upper(), "completed", "--evidence", "LAST")),
    ("2026-06-10 10:00", 0, ("remind", *OF, "--period", "2026-jun")),
    ("2026-06-10 10:01", 0, ("remind", *OF, "--period", "2026-jun")),
    ("2026-06-15 10:00", 0, ("record", JUNE, "extended", "--until", "2026-07-10",
                             "--basis", "某函〔2026〕3号")),
    ("2026-06-16 10:00", 0, ("tick",)),
]  # fmt: skip
REPORTS: list[tuple[object, ...]] = [
    ("shift", "list", "--format", "json"),
    ("shift", "report", *OF, *YEAR),
    ("activity", "list", "--format", "json"),
    ("quota", *OF, *YEAR),
    ("status", *OF, "--format", "json"),
    ("status", *OF, "--period", "2026-jun", "--format", "json"),
    ("deadlines", "--store", *YEAR),
    ("plan", "--format", "json"),
]


def played(desk: Desk, files: dict[object, Path]) -> list[tuple[int, str, str]]:
    """Return what every verb says of a year recorded in a database, and then what it reports."""
    desk.now = "2026-01-09 10:00"
    desk.adopt()
    said = []
    for now, code, words in PLAYED:
        desk.now = now
        done = desk(*(files.get(word, word) for word in words))
        assert done.code == code, (words, done.out, done.err)
        said.append(tuple(done))
    desk.now = "2026-06-17 10:00"
    for words in REPORTS:
        done = desk(*words)

        assert done.code == 0, (words, done.out, done.err)
        said.append(tuple(done))
    return said


def test_what_is_recorded_is_the_same_on_both_databases(
    desk: Desk, postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write(WATCHING + AGREEMENT)
    files: dict[object, Path] = {}
    for name in ("EVIDENCE", "CHANGED", "AGAIN", "LAST"):
        files[name] = desk.folder / f"{name}.pdf"
        files[name].write_bytes(b"%PDF-1.7\n" + name.encode())
    numbers = itertools.count()
    monkeypatch.setattr("secrets.token_hex", lambda size: f"{next(numbers):0{2 * size}x}")
    urls = (f"sqlite:///{desk.folder / 'one.db'}", postgresql)
    found = []
    for url in urls:
        numbers = itertools.count()
        monkeypatch.setenv("DUBAN_DATABASE_URL", url)
        found.append(played(desk, files))
    for one, other in zip(*found, strict=True):
        assert one == other
    status = found[0][len(PLAYED) + 4][1]
    assert "延期至7月10日" in status
    assert "agreement-changes" in found[0][len(PLAYED) + 6][1]
