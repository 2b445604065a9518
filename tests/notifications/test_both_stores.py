"""Journal, fuse, proof, daily mail and the admin's decisions, on both databases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from notifications import alive, deciding, fuse, proof
from notifications.catching_up import catch_up
from notifications.recorder import Recorder
from notifications.transport import InDoubt, Rejected
from scheduler import projection, store
from scheduler.queries import MARKS, MESSAGES, NOTICES, table
from scheduler.tables import JournalFile
from tests.notifications.post import WORLD, Awkward, Post
from tests.notifications.test_outbox import People
from tests.scheduler.house import PLAN, at

NINE = "2026-03-06 09:00"
PEOPLE = People(
    {("da", "liaison"): ["a_1@da.example"], ("da", "leader"): ["b@da.example"],
     ("xiao", "liaison"): ["x@xiao.example"]}
)  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def post(request: pytest.FixtureRequest, tmp_path: Path) -> Post:
    url = f"sqlite:///{tmp_path / 'duban.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql")
    base = replace(WORLD, contacts=PEOPLE, placeholders=False, admin="admin@x.example")
    return Post(tmp_path, base=base, url=url)


def forget(post: Post) -> None:
    """Make the store what it was before the first round."""
    with store.writing(post.engine) as session:
        for one in (NOTICES, MESSAGES, table(JournalFile)):
            session.execute(one.delete())
        session.execute(MARKS.delete().where(MARKS.c.name.in_(("forecast", "extended"))))
        projection.set_standing(
            session, [{"key": PLAN, "status": "open", "next_notice_at": at(NINE)}]
        )


def test_what_the_store_forgot_is_learned(post: Post) -> None:
    way = Awkward([InDoubt("?")], behind=True)
    post.round(NINE, way, post.desk())
    forget(post)
    found = catch_up(post.engine, [post.folder / "journal"], at("2026-03-06 10:00"), post.world)
    assert (found.sent, found.in_doubt) == (1, 1)
    post.round("2026-03-06 10:01", way, post.desk("next"), "next")
    assert len(way.handed) == 2
    assert sorted(post.states()) == ["in_doubt", "sent"]
    with store.reading(post.engine) as session:
        assert proof.prove(session, at("2026-03-06 10:02")).wrong == ()


def test_who_was_not_reached_is_reached(post: Post) -> None:
    post.tick(NINE)
    post.gather(NINE)
    post.set(post.messages()[1].id or 0, state="held")
    way = Recorder()
    post.deliver(NINE, way, desk=post.desk())
    forget(post)
    post.round("2026-03-09 09:01", way, post.desk("next"), "next")
    post.round("2026-03-09 10:01", way, post.desk("next"), "next")
    assert [e.recipient for e in way.handed] == ["a_1@da.example", "x@xiao.example"]


def test_the_fuse_trips_holds_and_is_released(post: Post) -> None:
    post.tick(NINE)
    post.gather(NINE)
    with store.writing(post.engine) as session:
        fuse.trip(session, at(NINE), post.world, "太多了")
    people = [m for m in post.messages() if m.role == "liaison"]
    assert {m.state for m in people} == {"held"}
    with store.writing(post.engine) as session:
        assert fuse.release(session, at("2026-03-06 10:00"), post.world, "测试") == 2
    assert post.gather("2026-03-06 10:01").composed == 2
    post.deliver("2026-03-06 10:01")
    assert sorted(post.states()) == ["cancelled", "cancelled", "sent", "sent", "sent"]


def test_the_admin_decides_and_is_told(post: Post) -> None:
    post.pass_by(NINE, Awkward([InDoubt("?"), Rejected("550 gone")], behind=True))
    first, second = post.messages()
    assert (first.state, second.state) == ("in_doubt", "failed")
    with store.writing(post.engine) as session:
        assert alive.daily(session, at("2026-03-06 10:00"), post.world)
    with store.writing(post.engine) as session:
        assert not alive.daily(session, at("2026-03-06 10:01"), post.world)
        assert deciding.retry(session, first.id or 0, at("2026-03-06 10:00"), post.world, "我")
    with store.writing(post.engine) as session:
        number = first.id or 0
        found = deciding.bounced(session, number, at("2026-03-06 10:05"), post.world, "我")
    assert found == 1
    with store.writing(post.engine) as session:
        assert list(alive._stranded(session, at("2026-03-05 09:00"))) == [
            (second.id, "x@xiao.example", "550 gone")
        ]
    assert proof.hourly(post.engine, at("2026-03-06 10:06"), post.world) is not None
