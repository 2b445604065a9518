"""A copy of a store in use, started elsewhere, mails nobody until somebody confirms it."""

from __future__ import annotations

import shutil
from pathlib import Path

from notifications import elsewhere
from scheduler import store
from tests.notifications.post import Awkward, Post
from tests.scheduler.house import at

MORNING, NEXT = "2026-03-06 09:00", "2026-03-18 09:00"


def settled(post: Post, when: str = MORNING, data: Path | None = None) -> str | None:
    here = elsewhere.place(post.engine, data or post.folder)
    with store.writing(post.engine) as session:
        return elsewhere.settle_in(session, here, at(when))


def used(folder: Path) -> Post:
    folder.mkdir()
    post = Post(folder)
    assert settled(post) is None
    assert post.pass_by(MORNING, Awkward()).sent
    return post


def moved(post: Post, folder: Path) -> Post:
    post.engine.dispose()
    shutil.copytree(post.folder, folder)
    url = post.engine.url.set(database=str(folder / Path(str(post.engine.url.database)).name))
    copy = Post.__new__(Post)
    copy.__dict__.update(post.__dict__)
    copy.folder, copy.engine = folder, store.connect(url.render_as_string(hide_password=False))
    return copy


def test_a_copy_of_what_has_sent_mail_sends_none_until_it_is_confirmed(tmp_path: Path) -> None:
    post = used(tmp_path / "here")
    copy = moved(post, tmp_path / "there")
    assert settled(copy, NEXT) == elsewhere.SAID
    held = copy.pass_by(NEXT, Awkward())
    assert (held.sent, held.paused) == (0, elsewhere.SAID)
    assert post.pass_by(NEXT, Awkward()).sent  # the one in use goes on
    here = elsewhere.place(copy.engine, copy.folder)
    with store.writing(copy.engine) as session:
        elsewhere.confirm(session, here, at(NEXT), "admin")
    assert copy.pass_by("2026-03-18 09:01", Awkward()).sent
    assert settled(copy, NEXT) is None  # the next start asks nothing


def test_the_same_place_with_another_database_file_or_journal_goes_on(tmp_path: Path) -> None:
    post = used(tmp_path / "here")
    file = Path(str(post.engine.url.database))
    post.engine.dispose()
    shutil.copy(file, tmp_path / "backup.db")
    file.unlink()
    (tmp_path / "in-between").touch()  # so that the number of the old file is not given again
    shutil.copy(tmp_path / "backup.db", file)
    assert settled(post) is None
    assert settled(post, data=tmp_path / "other") is None


def test_a_copy_of_what_never_sent_is_no_twin(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    post = Post(folder)
    assert settled(post) is None
    copy = moved(post, tmp_path / "there")
    assert settled(copy) is None


def test_a_restored_store_sends_where_it_was_restored(tmp_path: Path) -> None:
    post = used(tmp_path / "here")
    copy = moved(post, tmp_path / "there")
    with store.writing(copy.engine) as session:
        elsewhere.forget(session)
    assert settled(copy, NEXT) is None
