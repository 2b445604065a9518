"""After a standstill one rung goes out, the highest, whoever the earlier ones were meant for."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from notifications import proof
from scheduler import store
from scheduler.ladder import higher
from scheduler.queries import AUDIT, NOBODY, NOTICES
from tests.notifications.post import Awkward, Post, text_of
from tests.scheduler.house import JUNE, PLAN, at

CITY, BUREAU = "coordinator@shi.example", "coordinator@ju.example"
FIVE, TEN = "2026-03-27 09:00", "2026-04-03 09:00"
COLLAPSED = "已并入后一档"


@pytest.fixture(params=["sqlite", "postgresql"])
def post(request: pytest.FixtureRequest, tmp_path: Path) -> Post:
    url = f"sqlite:///{tmp_path / 'duban.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql")
    made = Post(tmp_path, url=url)
    for day in ("2026-03-06", "2026-03-18", "2026-03-23"):
        made.pass_by(f"{day} 09:00", Awkward())
    return made


def skipped(post: Post) -> list[str]:
    with store.reading(post.engine) as session:
        asked = select(AUDIT.c.detail).where(AUDIT.c.action == "skipped", AUDIT.c.about == PLAN)
        return [d for d in session.execute(asked).scalars() if "coordinator" in d]


def reasons(post: Post, key: str = PLAN) -> dict[str, str | None]:
    return {n.recipient: n.reason for n in post.notices(key) if n.rung in ("after-5wd", "after-10wd")}


def pass_by(post: Post, when: str) -> list[str]:
    way = Awkward()
    post.pass_by(when, way)
    with store.reading(post.engine) as session:
        assert proof.prove(session, at(when)).wrong == ()
    return [envelope.recipient for envelope in way.handed]


def test_a_rung_that_was_planned_and_not_composed_gives_way(post: Post) -> None:
    post.tick(FIVE)
    assert pass_by(post, TEN) == [BUREAU]
    assert reasons(post) == {CITY: COLLAPSED, BUREAU: None}
    assert skipped(post) == [f"after-5wd（致 {CITY}）未发：已并入后一档 after-10wd"]
    assert pass_by(post, "2026-04-07 09:00") == []
    assert len(skipped(post)) == 1


def test_a_rung_that_was_composed_and_not_handed_over_gives_way(post: Post) -> None:
    post.tick(FIVE)
    post.gather(FIVE)
    assert pass_by(post, TEN) == [BUREAU]
    assert reasons(post)[CITY] == COLLAPSED
    states = {m.recipient: m.state for m in post.messages() if m.recipient in (CITY, BUREAU)}
    assert states == {CITY: "cancelled", BUREAU: "sent"}


def test_what_else_was_in_that_mail_is_composed_anew(post: Post) -> None:
    post.tick(FIVE)
    other = next(n for n in post.notices(PLAN) if n.recipient == CITY)
    with store.writing(post.engine) as session:
        values = other.model_dump(exclude={"id"}) | {"key": JUNE}
        due = post.row(JUNE)["due"]
        values |= {"due": due, "rung": "remind", "move": 1}
        session.execute(NOTICES.insert().values(**values))
    post.gather(FIVE)
    assert [m.recipient for m in post.messages()][-1:] == [CITY]
    assert sorted(pass_by(post, TEN)) == [BUREAU, CITY]
    again = [m for m in post.messages() if m.recipient == CITY]
    assert [m.state for m in again] == ["cancelled", "sent"]
    assert PLAN in text_of(again[0])
    assert PLAN not in text_of(again[1])
    assert "报送进展表" in text_of(again[1])


def test_what_left_stays(post: Post) -> None:
    assert pass_by(post, FIVE) == [CITY]
    assert pass_by(post, TEN) == [BUREAU]
    assert reasons(post) == {CITY: None, BUREAU: None}
    assert skipped(post) == []


def test_what_may_have_left_stays(post: Post) -> None:
    post.tick(FIVE)
    post.gather(FIVE)
    number = post.messages()[-1].id or 0
    post.set(number, state="in_doubt", handed=1, next_try_at=None)
    pass_by(post, TEN)
    assert reasons(post) == {CITY: None, BUREAU: None}
    assert post.messages()[number - 1].state == "in_doubt"


def test_a_later_rung_that_reaches_nobody_takes_nothing_along(post: Post) -> None:
    post.tick(FIVE)
    post.tick(TEN)
    with store.writing(post.engine) as session:
        gone = NOTICES.update().where(NOTICES.c.rung == "after-10wd")
        session.execute(gone.values(recipient="", reason=NOBODY))
    way = Awkward()
    post.gather(TEN)
    post.deliver(TEN, way)
    assert [e.recipient for e in way.handed] == [CITY]


def test_a_later_rung_that_may_not_go_yet_takes_nothing_along(post: Post) -> None:
    post.tick(FIVE)
    post.tick(TEN)
    with store.writing(post.engine) as session:
        later = NOTICES.update().where(NOTICES.c.rung == "after-10wd")
        session.execute(later.values(release_at=at("2026-04-07 09:00")))
    way = Awkward()
    post.gather(TEN)
    post.deliver(TEN, way)
    assert [e.recipient for e in way.handed] == [CITY]


def test_rungs_that_were_planned_together_all_go(post: Post) -> None:
    """As for those to whom a duty is handed on: each is to hear what the others know."""
    post.tick(FIVE)
    post.tick(TEN)
    with store.writing(post.engine) as session:
        session.execute(NOTICES.update().values(planned_at=at(TEN)))
    way = Awkward()
    post.gather(TEN)
    post.deliver(TEN, way)
    assert sorted(e.recipient for e in way.handed) == [BUREAU, CITY]


def test_a_restored_rung_takes_nothing_along(post: Post) -> None:
    post.tick(FIVE)
    post.tick(TEN)
    with store.writing(post.engine) as session:
        later = NOTICES.update().where(NOTICES.c.rung == "after-10wd")
        session.execute(later.values(restored=True))
    way = Awkward()
    post.gather(TEN)
    post.deliver(TEN, way)
    assert CITY in [e.recipient for e in way.handed]


@pytest.mark.parametrize(
    ("rung", "other", "is_higher"),
    [
        ("after-10wd", "after-5wd", True), ("after-5wd", "after-10wd", False),
        ("after-1wd", "before-2wd", True), ("before-2wd", "before-14d", True),
        ("before-14d", "before-2wd", False), ("after-7d", "after-5wd", False),
        ("after-1wd", "changed", False), ("remind", "before-2wd", False),
    ],
)  # fmt: skip
def test_which_rung_is_higher(rung: str, other: str, is_higher: bool) -> None:
    assert higher(rung, other) is is_higher
