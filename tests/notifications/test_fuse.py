"""The burst fuse: what nobody foresaw is held; great days, standstill and adoption are not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from notifications import fuse
from notifications.gather import GatherReport
from notifications.recorder import Recorder
from scheduler import store
from scheduler.proposing import Candidates, candidates
from scheduler.queries import AUDIT
from tests.delivery.town import WORKFLOW, Town
from tests.notifications.post import WORLD, Post
from tests.scheduler.house import at, found

PAIRS = 60
TOWN = Town(PAIRS)
SOON = WORKFLOW.replace("on: 2026-03-20", "on: 2026-03-12").replace("3月20日", "3月12日")
FAR = WORKFLOW.replace("on: 2026-03-20", "on: 2026-05-20").replace("3月20日", "5月20日")
ADMIN = "admin@x.example"


def town(text: str = WORKFLOW, with_house: bool = False) -> Candidates:
    """Return a town of PAIRS pairs, with the small house beside it or alone."""
    texts = {"town-2026": (text, TOWN.tables())}
    if with_house:
        texts |= {name: (one, dict(more)) for name, (one, more) in found().texts.items()}
    return candidates(texts)


class Burst(Post):
    """A house that has applied the town's document; each day has its round."""

    def __init__(self, folder: Path, text: str = WORKFLOW, adopted: str = "2026-03-02") -> None:
        base = replace(WORLD, contacts=TOWN.contacts(), placeholders=False, admin=ADMIN)
        super().__init__(folder, base=base)
        self.edit(town(text), f"{adopted} 08:00")

    def day(self, day: str | date) -> GatherReport:
        """Plan, compose and deliver on the morning of a day."""
        morning = f"{day} 09:00"
        self.tick(morning)
        report = self.gather(morning)
        self.deliver(morning, Recorder())
        return report

    def until(self, first: str, last: str) -> None:
        """Let the mornings pass from one day to another, both included."""
        day = date.fromisoformat(first)
        while day <= date.fromisoformat(last):
            self.day(day)
            day += timedelta(days=1)

    @property
    def tripped(self) -> str | None:
        with store.reading(self.engine) as session:
            current = fuse.current(session)
        return current.reason if current else None

    def counts(self) -> Counter[tuple[str, bool]]:
        """Return how many mails to people are in each state, by whether they are statutory."""
        return Counter((m.state, m.statutory) for m in self.messages() if m.role != "alarm")

    def release(self, when: str) -> int:
        with store.writing(self.engine) as session:
            return fuse.release(session, at(when), self.world, "测试")


def test_a_great_day_that_stood_in_the_ladders_is_no_burst(tmp_path: Path) -> None:
    post = Burst(tmp_path)
    post.until("2026-03-03", "2026-03-06")
    assert post.counts() == {("sent", False): 2 * PAIRS}
    post.until("2026-03-07", "2026-04-03")
    assert post.tripped is None
    assert {state for state, _ in post.counts()} == {"sent"}


@pytest.mark.parametrize("days", [1, 5, 12, 30])
def test_standing_still_for_days_is_no_burst(tmp_path: Path, days: int) -> None:
    post = Burst(tmp_path)
    post.until("2026-03-02", "2026-03-05")
    post.day(date(2026, 3, 5) + timedelta(days=days))
    assert post.tripped is None
    assert {state for state, _ in post.counts()} <= {"sent"}


def test_a_first_adoption_is_no_burst(tmp_path: Path) -> None:
    house = Post(tmp_path, base=replace(WORLD, contacts=TOWN.contacts(), placeholders=False))
    for day in ("02", "03", "04", "05"):
        house.pass_by(f"2026-03-{day} 09:00")
    # Its first rung is the next morning; nothing of it was foreseen.
    house.edit(town(with_house=True), "2026-03-10 19:00")
    house.pass_by("2026-03-11 09:00")
    with store.reading(house.engine) as session:
        assert fuse.current(session) is None
    assert Counter(house.states()) == {"sent": 2 * PAIRS}


