"""From a stored mail to its receipt: what may happen twice, what may not, and what waits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from notifications import alive, claims, deciding, pause, proof
from notifications.listing import listed
from notifications.outbox import backoff
from notifications.recorder import Recorder
from notifications.transport import Deferred, InDoubt, Rejected, RelayFault, Unreachable
from scheduler import store
from scheduler.queries import MESSAGES, NOTICES
from scheduler.tables import Message
from tests.notifications.post import LEASE, WORLD, Awkward, Post, read, text_of
from tests.notifications.test_gather import TWO
from tests.scheduler.house import PLAN, WORKFLOW, ZONE, at, found

NINE = "2026-03-06 09:00"
STATUTORY = "2026-03-18 09:00"


@pytest.fixture
def post(tmp_path: Path) -> Post:
    """A house with two mails ready at NINE, neither of them statutory."""
    house = Post(tmp_path)
    house.tick(NINE)
    house.gather(NINE)
    return house


def one(post: Post) -> Message:
    """Leave only the first mail to be sent, and return it."""
    first, second = post.messages()
    post.set(second.id or 0, state="cancelled")
    return first


def urgent(tmp_path: Path) -> tuple[Post, int]:
    """Return a house with one statutory mail ready at STATUTORY, and its number."""
    house = Post(tmp_path)
    house.tick(STATUTORY)
    house.gather(STATUTORY)
    first, second = house.messages()
    assert first.statutory
    house.set(second.id or 0, state="cancelled")
    return house, first.id or 0


def state(post: Post, number: int | None = None) -> Message:
    return next(m for m in post.messages() if number in (None, m.id))


def test_a_receipt_is_kept_and_nothing_goes_twice(post: Post) -> None:
    way = Awkward()
    assert post.deliver(NINE, way).sent == 2
    assert post.deliver(NINE, way).sent == 0
    assert len(way.handed) == 2
    for message in post.messages():
        assert (message.state, message.reply, message.attempt, message.handed) == (
            "sent", "250 ok", 1, 1,
        )  # fmt: skip
        assert message.finished_at == at(NINE)


def test_the_bytes_handed_over_are_the_stored_ones_at_every_try(post: Post) -> None:
    message = one(post)
    way = Awkward([Deferred("451 later")])
    post.deliver(NINE, way)
    post.deliver("2026-03-06 09:01", way)
    assert [envelope.body for envelope in way.handed] == [message.body]


def test_what_is_deferred_waits_longer_each_time(post: Post) -> None:
    one(post)
    way = Awkward([Deferred("450 later")] * 6)
    now, waits = at(NINE), []
    for _ in range(6):
        post.deliver(now, way)
        message = state(post)
        assert message.state == "ready"
        assert message.handed == 0
        assert message.next_try_at is not None
        waits.append((message.next_try_at - now) / timedelta(minutes=1))
        assert post.deliver(message.next_try_at - timedelta(seconds=1), way).put_back == 0
        now = message.next_try_at
    assert waits[:4] == [1, 6, 20, 60]
    assert all(60 <= wait < 70 for wait in waits[4:])
    post.deliver(now, way)
    assert state(post).state == "sent"


def test_a_definite_refusal_behind_the_fence_is_no_doubt(post: Post) -> None:
    one(post)
    post.deliver(NINE, Awkward([Deferred("451 later")], behind=True))
    assert (state(post).state, state(post).handed) == ("ready", 0)
    post.deliver("2026-03-06 09:02", Awkward([Rejected("554 spam")], behind=True))
    assert (state(post).state, state(post).reply) == ("failed", "554 spam")


def test_an_ordinary_mail_in_doubt_is_left_to_the_admin(post: Post) -> None:
    one(post)
    post.deliver(NINE, Awkward([InDoubt("no answer")], behind=True))
    way = Awkward()
    for when in ("2026-03-06 09:30", "2026-03-07 09:00", "2026-03-19 09:00"):
        post.deliver(when, way)
    message = state(post)
    assert (message.state, message.next_try_at, way.handed) == ("in_doubt", None, [])
    assert message.reason is not None
    assert "管理员" in message.reason


def test_a_statutory_mail_in_doubt_goes_once_more_and_never_again(tmp_path: Path) -> None:
    post, number = urgent(tmp_path)
    way = Awkward([InDoubt("no answer")] * 2, behind=True)
    post.deliver(STATUTORY, way)
    post.deliver("2026-03-18 09:14", way)
    assert len(way.handed) == 1
    post.deliver("2026-03-18 09:15", way)
    assert len(way.handed) == 2
    assert way.handed[0] == way.handed[1]
    post.deliver("2026-03-18 12:00", way)
    assert len(way.handed) == 2
    assert (state(post, number).state, state(post, number).next_try_at) == ("in_doubt", None)


@pytest.mark.parametrize("said", ["completed", "waived"])
def test_what_is_done_meanwhile_is_not_repeated_unless_the_admin_wants_it(
    tmp_path: Path, said: str
) -> None:
    post, number = urgent(tmp_path)
    way = Awkward([InDoubt("no answer")], behind=True)
    post.deliver(STATUTORY, way)
    post.say(PLAN, said, "2026-03-18 09:05", **({"reason": "n"} if said == "waived" else {}))
    for when in ("2026-03-18 09:15", "2026-03-18 12:00", "2026-03-19 09:00"):
        post.deliver(when, way)
    message = state(post, number)
    assert (message.state, message.handed, message.next_try_at) == ("in_doubt", 1, None)
    assert message.reason == claims.DONE_MEANWHILE
    assert len(way.handed) == 1
    with store.writing(post.engine) as session:
        needed = alive._needs(session, at(STATUTORY), at("2026-03-19 09:00"), post.world)
        assert not [line for line in needed if "不能确定" in line]
        deciding.retry(session, number, at("2026-03-19 09:00"), post.world, "admin")
    post.deliver("2026-03-19 09:01", way)
    assert state(post, number).state == "sent"
    assert way.handed[0] == way.handed[1]


def test_it_is_repeated_as_long_as_one_of_its_duties_is_owed(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.edit(found(WORKFLOW, TWO), "2026-03-02 09:00")
    post.tick(STATUTORY)
    post.gather(STATUTORY)
    way = Awkward([InDoubt("no answer")] * 2, behind=True)
    post.deliver(STATUTORY, way)
    post.say(PLAN, "completed", "2026-03-18 09:05")
    post.deliver("2026-03-18 09:15", way)
    # Whoever was told of the plan alone is spared; the digest with the second duty goes again.
    assert [one.recipient for one in way.handed] == [
        "liaison@da.example", "liaison@xiao.example", "liaison@xiao2.example",
        "liaison@da.example",
    ]  # fmt: skip
    assert sorted(post.states()) == ["in_doubt", "sent", "sent"]
    with store.reading(post.engine) as session:
        assert proof.prove(session, at("2026-03-18 09:15")).wrong == ()


def test_a_deferred_repetition_stays_in_doubt_and_keeps_its_one_try(tmp_path: Path) -> None:
    post, number = urgent(tmp_path)
    way = Awkward([InDoubt("no answer"), Deferred("451"), InDoubt("no answer")], behind=True)
    post.deliver(STATUTORY, way)
    post.deliver("2026-03-18 09:15", way)
    message = state(post, number)
    assert (message.state, message.handed) == ("in_doubt", 1)
    assert message.next_try_at is not None
    post.deliver("2026-03-18 10:00", way)
    assert (state(post, number).handed, state(post, number).next_try_at) == (2, None)


def test_where_repeating_cannot_double_doubt_is_simply_tried_again(post: Post) -> None:
    one(post)
    way = Awkward([InDoubt("no answer")] * 3, behind=True, repeatable=True)
    for minute in (0, 15, 30, 45):
        post.deliver(at(NINE) + timedelta(minutes=minute), way)
    assert state(post).state == "sent"


def test_a_claim_left_behind_is_taken_over_after_its_lease(post: Post) -> None:
    one(post)
    with store.writing(post.engine) as session:
        claim = claims.claim(session, at(NINE), "dead", LEASE)
    assert claim is not None
    way = Awkward()
    assert post.deliver(at(NINE) + LEASE - timedelta(seconds=1), way).sent == 0
    assert post.deliver(at(NINE) + LEASE, way).sent == 1


def test_a_hand_over_left_behind_is_in_doubt_after_its_lease(tmp_path: Path) -> None:
    post, number = urgent(tmp_path)
    with store.writing(post.engine) as session:
        claim = claims.claim(session, at(STATUTORY), "dead", LEASE)
        assert claim is not None
        assert claims.fence(session, claim, at(STATUTORY), LEASE)
    later = at(STATUTORY) + LEASE
    way = Awkward()
    post.deliver(later, way)
    assert (state(post, number).state, way.handed) == ("in_doubt", [])
    post.deliver(later + claims.REPEAT_AFTER, way)
    assert (state(post, number).state, len(way.handed)) == ("sent", 1)


def test_who_slept_past_the_lease_cannot_hand_over(post: Post) -> None:
    one(post)
    with store.writing(post.engine) as session:
        sleeper = claims.claim(session, at(NINE), "sleeper", LEASE)
    assert sleeper is not None
    awake = at(NINE) + LEASE
    with store.writing(post.engine) as session:
        assert not claims.fence(session, sleeper, awake, LEASE)
    post.deliver(awake, Awkward(), owner="other")
    with store.writing(post.engine) as session:
        assert not claims.fence(session, sleeper, at(NINE), LEASE)
        claims.put_back(session, sleeper, awake, "late", fenced=False)
        assert not claims.fail(session, sleeper, awake, "late")
    assert state(post).state == "sent"


def test_who_slept_past_the_lease_cannot_disturb_who_has_it_now(post: Post) -> None:
    one(post)
    with store.writing(post.engine) as session:
        sleeper = claims.claim(session, at(NINE), "sleeper", LEASE)
    assert sleeper is not None
    awake = at(NINE) + LEASE
    with store.writing(post.engine) as session:
        claims.recover(session, awake, repeatable=False)
        other = claims.claim(session, awake, "other", LEASE)
        assert other is not None
        assert not claims.fence(session, sleeper, awake, LEASE)
        claims.put_back(session, sleeper, awake, "late", fenced=False)
        assert not claims.fail(session, sleeper, awake, "late")
        assert not claims.sent(session, sleeper, awake, "250 late")
        assert claims.fence(session, other, awake, LEASE)
        claims.doubt(session, sleeper, awake, "late", repeatable=False)
        assert claims.sent(session, other, awake, "250")
    assert (state(post).state, state(post).reply) == ("sent", "250")


def test_a_repetition_left_behind_before_the_fence_is_still_in_doubt(tmp_path: Path) -> None:
    post, number = urgent(tmp_path)
    post.deliver(STATUTORY, Awkward([InDoubt("no answer")], behind=True))
    again = at(STATUTORY) + claims.REPEAT_AFTER
    with store.writing(post.engine) as session:
        assert claims.claim(session, again, "dead", LEASE) is not None
        claims.recover(session, again + LEASE, repeatable=False)
    assert (state(post, number).state, state(post, number).handed) == ("in_doubt", 1)
    post.deliver(again + LEASE, way := Awkward())
    assert (state(post, number).state, len(way.handed)) == ("sent", 1)


def test_a_receipt_that_comes_after_the_lease_settles_the_doubt(tmp_path: Path) -> None:
    post, number = urgent(tmp_path)
    with store.writing(post.engine) as session:
        slow = claims.claim(session, at(STATUTORY), "slow", LEASE)
        assert slow is not None
        assert claims.fence(session, slow, at(STATUTORY), LEASE)
    post.deliver(at(STATUTORY) + LEASE, Awkward(), owner="other")
    assert state(post, number).state == "in_doubt"
    with store.writing(post.engine) as session:
        assert claims.sent(session, slow, at(STATUTORY) + LEASE, "250 late")
    way = Awkward()
    post.deliver("2026-03-18 12:00", way, owner="other")
    assert (state(post, number).state, way.handed) == ("sent", [])


@pytest.mark.parametrize("passed", [False, True])
def test_a_late_receipt_stops_a_repetition_that_has_begun(tmp_path: Path, passed: bool) -> None:
    """Another process has taken the mail to repeat it, and has or has not passed its fence."""
    post, number = urgent(tmp_path)
    other = at(STATUTORY) + LEASE + claims.REPEAT_AFTER

    def meanwhile() -> None:
        with store.writing(post.engine) as session:
            claims.recover(session, at(STATUTORY) + LEASE, repeatable=False)
        with store.writing(post.engine) as session:
            taken = claims.claim(session, other, "other", LEASE)
            assert taken is not None
            again.append(taken)
            if passed:
                assert claims.fence(session, taken, other, LEASE)

    again: list[claims.Claim] = []
    way = Awkward()
    way.during = meanwhile
    assert post.deliver(STATUTORY, way).sent == 1
    assert (state(post, number).state, state(post, number).handed) == ("sent", 1 + passed)
    with store.writing(post.engine) as session:
        assert not claims.fence(session, again[0], other, LEASE)
        claims.doubt(session, again[0], other, "no answer", repeatable=False)
        claims.recover(session, other + LEASE, repeatable=False)
    assert state(post, number).state == "sent"


def test_two_claims_at_once_take_two_mails(post: Post) -> None:
    with store.writing(post.engine) as session:
        found = [claims.claim(session, at(NINE), owner, LEASE) for owner in ("a", "b", "c")]
    assert [claim.owner if claim else None for claim in found] == ["a", "b", None]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].id != found[1].id


def test_the_statutory_go_first(post: Post) -> None:
    last = post.messages()[-1]
    post.set(last.id or 0, statutory=True)
    way = Awkward()
    post.deliver(NINE, way)
    assert way.handed[0].recipient == last.recipient


def test_a_reminder_that_could_not_leave_before_its_date_expires(post: Post) -> None:
    one(post)
    post.deliver("2026-03-20 23:59", Awkward([Unreachable("down")]))
    assert state(post).state == "ready"
    way = Awkward()
    assert post.deliver("2026-03-21 00:02", way).expired == 1
    assert (state(post).state, way.handed) == ("expired", [])


def test_a_mail_server_that_is_down_for_three_days_loses_nothing(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.pass_by("2026-03-23 09:00", Awkward([Unreachable("down")] * 1000))
    now, end = at("2026-03-23 09:00"), at("2026-03-26 09:00")
    down = Awkward([Unreachable("down")] * 1000)
    while now < end:
        now += timedelta(minutes=30)
        post.deliver(now, down)
    assert set(post.states()) == {"ready"}
    post.deliver(end + timedelta(hours=2), way := Awkward())
    assert set(post.states()) == {"sent"}
    assert len(way.handed) == len(post.messages())


def test_an_unreachable_server_is_asked_once_a_round(post: Post) -> None:
    way = Awkward([Unreachable("down")] * 10)
    assert post.deliver(NINE, way).put_back == 1
    assert len(way.steps) == 9


def test_a_fault_of_the_relay_pauses_the_queue_and_burns_nothing(post: Post) -> None:
    way = Awkward([RelayFault("535 no")] * 2)
    assert post.deliver(NINE, way).paused == "535 no"
    assert post.states() == ["ready", "ready"]
    assert post.deliver("2026-03-06 09:00", way).paused == "535 no"
    assert len(way.steps) == 1
    post.deliver("2026-03-06 09:01", way)  # one mail finds out
    assert way.steps == []
    with store.reading(post.engine) as session:
        held = pause.current(session)
    assert held is not None
    assert (held.since, held.until) == (at(NINE), at("2026-03-06 09:07"))
    assert post.deliver("2026-03-06 09:07", way).sent == 2
    with store.reading(post.engine) as session:
        assert pause.current(session) is None


@dataclass(frozen=True)
class Holder:
    office: str
    email: str


@dataclass(frozen=True)
class People:
    """Who holds which role, by institution and role."""

    known: dict[tuple[str, str], list[str]]

    def holders(self, institution: str, role: str, on: date) -> list[Holder]:
        return [Holder("办公室", one) for one in self.known.get((institution, role), [])]


def peopled(folder: Path, **known: list[str]) -> Post:
    """Return a house with these contacts, named ``institution_role``."""
    people = People({tuple(k.split("_")): v for k, v in known.items()})  # type: ignore[misc]
    return Post(folder, base=replace(WORLD, contacts=people, placeholders=False))


def test_a_refused_mailbox_hands_on_to_the_next_contact(tmp_path: Path) -> None:
    post = peopled(
        tmp_path,
        da_liaison=["a@da.example"], da_leader=["boss@da.example"],
        xiao_liaison=["x@xiao.example"], shi_coordinator=["c@shi.example"],
    )  # fmt: skip
    post.pass_by(NINE, Awkward([Rejected("550 5.1.1 no such user")]))
    post.gather("2026-03-06 09:05")
    failed, _, replacement = post.messages()
    assert (failed.state, failed.recipient) == ("failed", "a@da.example")
    assert (replacement.recipient, replacement.role) == ("boss@da.example", "leader")
    assert "原收件邮箱 a@da.example 拒收，改送本邮箱" in text_of(replacement)
    post.deliver("2026-03-06 09:05", Awkward([Rejected("550 5.1.1 no such user")]))
    post.gather("2026-03-06 09:10")
    assert post.messages()[-1].recipient == "c@shi.example"
    post.deliver("2026-03-06 09:10", Awkward([Rejected("550 5.1.1 no such user")]))
    assert post.gather("2026-03-06 09:15").composed == 0  # nobody is left; it stays listed


def test_an_institution_that_was_reached_otherwise_is_left_alone(tmp_path: Path) -> None:
    post = peopled(
        tmp_path, da_liaison=["a@da.example", "b@da.example"], da_leader=["boss@da.example"],
        xiao_liaison=["x@xiao.example"],
    )  # fmt: skip
    post.pass_by(NINE, Awkward([Rejected("550 5.1.1 no such user")]))
    assert post.gather("2026-03-06 09:05").composed == 0
    assert sorted(post.states()) == ["failed", "sent", "sent"]


def test_five_equal_refusals_pause_the_queue(tmp_path: Path) -> None:
    names = [f"u{n}@da.example" for n in range(8)]
    post = peopled(tmp_path, da_liaison=names, xiao_liaison=["x@xiao.example"])
    way = Awkward([Rejected(f"554 5.7.1 <{name}>: relay access denied") for name in names])
    assert post.pass_by(NINE, way).failed == 5
    assert post.states().count("ready") == 4
    with store.reading(post.engine) as session:
        held = pause.current(session)
    assert held is not None
    assert "relay access denied" in held.reason
    # what is tried while it stands still is not burnt either
    post.deliver("2026-03-06 09:01", way)
    assert post.states().count("failed") == 5
    post.deliver("2026-03-06 12:00", Awkward())
    assert post.states().count("sent") == 4


def test_different_refusals_do_not_pause_it(tmp_path: Path) -> None:
    names = [f"u{n}@da.example" for n in range(6)]
    post = peopled(tmp_path, da_liaison=names, xiao_liaison=["x@xiao.example"])
    way = Awkward([Rejected(f"550 5.1.{n % 2} {name} unknown") for n, name in enumerate(names)])
    assert post.pass_by(NINE, way).failed == 6
    assert post.states().count("sent") == 1


def test_an_error_of_our_own_in_a_transport_loses_no_mail(post: Post) -> None:
    one(post)
    post.deliver(NINE, Awkward([RuntimeError("bug")]))
    assert (state(post).state, state(post).handed) == ("ready", 0)
    post.deliver("2026-03-06 09:01", Awkward([RuntimeError("bug")], behind=True))
    assert (state(post).state, state(post).handed) == ("in_doubt", 1)


def test_a_crash_while_handing_over_is_found_again(tmp_path: Path) -> None:
    post, number = urgent(tmp_path)

    class Killed(BaseException):
        pass

    with pytest.raises(BaseException) as caught:
        post.deliver(STATUTORY, Awkward([Killed()], behind=True))  # type: ignore[list-item]
    assert isinstance(caught.value, Killed | BaseExceptionGroup)
    assert state(post, number).state == "handing"
    post.deliver(at(STATUTORY) + LEASE, Awkward())
    assert state(post, number).state == "in_doubt"


def test_several_carriers_send_each_mail_once(tmp_path: Path) -> None:
    names = [f"u{n}@da.example" for n in range(20)]
    post = peopled(tmp_path, da_liaison=names, xiao_liaison=["x@xiao.example"])
    way = Awkward(carriers=4)
    assert post.pass_by(NINE, way).sent == 21
    assert len({envelope.recipient for envelope in way.handed}) == len(way.handed) == 21


def test_every_notice_is_listed_in_exactly_one_place(tmp_path: Path) -> None:
    post = peopled(tmp_path, da_liaison=["a@da.example"])  # nobody at xiao, nobody above
    post.tick(NINE)
    with store.reading(post.engine) as session:
        assert [row["state"] for row in listed(session, "planned")] == ["planned"]
    post.gather(NINE)
    post.deliver(NINE, Recorder())
    for day in ("03-18", "03-23", "03-27", "04-03"):
        post.pass_by(f"2026-{day} 09:00")
    with store.reading(post.engine) as session:
        rows = listed(session)
        total = len(session.execute(NOTICES.select()).all())
        messages = len(session.execute(MESSAGES.select()).all())
        assert listed(session, "sent") == [row for row in rows if row["state"] == "sent"]
    assert sum(len(row["items"]) for row in rows) == total
    assert sum(row["id"] is not None for row in rows) == messages
    unsent = [row for row in rows if row["state"] == "unsent"]
    assert {row["reason"] for row in unsent} == {"无人可送"}
    assert {item["rung"] for row in unsent for item in row["items"]} == {
        "after-5wd", "after-10wd",
    }  # fmt: skip


def test_backoff_spreads_only_the_hourly_tries() -> None:
    assert [backoff(n, "<a@x>") for n in (1, 2, 3, 4)] == [
        timedelta(minutes=n) for n in (1, 6, 20, 60)
    ]
    assert backoff(9, "<a@x>") == backoff(9, "<a@x>")
    assert backoff(9, "<a@x>") != backoff(9, "<b@x>")


def test_a_mail_keeps_its_date_of_composition(post: Post) -> None:
    message = one(post)
    assert read(message.body)["Date"].datetime == at(NINE)
    assert read(message.body)["Date"].datetime.utcoffset() == at(NINE).astimezone(ZONE).utcoffset()
    assert PLAN in text_of(message)
