"""A relay that answers nothing after the final dot must not cost every mail its one hand-over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from notifications import claims, deciding, pause
from notifications.settling import SILENCES
from notifications.transport import InDoubt, Rejected
from scheduler import store
from tests.notifications.post import LEASE, WORLD, Awkward, Post, text_of
from tests.notifications.test_outbox import People
from tests.scheduler.house import at

NINE = "2026-03-06 09:00"
STATUTORY = "2026-03-18 09:00"
MANY = 24
LIAISONS = [f"u{n}@da.example" for n in range(MANY)]
NO_ANSWER = "连接断开"


def house(folder: Path, url: str = "") -> Post:
    """Return a house in which many are told of the same duty, and an admin."""
    people = People({("da", "liaison"): LIAISONS, ("xiao", "liaison"): ["x@xiao.example"]})
    base = replace(WORLD, contacts=people, placeholders=False, admin="admin@x.example")
    return Post(folder, base=base, url=url)


def silent(carriers: int = 1) -> Awkward:
    return Awkward([InDoubt(NO_ANSWER)] * 999, behind=True, carriers=carriers)


def stopped(post: Post) -> pause.Pause | None:
    with store.reading(post.engine) as session:
        return pause.current(session)


def of_people(post: Post, state: str) -> int:
    return sum(m.state == state for m in post.messages() if m.role == "liaison")


@pytest.fixture(params=["sqlite", "postgresql"])
def post(request: pytest.FixtureRequest, tmp_path: Path) -> Post:
    if request.param == "postgresql":
        return house(tmp_path, request.getfixturevalue("postgresql"))
    return house(tmp_path)


def test_the_queue_pauses_and_the_admin_is_told(post: Post) -> None:
    report = post.pass_by(NINE, silent())
    assert report.in_doubt == SILENCES
    assert report.paused is not None
    assert of_people(post, "ready") == MANY + 1 - SILENCES
    held = stopped(post)
    assert held is not None
    assert f"连续 {SILENCES} 封" in held.reason
    assert NO_ANSWER in held.reason
    (alarm,) = [m for m in post.messages() if m.role == "alarm"]
    assert "发信已暂停" in alarm.subject
    assert "--all-in-doubt" in text_of(alarm)
    way = silent()
    assert post.deliver(at(NINE) + timedelta(seconds=59), way).paused == held.reason
    assert way.handed == []
    post.deliver("2026-03-06 09:01", way)  # the alarm itself finds out: it costs nobody anything
    assert [one.recipient for one in way.handed] == ["admin@x.example"]
    again = stopped(post)
    assert again is not None
    assert (again.tries, again.until) == (1, at("2026-03-06 09:07"))
    post.deliver("2026-03-06 09:07", Awkward())
    assert stopped(post) is None
    assert of_people(post, "sent") == MANY + 1 - SILENCES
    assert of_people(post, "in_doubt") == SILENCES
    assert sum(m.state == "in_doubt" for m in post.messages()) == SILENCES + 1
    with store.reading(post.engine) as session:  # nobody has to decide about the alarm
        assert len(deciding.in_doubt(session, waiting=True)) == SILENCES
        assert len(deciding.in_doubt(session, waiting=False)) == SILENCES + 1


def test_statutory_mail_keeps_its_repetition_through_a_storm_and_all_goes_after_it(
    post: Post,
) -> None:
    post.tick(STATUTORY)
    post.gather(STATUTORY)
    assert all(m.statutory for m in post.messages())
    storm, now = silent(), at(STATUTORY)
    while now < at("2026-03-18 17:00"):
        post.deliver(now, storm)
        now += timedelta(minutes=1)
    people = [one.recipient for one in storm.handed if one.recipient != "admin@x.example"]
    assert SILENCES < len(people) <= MANY / 2  # the probes of eight hours
    assert len(people) == len(set(people))  # none was handed over twice
    way = Awkward()
    while now < at("2026-03-18 20:00"):
        post.deliver(now, way)
        now += timedelta(minutes=1)
    assert of_people(post, "sent") == MANY + 1
    assert max(m.handed for m in post.messages() if m.role == "liaison") == 2


def test_those_in_hand_when_it_begins_neither_go_on_nor_make_it_longer(tmp_path: Path) -> None:
    post = house(tmp_path)
    way = silent(carriers=4)
    post.pass_by(NINE, way)
    assert SILENCES <= len(way.handed) < SILENCES + way.carriers
    held = stopped(post)
    assert held is not None
    assert (held.tries, held.until) == (0, at("2026-03-06 09:01"))


def test_a_mail_that_is_sent_in_between_ends_the_series(tmp_path: Path) -> None:
    post = house(tmp_path)
    some = [InDoubt(NO_ANSWER)] * (SILENCES - 1)
    way = Awkward([*some, None, *some], behind=True)  # type: ignore[list-item]
    assert post.pass_by(NINE, way).in_doubt == 2 * len(some)
    assert stopped(post) is None
    assert of_people(post, "sent") == MANY + 1 - 2 * len(some)


def test_one_recipient_again_and_again_or_one_an_hour_is_no_series(tmp_path: Path) -> None:
    post = house(tmp_path)
    with store.writing(post.engine) as session:
        for minute in range(9):
            assert pause.silence(session, at(NINE) + timedelta(minutes=minute), "a@x") == 1
        for hour in range(2, 9):
            later = at(NINE) + timedelta(hours=hour, minutes=hour)
            assert pause.silence(session, later, f"u{hour}@x") == 1
        assert pause.silence(session, later, "b@x") == 2


def test_what_is_said_of_a_mail_refused_after_doubt_does_not_claim_that_it_never_arrived(
    tmp_path: Path,
) -> None:
    """The first hand-over may have arrived; the next contact is told so."""
    people = People({("da", "liaison"): ["a@da.example"], ("da", "leader"): ["boss@da.example"]})
    post = Post(tmp_path, base=replace(WORLD, contacts=people, placeholders=False))
    post.tick(STATUTORY)
    post.gather(STATUTORY)
    post.deliver(STATUTORY, Awkward([InDoubt(NO_ANSWER)], behind=True))
    post.deliver("2026-03-18 09:15", Awkward([Rejected("550 no such user")]))
    first = next(m for m in post.messages() if m.recipient == "a@da.example")
    assert (first.state, first.reason) == ("failed", claims.REFUSED_AGAIN)
    post.gather("2026-03-18 09:16")
    said = text_of(next(m for m in post.messages() if m.recipient == "boss@da.example"))
    assert "原收件邮箱 a@da.example 不能确定是否送到，再次交出时被拒" in said
    assert "a@da.example 拒收" not in said


def test_a_probe_is_what_it_costs_least_to_lose(tmp_path: Path) -> None:
    post = house(tmp_path)
    post.pass_by(STATUTORY, silent())  # three in doubt, the alarm among the rest
    ordinary = post.messages()[-3].id or 0
    post.set(ordinary, statutory=False)
    found = []
    with store.writing(post.engine) as session:
        for _ in range(MANY + 2):
            one = claims.claim(session, at("2026-03-18 10:00"), "me", LEASE, probe=True)
            assert one is not None
            found.append(one)
        assert claims.claim(session, at("2026-03-18 10:00"), "me", LEASE, probe=True) is None
    assert [one.handed for one in found] == [0] * (MANY + 2 - SILENCES) + [1] * SILENCES
    assert found[0].role == "alarm"
    fresh = found[1 : MANY + 2 - SILENCES]
    assert [one.statutory for one in fresh] == [True] * (len(fresh) - 1) + [False]
    assert fresh[-1].id == ordinary
