"""What the store forgot is learned from the journal: nothing goes out twice, nothing is left out."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from notifications import claims
from notifications.catching_up import catch_up, unknown
from notifications.desk import Desk, Outcome
from notifications.transport import Deferred, InDoubt, Rejected
from scheduler import store
from scheduler.queries import AUDIT
from tests.notifications.post import LEASE, Awkward, Post
from tests.notifications.test_gather import SECOND, TWO
from tests.notifications.test_outbox import peopled
from tests.scheduler.house import PLAN, WORKFLOW, at, found

NINE = "2026-03-06 09:00"
STATUTORY = "2026-03-18 09:00"


def recipients(way: Awkward) -> list[str]:
    return [envelope.recipient for envelope in way.handed]


def state_of(post: Post) -> dict[str, tuple[str, int, object]]:
    return {m.recipient: (m.state, m.handed, m.next_try_at) for m in post.messages()}


def test_nothing_that_went_out_goes_out_again(tmp_path: Path) -> None:
    post = Post(tmp_path)
    saved = post.backup()
    way = Awkward()
    post.round(NINE, way, post.desk())
    before = post.messages()
    assert len(way.handed) == 2
    post.restore(saved)
    assert post.messages() == []
    post.round("2026-03-06 11:00", way, post.desk("next"), "next")
    post.round("2026-03-09 09:00", way, post.desk("next"), "next")
    assert len(way.handed) == 2
    after = post.messages()
    assert [(m.message_id, m.body, m.state, m.reply, m.finished_at) for m in after] == [
        (m.message_id, m.body, "sent", "250 ok", m.finished_at) for m in before
    ]
    assert {n.message_id for n in post.notices(PLAN)} == {m.id for m in after}
    assert all(m.reason and "交付日志" in m.reason for m in after)


def test_who_was_not_reached_before_is_reached_now(tmp_path: Path) -> None:
    """The rung was planned for two; one of them had been mailed when the store was lost."""
    post = Post(tmp_path)
    saved = post.backup()
    post.tick(NINE)
    post.gather(NINE)
    second = post.messages()[1]
    post.set(second.id or 0, state="held", next_try_at=None)
    way = Awkward()
    post.deliver(NINE, way, desk=post.desk())
    assert recipients(way) == ["liaison@da.example"]
    post.restore(saved)
    post.round("2026-03-09 09:30", way, post.desk("next"), "next")
    assert recipients(way) == ["liaison@da.example", "liaison@xiao.example"]
    post.round("2026-03-09 10:30", way, post.desk("next"), "next")
    assert len(way.handed) == 2
    post.round(STATUTORY, way, post.desk("next"), "next")
    assert len(way.handed) == 4  # the ladder goes on for both


def test_what_was_composed_before_the_backup_is_sent_by_what_the_journal_says(
    tmp_path: Path,
) -> None:
    post = Post(tmp_path)
    post.tick(NINE)
    post.gather(NINE)
    saved = post.backup()
    way = Awkward()
    post.deliver(NINE, way, desk=post.desk())
    post.restore(saved)
    assert post.states() == ["ready", "ready"]
    post.round("2026-03-06 09:10", way, post.desk("next"), "next")
    assert len(way.handed) == 2
    assert state_of(post) == {
        "liaison@da.example": ("sent", 1, None), "liaison@xiao.example": ("sent", 1, None),
    }  # fmt: skip


@pytest.mark.parametrize("composed", [False, True])
def test_what_may_have_gone_out_waits_for_the_admin_statutory_or_not(
    tmp_path: Path, composed: bool
) -> None:
    post = Post(tmp_path)
    if composed:
        post.tick(STATUTORY)
        post.gather(STATUTORY)
    saved = post.backup()
    way = Awkward([InDoubt("no answer")] * 2, behind=True)
    post.round(STATUTORY, way, post.desk())
    assert len(way.handed) == 2
    post.restore(saved)
    for when in ("2026-03-18 09:05", "2026-03-18 09:30", "2026-03-19 09:00"):
        post.round(when, way, post.desk("next"), "next")
    assert len(way.handed) == 2
    assert set(state_of(post).values()) == {("in_doubt", 1, None)}
    assert all("管理员" in (m.reason or "") for m in post.messages())


def test_a_crash_at_the_point_of_no_return_counts_as_handed_over(tmp_path: Path) -> None:
    post = Post(tmp_path)
    saved = post.backup()

    class Killed(BaseException):
        pass

    way = Awkward([Killed()], behind=True)  # type: ignore[list-item]
    with pytest.raises(BaseException):  # noqa: B017
        post.round(NINE, way, post.desk())
    post.restore(saved)
    post.round("2026-03-06 09:10", way, post.desk("next"), "next")
    assert recipients(way) == ["liaison@da.example", "liaison@xiao.example"]
    assert state_of(post)["liaison@da.example"] == ("in_doubt", 1, None)


def test_what_was_surely_refused_may_be_tried_again(tmp_path: Path) -> None:
    post = Post(tmp_path)
    saved = post.backup()
    post.round(NINE, Awkward([Deferred("451")] * 2, behind=True), post.desk())
    post.restore(saved)
    way = Awkward()
    post.round("2026-03-06 09:10", way, post.desk("next"), "next")
    assert len(way.handed) == 2


def test_a_repetition_that_the_store_forgot_is_not_repeated(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.round(STATUTORY, Awkward([InDoubt("?")] * 2, behind=True), post.desk())
    saved = post.backup()
    way = Awkward([InDoubt("?")] * 2, behind=True)
    post.round("2026-03-18 09:15", way, post.desk("two"), "two")
    assert len(way.handed) == 2
    post.restore(saved)
    post.round("2026-03-18 09:30", way, post.desk("next"), "next")
    assert len(way.handed) == 2
    assert set(state_of(post).values()) == {("in_doubt", 2, None)}


def test_a_receipt_that_never_reached_the_store_is_found_in_the_journal(tmp_path: Path) -> None:
    """Killed between 250 and commit: the journal has the answer, whoever looks."""
    post = Post(tmp_path)
    post.tick(STATUTORY)
    post.gather(STATUTORY)
    desk = post.desk()
    with store.writing(post.engine) as session:
        one = claims.claim(session, at(STATUTORY), "me", LEASE)
        assert one is not None
        assert claims.fence(session, one, at(STATUTORY), LEASE)
    desk.hand(one, at(STATUTORY), {"notices": []})
    desk.answer(Outcome(one, at(STATUTORY), "250 mine", fenced=True))
    way = Awkward()
    post.round("2026-03-18 09:01", way, post.desk("other"), "other")
    assert recipients(way) == ["liaison@xiao.example"]
    first = post.messages()[0]
    assert (first.state, first.reply, first.reason) == ("sent", "250 mine", None)
    post.round("2026-03-18 12:00", way, post.desk("other"), "other")
    assert len(way.handed) == 1


def killed_after_refusal(post: Post, when: str, reply: str) -> None:
    """Let a process hand over the first mail, be refused, and die before it told the store."""
    desk = post.desk()
    with store.writing(post.engine) as session:
        one = claims.claim(session, at(when), "me", LEASE)
        assert one is not None
        assert claims.fence(session, one, at(when), LEASE)
    desk.hand(one, at(when), {"notices": []})
    desk.answer(Outcome(one, at(when), reply, Deferred(reply), fenced=True))


@pytest.mark.parametrize("when", ["2026-03-06 09:01", "2026-03-06 09:30"])
def test_a_refusal_that_never_reached_the_store_leaves_no_doubt(tmp_path: Path, when: str) -> None:
    """Killed between 451 and commit; ``when`` is within the lease, and beyond it."""
    post = Post(tmp_path)
    post.tick(NINE)
    post.gather(NINE)
    killed_after_refusal(post, NINE, "451 4.3.0 later")
    if when == "2026-03-06 09:30":
        with store.writing(post.engine) as session:
            claims.recover(session, at(when), repeatable=False)
        assert post.states() == ["in_doubt", "ready"]
    found = catch_up(post.engine, [tmp_path / "journal"], at(when), post.world)
    assert (found.sent, found.in_doubt, found.refused) == (0, 0, 1)
    first = post.messages()[0]
    assert (first.state, first.handed, first.owner, first.lease_until) == ("ready", 0, None, None)
    assert first.next_try_at == at(when) + timedelta(minutes=1)
    assert (first.reply, first.reason) == ("451 4.3.0 later", None)
    way = Awkward()
    post.round("2026-03-06 10:00", way, post.desk("next"), "next")
    assert sorted(recipients(way)) == ["liaison@da.example", "liaison@xiao.example"]
    assert set(post.states()) == {"sent"}


def test_a_lasting_refusal_that_never_reached_the_store_goes_to_the_next_contact(
    tmp_path: Path,
) -> None:
    post = peopled(
        tmp_path,
        da_liaison=["a@da.example"], da_leader=["boss@da.example"],
        xiao_liaison=["x@xiao.example"],
    )  # fmt: skip
    post.tick(NINE)
    post.gather(NINE)
    killed_after_refusal(post, NINE, "554 5.7.1 not wanted")
    way = Awkward()
    post.round("2026-03-06 09:01", way, post.desk("next"), "next")
    assert sorted(recipients(way)) == ["boss@da.example", "x@xiao.example"]
    first = post.messages()[0]
    assert (first.state, first.reply) == ("failed", "554 5.7.1 not wanted")
    post.round("2026-03-06 12:00", way, post.desk("next"), "next")
    assert len(way.handed) == 2


def test_a_refusal_of_one_try_says_nothing_of_the_next(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.tick(NINE)
    post.gather(NINE)
    killed_after_refusal(post, NINE, "451 4.3.0 later")
    first = post.messages()[0]
    post.set(first.id or 0, attempt=2, owner="other")  # as another process would have it
    found = catch_up(post.engine, [tmp_path / "journal"], at("2026-03-06 09:01"), post.world)
    assert found.refused == 0
    assert post.states() == ["handing", "ready"]


def test_a_refusal_that_two_processes_tell_counts_once(tmp_path: Path) -> None:
    """Another process reads it in the journal before the one that was refused has said so."""
    post = peopled(
        tmp_path,
        da_liaison=["a@da.example"], da_leader=["boss@da.example"],
        xiao_liaison=["x@xiao.example"],
    )  # fmt: skip
    desk = post.desk()
    usual = desk.answer

    def overheard(outcome: Outcome) -> None:
        usual(outcome)
        catch_up(post.engine, [tmp_path / "journal"], outcome.at, post.world)

    desk.answer = overheard  # type: ignore[method-assign]
    way = Awkward([Rejected("554 5.7.1 not wanted")], behind=True)
    post.round(NINE, way, desk)
    post.round("2026-03-06 09:05", way, desk)
    assert sorted(recipients(way)) == ["a@da.example", "boss@da.example", "x@xiao.example"]
    assert sorted(post.states()) == ["failed", "sent", "sent"]


def test_a_mail_in_the_hands_of_a_living_process_is_left_to_it(tmp_path: Path) -> None:
    post = Post(tmp_path)
    desk, other = post.desk(), post.desk("other")
    way = Awkward()
    way.during = lambda: learned.append(
        catch_up(post.engine, [tmp_path / "journal"], at(NINE), post.world)
    )
    learned: list[object] = []
    post.round(NINE, way, desk)
    assert post.states() == ["sent", "sent"]
    assert [(found.sent, found.in_doubt) for found in learned] == [(0, 0)] * 2  # type: ignore[attr-defined]
    assert other.journal is not None


def test_catching_up_twice_learns_nothing_new(tmp_path: Path) -> None:
    post = Post(tmp_path)
    saved = post.backup()
    post.round(NINE, Awkward(), post.desk())
    post.restore(saved)
    folder = [tmp_path / "journal"]
    first = catch_up(post.engine, folder, at("2026-03-06 10:00"), post.world)
    assert (first.sent, first.in_doubt) == (2, 0)
    again = catch_up(post.engine, folder, at("2026-03-06 10:01"), post.world)
    assert (again.sent, again.in_doubt) == (0, 0)
    with store.reading(post.engine) as session:
        logged = session.execute(AUDIT.select().where(AUDIT.c.action == "journal")).all()
    assert len(logged) == 2


def test_machines_without_a_common_folder_bring_their_journals_together(tmp_path: Path) -> None:
    post = Post(tmp_path)
    saved = post.backup()
    one, two = tmp_path / "one", tmp_path / "two"
    way = Awkward()
    post.tick(NINE)
    post.gather(NINE)
    for folder, chosen in ((one, 0), (two, 1)):
        desk = post.desk(folder.name)
        assert desk.journal is not None
        desk.journal.folder = folder
        others = [m for n, m in enumerate(post.messages()) if n != chosen and m.state == "ready"]
        for message in others:
            post.set(message.id or 0, state="held")
        post.deliver(NINE, way, folder.name, desk)
        for message in others:
            post.set(message.id or 0, state="ready")
    assert len(way.handed) == 2
    catch_up(post.engine, [one, two], at(NINE), post.world)
    with store.reading(post.engine) as session:
        assert unknown(session, one) == ["two-2026-03.jsonl"]
    post.restore(saved)
    found = catch_up(post.engine, [one, two], at("2026-03-06 10:00"), post.world)
    assert found.sent == 2
    shutil.copytree(two, one, dirs_exist_ok=True)  # or copied into one folder
    with store.reading(post.engine) as session:
        assert unknown(session, one) == []
    assert catch_up(post.engine, [one], at("2026-03-06 10:00"), post.world).sent == 0


def test_a_mail_that_waited_with_what_another_mail_said_gives_way(tmp_path: Path) -> None:
    """The backup has a digest of two; what was sent was its successor with one of them."""
    post = Post(tmp_path)
    post.edit(found(WORKFLOW, TWO), "2026-03-02 09:00")
    post.tick(NINE)
    post.gather(NINE)
    saved = post.backup()
    post.say(PLAN, "completed", "2026-03-06 09:10")
    way = Awkward()
    post.round("2026-03-06 09:20", way, post.desk())
    sent = [m for m in post.messages() if m.recipient == "liaison@da.example"]
    assert [(m.state, m.sequence) for m in sent] == [("cancelled", 0), ("sent", 1)]
    count = len(way.handed)
    post.restore(saved)
    post.round("2026-03-06 09:30", way, post.desk("next"), "next")
    mine = [m for m in post.messages() if m.recipient == "liaison@da.example"]
    assert [(m.state, m.sequence) for m in mine] == [("cancelled", 0), ("sent", 1)]
    (second,) = [n for n in post.notices(SECOND) if n.recipient == "liaison@da.example"]
    assert second.message_id == mine[1].id
    # That the plan was completed is forgotten; it is told with the next digest of another day.
    assert "liaison@da.example" not in recipients(way)[count:]
    (waiting,) = [n for n in post.notices(PLAN) if n.recipient == "liaison@da.example"]
    assert (waiting.message_id, waiting.reason) == (None, None)


def test_a_mail_composed_before_the_journal_was_at_hand_gives_way_too(tmp_path: Path) -> None:
    """The same digest under another Message-ID, for the sender's address had changed."""
    post = Post(tmp_path)
    saved = post.backup()
    way = Awkward()
    post.round(NINE, way, post.desk())
    post.restore(saved)
    post.base = replace(post.base, mail_from="other@y.example")
    post.known = None
    post.tick("2026-03-06 10:00")
    post.gather("2026-03-06 10:00")
    post.round("2026-03-06 10:01", way, post.desk("next"), "next")
    assert len(way.handed) == 2
    mine = [m for m in post.messages() if m.recipient == "liaison@da.example"]
    assert [(m.state, m.sequence) for m in mine] == [("cancelled", 0), ("sent", 1)]


