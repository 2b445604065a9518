"""At which hours a composed mail is tried (again), and when it is given up."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from notifications.outbox import deliver
from notifications.transport import Deferred, InDoubt, Unreachable
from tests.notifications.post import LEASE, Awkward, Post
from tests.scheduler.house import PLAN, at

NINE = "2026-03-06 09:00"  # a Friday
STATUTORY = "2026-03-18 09:00"  # a Wednesday


def ready(folder: Path, when: str) -> Post:
    """Return a house with one mail ready at an instant, ordinary at NINE."""
    post = Post(folder)
    post.tick(when)
    post.gather(when)
    post.set(post.messages()[1].id or 0, state="cancelled")
    return post


def tries(post: Post, start: str, end: str, way: Awkward) -> list[str]:
    """Return the instants, by the quarter of an hour, at which a mail was tried."""
    found, now = [], at(start)
    while now < at(end):
        before = len(way.steps)
        post.deliver(now, way)
        if len(way.steps) < before:
            found.append(f"{now:%a %H:%M}")
        now += timedelta(minutes=15)
    return found


def test_ordinary_mail_keeps_to_the_sending_hours_at_every_try(tmp_path: Path) -> None:
    post = ready(tmp_path, NINE)
    found = tries(post, "2026-03-06 16:00", "2026-03-09 09:30", Awkward([Deferred("451")] * 99))
    assert found[:4] == ["Fri 16:00", "Fri 16:15", "Fri 16:30", "Fri 17:00"]
    assert {one.split()[0] for one in found} == {"Fri", "Mon"}
    assert found[-1] == "Mon 09:00"
    assert max(one for one in found if one.startswith("Fri")) < "Fri 18:00"


def test_statutory_mail_is_tried_at_any_hour_of_a_working_day(tmp_path: Path) -> None:
    post = ready(tmp_path, STATUTORY)
    found = tries(post, "2026-03-18 20:00", "2026-03-20 00:00", Awkward([Deferred("451")] * 99))
    assert "Wed 20:00" in found
    assert any(one.startswith("Thu 03") for one in found)


def test_nobody_is_written_to_on_a_day_off(tmp_path: Path) -> None:
    post = ready(tmp_path, "2026-03-23 09:00")  # after-1wd, good for a while
    found = tries(post, "2026-03-27 22:00", "2026-03-30 10:00", Awkward([Deferred("451")] * 99))
    assert {one.split()[0] for one in found} == {"Fri", "Mon"}
    assert next(one for one in found if one.startswith("Mon")) == "Mon 09:00"


def test_a_claim_that_is_taken_back_at_night_waits_for_the_morning(tmp_path: Path) -> None:
    from notifications import claims
    from scheduler import store

    post = ready(tmp_path, NINE)
    with store.writing(post.engine) as session:
        assert claims.claim(session, at("2026-03-06 17:59"), "dead", LEASE)
    way = Awkward()
    post.deliver("2026-03-06 18:20", way)
    post.deliver("2026-03-07 10:00", way)
    assert way.handed == []
    assert post.messages()[0].next_try_at == at("2026-03-09 09:00")
    post.deliver("2026-03-09 09:00", way)
    assert post.messages()[0].state == "sent"


@pytest.mark.parametrize(
    ("statutory", "began", "until"),
    [
        ((False, False), "2026-03-06 17:59", "2026-03-09 09:00"),
        ((True, False), "2026-03-06 17:59", "2026-03-09 09:00"),
        ((True, True), "2026-03-06 23:59", "2026-03-09 09:00"),
    ],
)
def test_a_round_that_takes_long_keeps_to_the_hours_at_each_mail(
    tmp_path: Path, statutory: tuple[bool, bool], began: str, until: str
) -> None:
    post = Post(tmp_path)
    post.tick(NINE)
    post.gather(NINE)
    for message, one in zip(post.messages(), statutory, strict=True):
        post.set(message.id or 0, statutory=one)
    now = [at(began)]
    way = Awkward()

    def slow() -> None:
        now[0] += timedelta(minutes=2)

    way.during = slow
    for _ in range(2):
        deliver(post.engine, lambda: now[0], way, post.world, owner="me", lease=LEASE)
    first, second = post.messages()
    assert (first.state, second.state, len(way.handed)) == ("sent", "ready", 1)
    assert (second.next_try_at, second.attempt) == (at(until), 0)
    now[0] = at(until)
    deliver(post.engine, lambda: now[0], way, post.world, owner="me", lease=LEASE)
    assert post.states() == ["sent", "sent"]


def test_a_statutory_mail_in_doubt_is_repeated_the_same_evening(tmp_path: Path) -> None:
    post = ready(tmp_path, STATUTORY)
    way = Awkward([InDoubt("?")], behind=True)
    post.deliver("2026-03-18 17:55", way)
    post.deliver("2026-03-18 18:10", way)
    assert len(way.handed) == 2
    assert way.handed[0] == way.handed[1]


@pytest.mark.parametrize(
    ("when", "until"), [(NINE, "2026-03-21 00:00"), (STATUTORY, "2026-03-21 00:00")]
)
def test_what_is_no_longer_useful_ends_when_it_ends(
    tmp_path: Path, when: str, until: str
) -> None:
    post = ready(tmp_path, when)
    post.deliver("2026-03-20 17:59", Awkward([Unreachable("down")]))
    post.deliver("2026-03-20 23:00", Awkward([Unreachable("down")]))
    assert post.messages()[0].state == "ready"
    way = Awkward()
    assert post.deliver(until, way).expired == 1
    assert way.handed == []
    assert post.messages()[0].state == "expired"
    assert post.notices(PLAN)[0].message_id == post.messages()[0].id
