"""Faults of disk, rights and locks: a clear sentence, nothing lost, and it goes on afterwards."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DBAPIError

from scheduler import queries, store
from scheduler.faults import fault, passing
from tests.cli.command import COMMAND, environment
from tests.notifications.post import LEASE, Awkward, Post
from tests.scheduler.house import PLAN, at
from tests.stores.crowd import CONTEXT

NINE = "2026-03-06 09:00"


@contextmanager
def setting(engine: Engine, pragma: str, back: str) -> Iterator[None]:
    """Let SQLite behave as if the disk were so; every new transaction is told."""

    def on(connection: Any) -> None:
        connection.connection.driver_connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "begin", on, insert=True)
    try:
        yield
    finally:
        event.remove(engine, "begin", on)
        event.listen(
            engine, "begin",
            lambda c: c.connection.driver_connection.execute(f"PRAGMA {back}"), insert=True,
        )  # fmt: skip


def pages(engine: Engine) -> int:
    with engine.execution_options(read_only=True).connect() as connection:
        return int(connection.execute(text("PRAGMA page_count")).scalar_one())


def said_of(call: Any) -> str:
    with pytest.raises(DBAPIError) as raised:
        call()
    found = fault(raised.value)
    assert found is not None
    assert passing(raised.value)
    return found.said


def test_a_full_disk_at_each_step_loses_nothing(tmp_path: Path) -> None:
    post = Post(tmp_path)
    full = f"max_page_count={pages(post.engine)}", "max_page_count=1073741823"
    way = Awkward()
    with setting(post.engine, *full):
        with store.writing(post.engine) as session:  # fills what room is left within the file
            for _ in range(5):
                row = {"at": at(NINE), "who": "", "action": "x", "about": "", "detail": "x" * 500}
                queries.audit(session, [row])
        assert "磁盘已满" in said_of(lambda: fill(post.engine))
    for step in (post.tick, post.gather):
        with setting(post.engine, f"max_page_count={pages(post.engine)}", full[1]):
            while not isinstance(try_(lambda: fill(post.engine)), DBAPIError):
                pass
            error = try_(lambda step=step: step(NINE))
            assert error is None or "磁盘已满" in str(fault(error))
        step(NINE)
    assert post.deliver(NINE, way).sent == 2
    assert [n.message_id is not None for n in post.notices()] == [True, True]
    assert len({e.key for e in way.handed}) == len(way.handed) == 2


def try_(call: Any) -> Exception | None:
    try:
        call()
    except Exception as error:
        return error
    return None


def fill(engine: Engine) -> None:
    with store.writing(engine) as session:
        row = {"at": at(NINE), "who": "", "action": "x", "about": "", "detail": "x" * 5_000}
        queries.audit(session, [row])


def test_a_disk_that_is_full_when_the_receipt_comes_repeats_no_mail(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.tick(NINE)
    post.gather(NINE)
    blocked: list[Any] = []

    def refuse(connection: Any) -> None:
        connection.connection.driver_connection.execute("PRAGMA query_only=ON")

    def now_full() -> None:
        if not blocked:
            blocked.append(refuse)
            event.listen(post.engine, "begin", refuse, insert=True)

    way = Awkward(during=now_full)
    try_(lambda: post.deliver(NINE, way))
    event.remove(post.engine, "begin", refuse)
    event.listen(
        post.engine, "begin",
        lambda c: c.connection.driver_connection.execute("PRAGMA query_only=OFF"), insert=True,
    )  # fmt: skip
    later = at(NINE) + LEASE * 2
    post.deliver(later, way)
    post.deliver(later + LEASE * 2, way)
    assert len(way.handed) == len({e.key for e in way.handed}) == 2
    assert set(post.states()) <= {"sent", "in_doubt"}  # ordinary: the admin decides


def test_a_read_only_store_still_answers(tmp_path: Path) -> None:
    post = Post(tmp_path)
    with setting(post.engine, "query_only=ON", "query_only=OFF"):
        assert "只读" in said_of(lambda: post.tick(NINE))
        with store.reading(post.engine) as session:
            assert queries.newest_version(session) == 1
    assert post.tick(NINE).planned == 2


def verb(folder: Path, *words: str, limit: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a verb, with no file growing beyond ``limit`` bytes."""

    def small() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [*COMMAND, *words], cwd=folder, env=environment(folder, **more), capture_output=True,
        text=True, timeout=120, check=False, preexec_fn=small,
    )  # fmt: skip


