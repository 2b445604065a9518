"""A store in which something of everything has happened, and a desk to back it up from."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine

from notifications import feeds, tokens
from scheduler import activities, evidence, happenings, queries, shifts, store
from scheduler.portable import rows, tables
from tests.cli.desk import Desk
from tests.notifications.post import Awkward, Post
from tests.scheduler.house import PLAN, at
from tests.stores.postgresql import cluster, database
from web import sessions

__all__ = ["cluster", "place", "shop"]

Content = dict[str, list[dict[str, object]]]
BOTH = ("sqlite", "postgresql")


def lived_in(folder: Path, url: str = "") -> Engine:
    """Make a store in which something of everything has happened."""
    folder.mkdir(parents=True, exist_ok=True)
    post = Post(folder, url=url)
    post.pass_by("2026-03-06 09:00", Awkward())
    post.say(PLAN, "acknowledged", "2026-03-07 10:00", until=at("2026-03-10 00:00").date())
    post.say(PLAN, "completed", "2026-03-11 10:00", evidence="签收单，编号“7”\n第二行")
    record_more(post)
    post.tick("2026-06-05 09:00")
    post.gather("2026-06-05 09:00")
    with store.writing(post.engine) as session:
        tokens.create(session, "da", "值班手机", at("2026-03-07 10:00"))
        sessions.new_link(session, at("2026-03-07 10:00"))
        queries.set_mark(session, "tick", "2026-06-05T09:00:00+08:00")
    feeds.render_one(post.engine, "da", at("2026-06-05 10:00"), post.world)
    return post.engine


def record_more(post: Post) -> None:
    """Record a term, an activity, an event and a file."""
    now, on = at("2026-06-01 10:00"), date(2026, 6, 1)
    given = {"now": now, "by": "测试", "world": post.world}
    with store.writing(post.engine) as session:
        term = shifts.Entry("pair-2025", "da", "xiao", date(2026, 2, 1), date(2026, 9, 1), 5)
        shifts.add(session, [term], **given)
        done = activities.Done("pair-2025", "lecture", on, "da", "xiao", evidence="签到表")
        activities.record(session, done, **given)
        happenings.by_hand(session, "pair-2025", "contacts", "shi", on, "换人", **given)
        evidence.store(session, "方案.pdf", b"%PDF-1.7\n\x00\xff", now, "测试")


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
