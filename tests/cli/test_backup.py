"""A backup shows one state, and is the same store again on either database."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from scheduler import queries, store
from scheduler.archive import Archive, Manifest
from scheduler.migrating import known
from scheduler.tables import SignIn
from tests.cli.shop import BOTH, Shop, cluster, content, lived_in, place, shop
from tests.notifications.post import Post
from tests.scheduler.house import JUNE, at

__all__ = ["cluster", "place", "shop"]


@pytest.mark.parametrize("source", BOTH)
@pytest.mark.parametrize("target", BOTH)
def test_a_store_is_the_same_on_the_other_machine(
    shop: Shop, place: Callable[[str], str], source: str, target: str
) -> None:
    first, second = place(source), place(target)
    engine = lived_in(shop.data, first)
    before = content(engine)
    assert {n for n, found in before.items() if not found} <= {"journal_file"}
    engine.dispose()
    shop.use(first)
    shop.backup()
    assert shop.file.stat().st_mode & 0o077 == 0  # it holds addresses
    said = shop.desk("verify", shop.file)
    assert (said.code, said.err) == (0, "")
    assert "备份完好" in said.out
    assert "登记 2" in said.out

    shop.use(second)
    said = shop.desk("restore", shop.file)
    assert (said.code, said.err) == (0, "")
    engine = store.connect(second)
    assert content(engine) == before
    with store.reading(engine) as session:
        assert session.execute(select(SignIn)).first() is None  # whoever was in signs in again
    engine.dispose()
    # Numbers go on after the highest one, and the engine goes on where it was.
    house = Post(shop.data, url=second)
    house.say(JUNE, "completed", "2026-06-06 10:00")
    assert house.tick("2026-06-08 09:00").planned == 0
    with store.reading(house.engine) as session:
        assert sorted(session.execute(select(queries.FACTS.c.id)).scalars()) == [1, 2, 3]
    house.engine.dispose()


def test_a_backup_never_replaces_another(shop: Shop) -> None:
    lived_in(shop.data).dispose()
    shop.backup()
    said = shop.desk("backup", shop.file)
    assert said.code == 1
    assert "已经存在" in said.err
    said = shop.desk("backup", shop.desk.folder / "no" / "b.zip")
    assert (said.code, "没有文件夹" in said.err) == (1, True)
    assert sorted(p.name for p in shop.desk.folder.iterdir()) == [
        "backup.zip", "data", "documents", "rosters",
    ]  # fmt: skip


def test_there_is_nothing_to_back_up_yet(shop: Shop) -> None:
    said = shop.desk("backup", shop.file)
    assert said.code == 1
    assert "没有数据库" in said.err
    shop.data.mkdir()
    sqlite3.connect(shop.data / "duban.db").close()
    (shop.data / "duban.db").touch()
    said = shop.desk("backup", shop.file)
    assert said.code == 1
    assert "还是空的" in said.err
    assert not shop.file.exists()


def test_a_backup_shows_one_state_while_others_write(shop: Shop, tmp_path: Path) -> None:
    engine = lived_in(shop.data)
    count = len(content(engine)["audit"])
    seen: list[int] = []

    def write_meanwhile(_done: int, _total: int) -> None:
        with store.writing(engine) as session:
            row = {"at": at("2026-07-01 09:00"), "who": "", "action": "x", "about": "", "detail": ""}
            queries.audit(session, [row])
        seen.append(1)

    from scheduler.archive import write

    with (tmp_path / "live.zip").open("w+b") as file:
        manifest = write(engine, file, at("2026-07-01 09:00"), "x", write_meanwhile)
    assert seen
    assert manifest.tables["audit"].rows == count
    assert shop.desk("verify", tmp_path / "live.zip").code == 0
    engine.dispose()


def test_the_manifest_says_what_it_holds(shop: Shop) -> None:
    lived_in(shop.data).dispose()
    shop.backup()
    with zipfile.ZipFile(shop.file) as archive:
        said = json.loads(archive.read("manifest.json"))
        assert said["format"] == "duban-backup"
        assert said["schema"] == known()[-1]
        for name, part in said["tables"].items():
            lines = archive.read(f"tables/{name}.jsonl").splitlines()
            assert [json.loads(line) for line in lines].__len__() == part["rows"]
        assert b"sign_in" not in b" ".join(name.encode() for name in archive.namelist())
    with Archive(shop.file) as opened:
        assert isinstance(opened.manifest, Manifest)