def plainly(done: subprocess.CompletedProcess[str], said: str) -> None:
    assert done.returncode == 1, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose data folder holds the small house's store."""
    Post(tmp_path / "made").engine.dispose()
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "made" / "duban.db") as source:
        target = sqlite3.connect(tmp_path / "data" / "duban.db")
        source.backup(target)
        target.close()
    return tmp_path


def test_verbs_tell_of_a_disk_that_takes_no_more(folder: Path) -> None:
    plainly(verb(folder, "record", PLAN, "completed", limit=4096), "数据库文件时出错")
    (folder / "b.zip.part").symlink_to("/dev/full")
    plainly(verb(folder, "backup", "b.zip"), "磁盘已满，写不下")
    assert sorted(p.name for p in folder.iterdir()) == ["data", "made"]
    done = verb(folder, "record", PLAN, "completed")
    assert done.returncode == 0, done.stderr


def test_verbs_tell_who_holds_the_lock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cli.__main__ import main

    monkeypatch.setattr(store, "BUSY", 200)
    monkeypatch.setenv("DUBAN_DATA", str(folder / "data"))
    other = sqlite3.connect(folder / "data" / "duban.db", isolation_level=None)
    store.connect(f"sqlite:///{folder / 'data' / 'duban.db'}").connect().close()  # sets WAL
    other.execute("BEGIN IMMEDIATE")
    assert main(["record", PLAN, "completed"]) == 1
    assert main(["outbox"]) == 0  # reading waits for nobody
    other.execute("COMMIT")
    other.close()
    assert main(["record", PLAN, "completed"]) == 0


def test_the_folder_of_another_user(folder: Path) -> None:
    """Who may read but not write gets told; root may everything, so it is another user here."""
    open_ = Path(tempfile.mkdtemp(prefix="duban-rights-"))
    try:
        shutil.copytree(folder / "data", open_ / "data")
        for path, mode in ((open_, 0o755), (open_ / "data", 0o555)):
            path.chmod(mode)
        (open_ / "data" / "duban.db").chmod(0o444)
        answers = CONTEXT.Queue()
        child = CONTEXT.Process(target=_as_nobody, args=(answers, str(open_ / "data")))
        child.start()
        code, said = answers.get(timeout=60)
        child.join()
        assert code == 1
        assert "打不开" in said or "只读" in said
        assert "Traceback" not in said
    finally:
        (open_ / "data").chmod(0o755)
        shutil.rmtree(open_)


def _as_nobody(answers: Any, data: str) -> None:
    import contextlib
    import io

    from cli.__main__ import main

    os.environ["DUBAN_DATA"] = data + "-warm"
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        main(["record", PLAN, "completed"])  # so that all is imported while it may be read
        shutil.rmtree(data + "-warm", ignore_errors=True)
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        os.environ["DUBAN_DATA"] = data
        said.truncate(0)
        code = main(["record", PLAN, "completed"])
    answers.put((code, said.getvalue()))


@pytest.mark.parametrize("what", ["head", "middle", "empty words"])
def test_a_damaged_file_is_told_and_a_backup_helps(folder: Path, what: str) -> None:
    assert verb(folder, "backup", "b.zip").returncode == 0
    file = folder / "data" / "duban.db"
    whole = bytearray(file.read_bytes())
    if what == "head":
        whole[:100] = b"x" * 100
    elif what == "middle":
        whole[4096 : len(whole) // 2] = os.urandom(len(whole) // 2 - 4096)
    else:
        whole = bytearray(b"no database at all\n" * 400)
    file.write_bytes(whole)
    for words in (("outbox",), ("record", PLAN, "completed"), ("serve", "--port", "0")):
        plainly(verb(folder, *words), "已损坏")
    doctor = verb(folder, "doctor")
    assert (doctor.returncode, "已损坏" in doctor.stdout) == (1, True)
    assert verb(folder, "restore", "b.zip", "--replace").returncode == 0
    assert verb(folder, "record", PLAN, "completed").returncode == 0


def test_a_newer_form_is_left_alone(folder: Path) -> None:
    file = folder / "data" / "duban.db"
    with sqlite3.connect(file) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    connection.close()
    before = file.read_bytes()
    for words in (("outbox",), ("serve", "--port", "0"), ("backup", "b.zip"), ("tick",)):
        plainly(verb(folder, *words), "更新版本的督办")
    assert "更新版本的督办" in verb(folder, "doctor").stdout
    assert file.read_bytes() == before


def test_a_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cli", "tick"], cwd=tmp_path, capture_output=True, text=True,
        env=environment(tmp_path, DUBAN_DATABASE_URL=f"sqlite:///{tmp_path}/file/duban.db"),
        check=False,
    )  # fmt: skip
    plainly(done, "不是文件夹")