def test_an_adoption_whose_day_comes_later_is_no_burst(tmp_path: Path) -> None:
    house = Post(tmp_path, base=replace(WORLD, contacts=TOWN.contacts(), placeholders=False))
    for day in ("04", "05"):
        house.pass_by(f"2026-03-{day} 09:00")
    house.edit(town(with_house=True), "2026-03-05 10:00")  # its first rung is on the 6th
    house.pass_by("2026-03-05 10:05")
    house.pass_by("2026-03-06 09:00")
    with store.reading(house.engine) as session:
        assert fuse.current(session) is None


def test_a_bad_edit_is_held_and_the_admin_hears_of_it_once(tmp_path: Path) -> None:
    post = Burst(tmp_path)
    post.until("2026-03-02", "2026-03-03")
    post.edit(town(SOON), "2026-03-03 20:00")
    post.until("2026-03-04", "2026-03-06")
    assert post.tripped == "到今天为止要提醒 60 项，原先只预计 0 项"
    assert post.counts() == {("held", False): 2 * PAIRS}
    held = next(m for m in post.messages() if m.state == "held")
    assert (held.reason, held.next_try_at, held.handed) == (post.tripped, None, 0)
    (alarm,) = [m for m in post.messages() if m.role == "alarm"]
    assert (alarm.recipient, alarm.state) == (ADMIN, "sent")
    with store.reading(post.engine) as session:
        logged = session.execute(AUDIT.select().where(AUDIT.c.action == "fuse")).all()
    assert len(logged) == 1


def test_an_edit_within_the_day_is_held_too(tmp_path: Path) -> None:
    post = Burst(tmp_path)
    post.until("2026-03-02", "2026-03-04")
    post.edit(town(SOON), "2026-03-04 10:00")
    post.pass_by("2026-03-04 10:05")
    assert post.counts() == {("held", False): 2 * PAIRS}


def test_statutory_mail_goes_on_while_the_rest_is_held(tmp_path: Path) -> None:
    post = Burst(tmp_path)
    post.until("2026-03-02", "2026-03-03")
    post.edit(town(SOON), "2026-03-03 20:00")
    post.until("2026-03-04", "2026-03-10")  # before-2wd of the 12th
    assert post.counts() == {("held", False): 2 * PAIRS, ("sent", True): 2 * PAIRS}
    # What was held meanwhile has been overtaken, and drops out when it is released.
    post.release("2026-03-10 10:00")
    post.until("2026-03-10", "2026-03-11")
    assert post.counts() == {("cancelled", False): 2 * PAIRS, ("sent", True): 2 * PAIRS}
    assert {n.reason for n in post.notices() if n.message_id is None} == {"已并入后一档"}


def test_what_is_released_is_looked_at_again(tmp_path: Path) -> None:
    post = Burst(tmp_path)
    post.until("2026-03-02", "2026-03-03")
    post.edit(town(SOON), "2026-03-03 20:00")
    post.day("2026-03-04")
    post.say(TOWN.key(0), "completed", "2026-03-04 10:00")
    assert post.release("2026-03-04 19:00") == 2 * PAIRS - 2
    assert post.tripped is None
    post.day("2026-03-05")
    assert post.counts() == {
        ("sent", False): 2 * PAIRS - 2, ("cancelled", False): 2 * PAIRS,
    }  # fmt: skip
    assert {n.reason for n in post.notices(TOWN.key(0))} == {"已办结"}
    assert post.tripped is None  # what was released is foreseen from then on
    sent = [m for m in post.messages() if m.state == "sent" and m.role == "liaison"]
    assert len({(m.recipient, m.day) for m in sent}) == len(sent)


