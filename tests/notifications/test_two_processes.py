"""Several deliverers on one store: every mail goes once, whoever takes it, on both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import Session

from notifications.gather import gather
from notifications.outbox import deliver
from scheduler import store
from tests.notifications.post import LEASE, WORLD, Awkward, Post
from tests.notifications.test_outbox import People
from tests.scheduler.house import at

NINE = "2026-03-06 09:00"
MAILS = 30
WORKERS = 3


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        found: str = request.getfixturevalue("postgresql")
        return found
    return f"sqlite:///{tmp_path / 'duban.db'}"


@pytest.fixture
def post(url: str, tmp_path: Path) -> Post:
    """A house with MAILS notices planned, each for a mailbox of its own."""
    names = [f"u{n}@da.example" for n in range(MAILS - 1)]
    people = People({("da", "liaison"): names, ("xiao", "liaison"): ["x@xiao.example"]})
    base = replace(WORLD, contacts=people, placeholders=False)
    house = Post(tmp_path, base=base, url=url)
    house.tick(NINE)
    return house


def together(post: Post, url: str, work: object) -> list[object]:
    """Run the same work in several threads at once, each with an engine of its own."""
    start = threading.Barrier(WORKERS)
    world = post.world

    def one(number: int) -> object:
        engine = store.connect(url)
        start.wait()
        try:
            return work(engine, world, f"worker-{number}")  # type: ignore[operator]
        finally:
            engine.dispose()

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(one, range(WORKERS)))


def test_notices_are_composed_once(post: Post, url: str) -> None:
    def work(engine, world, owner):  # type: ignore[no-untyped-def]
        with Session(engine) as session:
            gather(session, at(NINE), world)

    together(post, url, work)
    post.gather("2026-03-06 09:01")  # what one of them left to the other
    assert len(post.messages()) == MAILS
    assert len({m.recipient for m in post.messages()}) == MAILS
    assert all(n.message_id for n in post.notices())


def test_mails_are_handed_over_once(post: Post, url: str) -> None:
    post.gather(NINE)
    way = Awkward(carriers=2)

    def work(engine, world, owner):  # type: ignore[no-untyped-def]
        now = at(NINE)
        return deliver(engine, lambda: now, way, world, owner=owner, lease=LEASE)

    reports = together(post, url, work)
    assert sum(report.sent for report in reports) == MAILS  # type: ignore[attr-defined]
    assert len(way.handed) == MAILS
    assert len({envelope.key for envelope in way.handed}) == MAILS
    assert set(post.states()) == {"sent"}
    assert {m.attempt for m in post.messages()} == {1}
