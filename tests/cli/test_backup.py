"""Backup, verify, restore: the same store again, on either database, whatever lay there before."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from notifications import tokens
from scheduler import queries, store
from scheduler.archive import Archive, Manifest, Part
from scheduler.migrating import known, migrate
from scheduler.portable import rows, tables
from scheduler.tables import SignIn
from tests.cli.desk import Desk
from tests.notifications.post import Awkward, Post
from tests.scheduler.house import JUNE, PLAN, at
from tests.stores.postgresql import cluster, database, postgresql
from web import sessions

__all__ = ["cluster", "postgresql"]

Content = dict[str, list[dict[str, object]]]
BOTH = ("sqlite", "postgresql")


def lived_in(folder: Path, url: str = "") -> Engine:
    """Make a store in which something of everything has happened."""
    folder.mkdir(parents=True, exist_ok=True)
    post = Post(folder, url=url)
    post.pass_by("2026-03-06 09:00", Awkward())
    post.say(PLAN, "acknowledged", "2026-03-07 10:00", until=at("2026-03-10 00:00").date())
    post.say(PLAN, "completed", "2026-03-11 10:00", evidence="签收单，编号“7”\n第二行")
    post.tick("2026-06-05 09:00")
    post.gather("2026-06-05 09:00")
    with store.writing(post.engine) as session:
        tokens.create(session, "da", "值班手机", at("2026-03-07 10:00"))
        sessions.new_link(session, at("2026-03-07 10:00"))
        queries.set_mark(session, "tick", "2026-06-05T09:00:00+08:00")
    return post.engine


def content(engine: Engine) -> Content:
    with engine.execution_options(read_only=True).connect() as connection:
        return {n: list(rows(connection, t)) for n, t in tables(connection).items()}


class Shop:
    """An admin's desk whose store is lived in, on one of the databases."""

    def __init__(self, desk: Desk, patch: pytest.MonkeyPatch) -> None:
        self.desk, self.patch = desk, patch
        self.data = desk.folder / "data"
        self.file = desk.folder / "backup.zip"

    def use(self, url: str) -> None:
        """Let the verbs work on another database."""
        self.patch.setenv("DUBAN_DATABASE_URL", url)

    def backup(self) -> Path:
        said = self.desk("backup", self.file)
        assert (said.code, said.err) == (0, ""), said.err
        return self.file


@pytest.fixture
def shop(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop(desk, monkeypatch)


@pytest.fixture
def place(
    tmp_path: Path, cluster: str
) -> Iterator[Callable[[str], str]]:
    """Give the address of a new, empty place of a kind."""
    opened = []
    numbers = itertools.count()

    def new(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / f'place-{next(numbers)}' / 'duban.db'}"
        made = database(cluster)
        opened.append(made)
        return made.__enter__()

    yield new
    for made in opened:
        made.__exit__(None, None, None)


@pytest.mark.parametrize("source", BOTH)
@pytest.mark.parametrize("target", BOTH)
def test_a_store_is_the_same_on_the_other_machine(
    shop: Shop, place: Callable[[str], str], source: str, target: str
) -> None:
    first, second = place(source), place(target)
    engine = lived_in(shop.data, first)
    before = content(engine)
    assert {n for n, found in before.items() if not found} <= {"feed", "journal_file"}
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
    import hashlib

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


@pytest.mark.parametrize("kind", BOTH)
def test_what_is_there_is_only_replaced_when_asked_and_kept(
    shop: Shop, place: Callable[[str], str], kind: str
) -> None:
    lived_in(shop.data).dispose()
    shop.backup()
    url = place(kind)
    engine = lived_in(shop.desk.folder / "other", url)
    with store.writing(engine) as session:
        queries.set_mark(session, "only", "here")
    engine.dispose()
    shop.use(url)
    answer = shop.desk("restore", shop.file)
    assert answer.code == 1
    assert "--replace" in answer.err
    answer = shop.desk("restore", shop.file, "--replace")
    assert (answer.code, answer.err) == (0, "")
    assert "原来的数据库另存为" in answer.out
    with store.reading(store.connect(url)) as session:
        assert queries.mark(session, "only") is None
    if kind == "sqlite":
        [aside] = Path(store.make_url(url).database or "").parent.glob("*.replaced-*")
        back = store.connect(f"sqlite:///{aside}")
    else:
        [aside] = shop.data.glob("replaced-*.zip")
        shop.use(f"sqlite:///{shop.desk.folder / 'back.db'}")
        assert shop.desk("restore", aside).code == 0
        back = store.connect(f"sqlite:///{shop.desk.folder / 'back.db'}")
    with store.reading(back) as session:
        assert queries.mark(session, "only") == "here"
    back.dispose()


@pytest.mark.parametrize("kind", BOTH)
def test_nothing_is_restored_under_a_running_service(
    shop: Shop, place: Callable[[str], str], kind: str
) -> None:
    url = place(kind)
    engine = lived_in(shop.data, url)
    shop.use(url)
    shop.backup()
    before = content(engine)
    with engine.execution_options(read_only=True).connect():  # as Watch has it
        answer = shop.desk("restore", shop.file, "--replace")
    assert answer.code == 1
    assert "先停下" in answer.err
    assert content(engine) == before
    assert not list(shop.data.glob("replaced-*"))
    engine.dispose()


def test_a_stale_log_beside_the_database_is_not_played_into_the_restored_one(shop: Shop) -> None:
    engine = lived_in(shop.data)
    shop.backup()
    before = content(engine)
    db, wal = shop.data / "duban.db", shop.data / "duban.db-wal"
    with store.writing(engine) as session:
        queries.set_mark(session, "later", "x" * 100_000)
    assert wal.stat().st_size > 100_000
    for end in ("-wal", "-shm"):
        shutil.copy(f"{db}{end}", shop.desk.folder / f"stale{end}")
    engine.dispose()
    for state in ("with the database", "alone"):
        db.unlink(missing_ok=True)
        if state == "with the database":
            # A copy of the file alone, taken while it was in use, with the log of another time.
            db.write_bytes(b"SQLite format 3\0" + os.urandom(8192))
        for end in ("-wal", "-shm"):
            shutil.copy(shop.desk.folder / f"stale{end}", f"{db}{end}")
        answer = shop.desk("restore", shop.file, "--replace")
        assert (answer.code, answer.err) == (0, "")
        restored = store.connect(f"sqlite:///{db}")
        assert content(restored) == before
        restored.dispose()
        kept = list(shop.data.glob("duban.db.replaced-*-wal"))
        assert bool(kept) is (state == "alone")  # else it went into the old database, kept too
        for kept in shop.data.glob("duban.db.replaced-*"):
            kept.unlink()


def test_killed_at_any_moment_one_whole_store_is_in_place(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = lived_in(shop.data)
    shop.backup()
    before = content(engine)
    with store.writing(engine) as session:
        queries.set_mark(session, "later", "here")
    engine.dispose()
    after = content(engine)
    engine.dispose()
    steps = ("scheduler.staging.examine", "os.link", "pathlib.Path.replace")
    for step in steps:
        with monkeypatch.context() as patch:
            patch.setattr(step, lambda *_a, **_k: (_ for _ in ()).throw(KeyboardInterrupt()))
            assert shop.desk("restore", shop.file, "--replace").code == 130
        found = content(engine)
        engine.dispose()
        assert found in (before, after)
    assert shop.desk("restore", shop.file, "--replace").code == 0
    assert content(engine) == before
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
