"""The hourly proof finds every notice that is not in exactly one state, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.round import Rounds
from notifications import claims, proof
from notifications.monitor import Monitor
from notifications.proof import Message, Notice, violations
from notifications.transport import InDoubt, Rejected, RelayFault
from scheduler import store
from scheduler.queries import AUDIT, MESSAGES, NOTICES, set_mark
from scheduler.tables import Message as Stored
from tests.notifications.post import LEASE, WORLD, Awkward, Post
from tests.scheduler.house import at

NINE = "2026-03-06 09:00"
NOW = at(NINE)
SENT = Message(1, "a@x", "liaison", "sent", None, None, 1, None, NOW)
TOLD = Notice(1, "a@x", 1, None)
READY = SENT._replace(state="ready", handed=0, next_try_at=NOW, finished_at=None)
TAKEN = READY._replace(state="sending", owner="me", lease_until=NOW + LEASE)

SOUND = [
    READY,
    TAKEN,
    TAKEN._replace(state="handing", handed=1),
    READY._replace(state="in_doubt", handed=1, owner="me", next_try_at=None),
    READY._replace(state="held", next_try_at=None),
    SENT,
    SENT._replace(state="failed", handed=0),
    SENT._replace(state="bounced"),
    SENT._replace(state="expired", handed=0),
]
ILLEGAL = [
    (SENT._replace(state="lost"), "没有这种状态"),
    (TAKEN._replace(owner=None), "没有占用者或租约"),
    (TAKEN._replace(lease_until=None), "没有占用者或租约"),
    (TAKEN._replace(lease_until=NOW + timedelta(days=1)), "太远"),
    (TAKEN._replace(lease_until=NOW - timedelta(days=1)), "没有收回"),
    (READY._replace(lease_until=NOW), "却有租约"),
    (READY._replace(next_try_at=None), "没有下次的时间"),
    (READY._replace(handed=1), "却当作没有交出"),
    (READY._replace(state="held", handed=1), "却当作没有交出"),
    (READY._replace(state="in_doubt"), "没有交出过"),
    (SENT._replace(handed=0), "没有交出过"),
    (SENT._replace(finished_at=None), "时间与状态不符"),
    (READY._replace(finished_at=NOW), "时间与状态不符"),
]


def found(notices: list[Notice], *messages: Message) -> list[str]:
    return list(violations(notices, {m.id: m for m in messages}, NOW))


@pytest.mark.parametrize("message", SOUND)
def test_every_state_that_happens_is_legal(message: Message) -> None:
    assert found([TOLD], message) == []


@pytest.mark.parametrize(("message", "said"), ILLEGAL)
def test_every_illegal_state_is_found(message: Message, said: str) -> None:
    (fault,) = found([TOLD], message)
    assert said in fault
    assert fault.startswith("邮件 1")


def test_a_notice_waits_or_is_in_a_mail_or_has_its_reason() -> None:
    assert found([TOLD._replace(message_id=None)]) == []
    assert found([TOLD._replace(message_id=None, reason="已办结")]) == []


@pytest.mark.parametrize(
    ("notice", "message", "said"),
    [
        (TOLD._replace(reason="已办结"), SENT, "又记着未发的原因"),
        (TOLD, SENT._replace(id=2), "不存在"),
        (TOLD, SENT._replace(state="cancelled"), "已作废的邮件"),
        (TOLD, SENT._replace(recipient="b@x"), "却在给 b@x"),
    ],
)
def test_a_notice_in_two_states_or_none_is_found(
    notice: Notice, message: Message, said: str
) -> None:
    (fault,) = found([notice], message)
    assert said in fault


def wreck(post: Post, table: Any, **values: Any) -> None:
    with store.writing(post.engine) as session:
        session.execute(table.update().where(table.c.id == 1).values(**values))


def proofs(post: Post) -> list[str]:
    with store.reading(post.engine) as session:
        rows = session.execute(AUDIT.select().where(AUDIT.c.action == "proof")).all()
    return [row.detail for row in rows]


def test_it_holds_through_everything_that_happens(tmp_path: Path) -> None:
    post = Post(tmp_path)
    ways: list[Awkward] = [
        Awkward([InDoubt("?")], behind=True), Awkward([RelayFault("535")]),
        Awkward([Rejected("550")]), Awkward(),
    ]  # fmt: skip
    for day, way in zip(("03-06", "03-18", "03-23", "03-27"), ways, strict=True):
        post.pass_by(f"2026-{day} 09:00", way)
        with store.reading(post.engine) as session:
            assert proof.prove(session, at(f"2026-{day} 09:01")).wrong == ()
    with store.reading(post.engine) as session:
        proved = proof.prove(session, at("2026-03-27 09:05"))
    assert (proved.notices, proved.messages) == (len(post.notices()), len(post.messages()))


def test_it_runs_once_an_hour_and_is_remembered(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.pass_by(NINE)
    when = ["09:00", "09:59", "10:00"]
    ran = [proof.hourly(post.engine, at(f"2026-03-06 {one}"), post.world) for one in when]
    assert [one is not None for one in ran] == [True, False, True]
    assert proofs(post) == ["2 条提醒、2 封邮件，各在唯一的状态里"] * 2
    with store.reading(post.engine) as session:
        last = proof.last(session)
    assert last is not None
    assert (last.at, last.notices, last.messages, last.wrong) == (
        at("2026-03-06 10:00"), 2, 2, (),
    )  # fmt: skip
    # a clock that was set back does not put it off for long
    assert proof.hourly(post.engine, at("2026-03-06 08:00"), post.world) is not None


@pytest.mark.parametrize(
    "harm",
    [
        lambda post: wreck(post, NOTICES, reason="已办结"),
        lambda post: wreck(post, MESSAGES, state="sending"),
    ],
)
def test_a_violation_is_remembered_logged_and_told(
    tmp_path: Path, harm: Callable[[Post], None]
) -> None:
    post = Post(tmp_path, base=replace(WORLD, admin="admin@x.example"))
    post.pass_by(NINE)
    harm(post)
    found = proof.hourly(post.engine, at("2026-03-06 10:00"), post.world)
    assert found is not None
    assert len(found.wrong) >= 1
    assert "处有误" in proofs(post)[0]
    (alarm,) = alarms(post)
    assert "核对有误" in alarm.subject
    assert proof.hourly(post.engine, at("2026-03-06 11:00"), post.world) is not None
    assert len(alarms(post)) == 1  # once a day


LATER = NOW + timedelta(hours=4)


def alarms(post: Post) -> list[Stored]:
    return [m for m in post.messages() if m.role == "alarm"]


def left_behind(folder: Path) -> Post:
    """Return a house where a process died over two mails, one of them past its fence."""
    post = Post(folder, base=replace(WORLD, admin="admin@x.example"))
    post.tick(NINE)
    post.gather(NINE)
    with store.writing(post.engine) as session:
        first = claims.claim(session, NOW, "dead", LEASE)
        assert first is not None
        assert claims.fence(session, first, NOW, LEASE)
        assert claims.claim(session, NOW, "dead", LEASE) is not None
    return post


def test_a_machine_that_slept_within_its_round_is_no_false_alarm(tmp_path: Path) -> None:
    """Its round took lost leases back before it slept, the next one would again."""
    post = left_behind(tmp_path)
    found = proof.hourly(post.engine, LATER, post.world)
    assert found is not None
    assert found.wrong == ()
    assert alarms(post) == []
    assert post.states() == ["in_doubt", "ready"]


def test_where_lost_leases_are_not_taken_back_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = left_behind(tmp_path)
    monkeypatch.setattr(claims, "recover", lambda *_, **__: 0)
    found = proof.hourly(post.engine, LATER, post.world)
    assert found is not None
    assert len(found.wrong) == 2
    assert all("没有收回" in one for one in found.wrong)
    assert len(alarms(post)) == 1


def test_a_clock_that_is_set_back_within_a_round_is_no_false_alarm(tmp_path: Path) -> None:
    post = left_behind(tmp_path)
    with store.writing(post.engine) as session:
        set_mark(session, "tick", NOW.isoformat())
    found = proof.hourly(post.engine, NOW - timedelta(days=3), post.world)
    assert found is not None
    assert found.wrong == ()
    assert alarms(post) == []


@pytest.mark.parametrize("hours", [7, -3])
def test_what_a_fast_clock_makes_of_an_honest_lease_is_legal(hours: int) -> None:
    taken = TAKEN._replace(lease_until=NOW + timedelta(hours=hours))
    assert len(list(violations([], {1: taken}, NOW))) == 1
    assert len(list(violations([], {1: taken}, NOW, 0.5))) == 1
    assert list(violations([], {1: taken}, NOW, 60)) == []
    stuck = TAKEN._replace(lease_until=NOW + 60 * timedelta(hours=hours))
    assert len(list(violations([], {1: stuck}, NOW, 60))) == 1


def test_a_round_proves_by_the_rate_of_its_clock(tmp_path: Path) -> None:
    post = left_behind(tmp_path)
    post.set(1, lease_until=NOW + timedelta(days=2))
    for rate, wrong in ((1, 1), (60, 0)):
        now = NOW + timedelta(hours=rate)
        Rounds(
            post.engine, lambda now=now: now, lambda: post.world, Awkward(), "me", LEASE,
            post.desk(), Monitor(None), rate,
        ).run()  # fmt: skip
        with store.reading(post.engine) as session:
            found = proof.last(session)
        assert found is not None
        assert (found.at, len(found.wrong)) == (now, wrong)
