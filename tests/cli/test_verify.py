"""A backup that is spoilt, cut off, too new or too old is found out, and nothing is touched."""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from scheduler import queries, store
from scheduler.archive import Archive, Damaged, Part
from scheduler.migrating import Newer, known, migrate
from scheduler.portable import tables
from tests.cli.shop import Shop, cluster, lived_in, place, shop

__all__ = ["cluster", "place", "shop"]


def spoil(file: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Write a backup anew with its members changed."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    bad = file.with_name("bad.zip")
    with zipfile.ZipFile(bad, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return bad


def tell(members: dict[str, bytes], table: str, text: bytes) -> None:
    """Change a table and the manifest with it, as a forger would, or a fault of the program."""
    members[f"tables/{table}.jsonl"] = text
    manifest = json.loads(members["manifest.json"])
    part = Part(text.count(b"\n"), len(text), hashlib.sha256(text).hexdigest())
    manifest["tables"][table] = {"rows": part.rows, "size": part.size, "sha256": part.sha256}
    members["manifest.json"] = json.dumps(manifest).encode()


def changed(name: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        assert old in members[name]
        members[name] = members[name].replace(old, new, 1)

    return change


def told(table: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        text = members[f"tables/{table}.jsonl"]
        assert old in text
        tell(members, table, text.replace(old, new))

    return change


def without_last_line(members: dict[str, bytes]) -> None:
    text = members["tables/notice.jsonl"]
    members["tables/notice.jsonl"] = text[: text.rstrip().rfind(b"\n") + 1]


def with_another_file(members: dict[str, bytes]) -> None:
    members["tables/../../evil"] = b"x"


SPOILT = {
    "a letter": (changed("tables/audit.jsonl", b"record", b"recorD"), "audit 与清单不符"),
    "a line less": (without_last_line, "notice 与清单不符"),
    "a file less": (lambda m: m.pop("tables/fact.jsonl"), "与清单不符"),
    "a file more": (with_another_file, "与清单不符"),
    "no manifest": (lambda m: m.pop("manifest.json"), "清单已损坏"),
    "another format": (changed("manifest.json", b"duban-backup", b"something"), "不是督办的备份"),
    "no owner": (told("notice", b'"message_id":1', b'"message_id":99'), "notice 里的行互相矛盾"),
    "twice": (told("message", b'"id":2', b'"id":1'), "互相矛盾"),
    "no day": (told("notice", b'"due":"2026-03-20"', b'"due":"2026-13-20"'), "读不懂"),
    "no instant": (told("audit", b"+00:00", b""), "读不懂"),
    "no column": (told("mark", b'"value"', b'"worth"'), "读不懂"),
    "no json": (told("mark", b'{"name"', b'{name'), "读不懂"),
    "a number for words": (told("mark", b'"name":"tick"', b'"name":7'), "读不懂"),
    "no occurrence": (told("occurrence", b'\\"key\\"', b'\\"kex\\"'), "事项"),
    "another's mail": (told("message", b'"message_id":"<', b'"message_id":"<x'), "邮件 1"),
    "no workflow": (told("applied_version", b"id: pair-2025", b"id: [pair-2025"), "应用过的文件"),
    "no such table": (lambda m: tell(m, "extra", b""), "表与这个版本的不符"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_backup_is_found_out_and_nothing_is_touched(shop: Shop, how: str) -> None:
    lived_in(shop.data).dispose()
    change, said = SPOILT[how]
    bad = spoil(shop.backup(), change)  # type: ignore[arg-type]
    before = (shop.data / "duban.db").read_bytes()
    for verb in (("verify", bad), ("restore", bad, "--replace")):
        answer = shop.desk(*verb)
        assert answer.code == 1, answer.out
        assert said in answer.err
        assert "Traceback" not in answer.err
    with sqlite3.connect(shop.data / "duban.db") as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    assert len((shop.data / "duban.db").read_bytes()) == len(before)
    assert not list(shop.data.glob("*restoring*"))


def test_files_that_are_no_backups(shop: Shop) -> None:
    lived_in(shop.data).dispose()
    whole = shop.backup().read_bytes()
    cut = shop.desk.folder / "cut.zip"
    cut.write_bytes(whole[: len(whole) // 2])
    flipped = shop.desk.folder / "flipped.zip"
    middle = len(whole) // 2
    flipped.write_bytes(whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :])
    for file, said in (
        (cut, "没有写完"), (flipped, "flipped.zip"), (shop.data, "是文件夹"),
        (shop.desk.folder / "nowhere", "没有"), (shop.data / "duban.db", "不是督办的备份"),
    ):  # fmt: skip
        answer = shop.desk("verify", file)
        assert answer.code == 1, file
        assert said in answer.err
        assert "Traceback" not in answer.err


def test_a_byte_that_changed_anywhere_is_found_or_of_no_account(shop: Shop) -> None:
    lived_in(shop.data).dispose()
    whole = shop.backup().read_bytes()
    dice, found = random.Random(20190711), Counter[str]()

    def read(raw: bytes) -> dict[str, bytes]:
        shop.file.write_bytes(raw)
        with Archive(shop.file) as archive:
            return {name: b"".join(archive.lines(name)) for name in archive.manifest.tables}

    held = read(whole)
    for at in {*dice.sample(range(len(whole)), 100), *range(len(whole) - 1500, len(whole), 15)}:
        try:
            assert read(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]) == held
        except (Damaged, Newer) as refusal:
            found[type(refusal).__name__] += 1
    assert found["Damaged"] > 100


def test_a_backup_of_a_newer_program_is_refused(shop: Shop) -> None:
    lived_in(shop.data).dispose()
    newest = f'"schema": "{known()[-1]}"'.encode()
    for change in (
        changed("manifest.json", newest, b'"schema": "9999"'),
        changed("manifest.json", b'"version": 1', b'"version": 2'),
    ):
        bad = spoil(shop.file if shop.file.exists() else shop.backup(), change)
        for verb in (("verify", bad), ("restore", bad, "--replace")):
            answer = shop.desk(*verb)
            assert answer.code == 1
            assert "更新版本的督办" in answer.err


def test_a_backup_of_an_older_form_becomes_the_present_one(shop: Shop, tmp_path: Path) -> None:
    old = store.connect(f"sqlite:///{tmp_path / 'old.db'}")
    migrate(old, known()[0])
    with old.begin() as connection:
        there = tables(connection)
        for name in ("mark",):
            connection.execute(there[name].insert(), [{"name": "tick", "value": "then"}])
    shop.use(str(old.url))
    shop.backup()
    with Archive(shop.file) as archive:
        assert archive.manifest.schema == known()[0]
    shop.use(f"sqlite:///{tmp_path / 'new.db'}")
    assert shop.desk("restore", shop.file).code == 0
    new = store.connect(f"sqlite:///{tmp_path / 'new.db'}")
    with store.reading(new) as session:
        assert queries.mark(session, "tick") == "then"
        assert session.connection().exec_driver_sql(
            "select version_num from alembic_version"
        ).scalar() == known()[-1]  # fmt: skip
    for engine in (old, new):
        engine.dispose()