def test_an_edit_that_was_forgotten_and_is_applied_again_tells_nobody_twice(
    tmp_path: Path,
) -> None:
    post = Post(tmp_path)
    desk, way = post.desk(), Awkward()
    post.round(NINE, way, desk)
    saved = post.backup()
    later = found(WORKFLOW.replace("on: 2026-03-20", "on: 2026-03-27"))
    post.edit(later, "2026-03-09 08:00")
    post.round("2026-03-09 09:00", way, desk)
    assert len(way.handed) == 4
    post.restore(saved)
    post.round("2026-03-10 09:00", way, post.desk("next"), "next")
    post.edit(later, "2026-03-10 10:00")
    post.round("2026-03-11 09:00", way, post.desk("next"), "next")
    assert len(way.handed) == 4
    assert {n.due for n in post.notices(PLAN) if n.rung == "changed"} == {date(2026, 3, 27)}


def test_a_journal_that_cannot_be_read_stops_the_round(tmp_path: Path) -> None:
    post = Post(tmp_path)
    folder = tmp_path / "journal"
    (folder / "a-2026-03.jsonl").mkdir(parents=True)
    way = Awkward()
    with pytest.raises(OSError, match="directory"):
        post.round(NINE, way, post.desk())
    assert way.handed == []


def test_without_a_journal_a_round_is_what_it_was(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.round(NINE, Awkward(), Desk())
    assert post.states() == ["sent", "sent"]
    assert not (tmp_path / "journal").exists()