def test_a_correction_takes_back_what_is_held(tmp_path: Path) -> None:
    post = Burst(tmp_path)
    post.until("2026-03-02", "2026-03-03")
    post.edit(town(SOON), "2026-03-03 20:00")
    post.day("2026-03-04")
    post.edit(town(), "2026-03-04 10:00")  # the right date again
    post.release("2026-03-04 10:05")
    post.until("2026-03-04", "2026-03-06")
    states = post.counts()
    assert states == {("cancelled", False): 2 * PAIRS, ("sent", False): 2 * PAIRS}
    assert not [n for n in post.notices() if n.rung == "changed"]  # nobody was told the wrong one


def test_a_clock_that_jumped_far_ahead_is_held(tmp_path: Path) -> None:
    """Everything beyond the month that was foreseen falls due at once."""
    post = Burst(tmp_path, FAR, "2026-03-02")
    post.until("2026-03-02", "2026-03-03")
    post.day("2026-05-11")  # ten weeks on; the first rung was 05-06
    assert post.tripped == "到今天为止要提醒 60 项，原先只预计 0 项"
    assert {state for state, _ in post.counts()} == {"held"}


def test_a_clock_that_went_back_is_no_burst(tmp_path: Path) -> None:
    post = Burst(tmp_path)
    post.until("2026-03-02", "2026-03-06")
    with store.writing(post.engine) as session:
        assert fuse.judge(session, at("2026-03-06 09:30"), post.world) is None
        assert fuse.judge(session, at("2026-03-05 09:30"), post.world) is None
        assert fuse.judge(session, at("2026-03-06 09:30"), post.world) is None


def test_what_the_journal_brought_back_is_not_counted(tmp_path: Path) -> None:
    post = Burst(tmp_path)
    post.until("2026-03-02", "2026-03-05")
    saved = post.backup()
    way = Recorder()
    post.round("2026-03-06 09:00", way, post.desk())
    post.restore(saved)
    post.round("2026-03-06 10:00", way, post.desk("next"), "next")
    assert post.tripped is None
    assert len(way.handed) == 2 * PAIRS


def test_what_the_journal_brought_back_of_a_forgotten_edit_is_not_counted(tmp_path: Path) -> None:
    post = Burst(tmp_path)
    post.until("2026-03-02", "2026-03-03")
    saved = post.backup()
    post.edit(town(SOON), "2026-03-03 20:00")
    way = Recorder()
    post.round("2026-03-04 09:00", way, post.desk())
    post.release("2026-03-04 09:30")
    post.round("2026-03-04 10:00", way, post.desk(), "me")
    assert len(way.handed) == 2 * PAIRS + 1  # and the alarm
    post.restore(saved)
    post.round("2026-03-04 11:00", way, post.desk("next"), "next")
    assert post.tripped is None
    assert len(way.handed) == 2 * PAIRS + 1


def test_what_was_planned_before_a_release_is_released_with_it(tmp_path: Path) -> None:
    post = Burst(tmp_path)
    post.until("2026-03-02", "2026-03-06")
    with store.writing(post.engine) as session:
        fuse.trip(session, at("2026-03-09 19:00"), post.world, "管理员要看")
    later = WORKFLOW.replace("on: 2026-03-20", "on: 2026-03-27").replace("3月20日", "3月27日")
    post.edit(town(later), "2026-03-09 20:00")  # everybody is to hear of the new date
    post.release("2026-03-09 20:05")
    post.day("2026-03-10")
    assert post.tripped is None
    assert {(m.state, m.day.day) for m in post.messages() if m.day.day == 10} == {("sent", 10)}


def test_a_store_without_a_forecast_is_not_judged(tmp_path: Path) -> None:
    post = Burst(tmp_path)
    post.day("2026-03-06")  # the first round ever
    assert post.tripped is None


def test_a_simulated_year_has_no_fuse(tmp_path: Path) -> None:
    post = Burst(tmp_path)
    post.base = replace(post.base, fused=False)
    post.known = None
    post.until("2026-03-02", "2026-03-03")
    post.edit(town(SOON), "2026-03-03 20:00")
    post.day("2026-03-04")
    assert post.counts() == {("sent", False): 2 * PAIRS}
