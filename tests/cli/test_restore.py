"""What is restored takes the place of what was there in one step, and that is kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from scheduler import queries, store
from tests.cli.shop import BOTH, Shop, cluster, content, lived_in, place, shop

__all__ = ["cluster", "place", "shop"]


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
