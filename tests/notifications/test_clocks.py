"""Standstill, clocks that jump, the edges of days and years: the right mail, once, at its time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from cli.round import one_round
from notifications.recorder import Recorder
from notifications.transport import Deferred
from scheduler import queries, store
from scheduler.extending import extend
from scheduler.hours import sending
from scheduler.ladder import decide, steps
from scheduler.rows import decode
from tests.notifications.post import LEASE, WORLD, Awkward, Post, text_of
from tests.scheduler.house import JUNE, PLAN, WORKDAYS, WORKFLOW, ZONE, at, found
from workflows.workdays import Workdays

LADDER = [
    ("before-14d", "2026-03-06"), ("before-2wd", "2026-03-18"), ("after-1wd", "2026-03-23"),
    ("after-5wd", "2026-03-27"), ("after-10wd", "2026-04-03"),
]  # fmt: skip


class Clockwork(Post):
    """A house whose rounds are those of ``duban serve``: they leave the mark of the last one."""

    def round(self, when: str | datetime, way: Awkward | None = None) -> None:
        now = at(when) if isinstance(when, str) else when
        one_round(self.engine, lambda: now, self.world, way or Recorder(), "me", LEASE)
        with store.writing(self.engine) as session:
            queries.set_mark(session, "tick", now.isoformat())

    def days(self, first: str, last: str) -> None:
        day = date.fromisoformat(first)
        while day <= date.fromisoformat(last):
            self.round(f"{day} 09:00")
            day += timedelta(days=1)

    def told(self, key: str = PLAN) -> Counter[tuple[str, str]]:
        """Return how often which rung of an occurrence was sent to whom."""
        sent = {m.id for m in self.messages() if m.state == "sent"}
        return Counter((n.rung, n.recipient) for n in self.notices(key) if n.message_id in sent)

    def sent_on(self, key: str = PLAN) -> list[tuple[str, str]]:
        days = {m.id: m.day.isoformat() for m in self.messages() if m.state == "sent"}
        pairs = ((n.rung, days[n.message_id or 0]) for n in self.notices(key) if n.message_id in days)
        return sorted(dict.fromkeys(pairs), key=lambda pair: pair[1])


@pytest.fixture
def post(tmp_path: Path) -> Clockwork:
    return Clockwork(tmp_path)


def test_the_whole_ladder_as_mails(post: Clockwork) -> None:
    post.days("2026-03-05", "2026-04-10")
    assert post.sent_on() == LADDER
    assert set(post.told().values()) == {1}


@pytest.mark.parametrize("length", range(1, 31))
def test_standstill_of_any_length_is_one_mail_a_mailbox(post: Clockwork, length: int) -> None:
    post.days("2026-03-05", "2026-03-05")
    back = date(2026, 3, 5) + timedelta(days=length)
    last = back + timedelta(days=1)  # if it is no working day, on the next ones
    while sending(at(f"{last} 09:00"), ZONE, WORKDAYS) != at(f"{last} 09:00"):
        last += timedelta(days=1)
    post.days(back.isoformat(), last.isoformat())
    day = max((d for _, d in post.sent_on()), default=None)
    missed = [rung for rung, on in LADDER if on <= back.isoformat()]
    useful = [r for r in missed if r.startswith("after") or back.isoformat() <= "2026-03-20"]
    if useful and sending(at(f"{back} 09:00"), ZONE, WORKDAYS) == at(f"{back} 09:00"):
        assert (useful[-1], back.isoformat()) in post.sent_on()
        assert day is not None
    per_day = Counter((m.recipient, m.role, m.day) for m in post.messages())
    assert set(per_day.values()) <= {1}
    post.days((last + timedelta(days=1)).isoformat(), "2026-04-10")
    rungs = [rung for rung, _ in post.sent_on()]
    assert rungs[-1] == "after-10wd"
    assert rungs == [rung for rung, _ in LADDER if rung in rungs]
    assert set(post.told().values()) == {1}
    late = [rung for rung, on in LADDER if on > last.isoformat()]
    assert set(late) <= set(rungs)  # what was still to come came


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_clock_a_year_ahead_and_right_again_costs_no_reminder(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgresql") if kind == "postgresql" else ""
    post = Clockwork(tmp_path, url=url)
    post.days("2026-03-03", "2026-03-05")
    post.round("2027-03-05 09:00")
    wrong = post.told()
    assert {rung for rung, _ in wrong} == {"after-10wd"}  # it cannot be called back
    post.days("2026-03-05", "2026-04-10")
    told = post.told()
    assert {rung for rung, _ in told} == {rung for rung, _ in LADDER}
    assert set(told.values()) == {1}  # and is not sent again
    assert post.sent_on() == [*LADDER[:-1], ("after-10wd", "2027-03-05")]
    with store.reading(post.engine) as session:
        actions = session.execute(queries.AUDIT.select()).mappings().all()
        assert [row["action"] for row in actions].count("clock") == 1
    post.days("2026-06-01", "2026-06-30")
    assert {"before-14d", "before-2wd", "after-1wd"} <= {r for r, _ in post.told(JUNE)}
    assert set(post.told(JUNE).values()) == {1}


def test_what_the_wrong_clock_left_waiting_finds_its_time(post: Clockwork) -> None:
    """Mails that were composed, claimed or put off by the wrong clock, not handed over."""
    post.days("2026-03-03", "2026-03-05")
    away = Awkward([Deferred("421 later") for _ in range(9)])
    post.round("2027-03-05 09:00", away)
    assert not away.handed
    assert post.states() == ["ready"]
    post.set(1, state="sending", owner="dead", lease_until=at("2027-03-05 09:15"))
    post.days("2026-03-05", "2026-04-10")
    assert post.states()[0] == "cancelled"
    assert post.sent_on() == LADDER
    assert set(post.told().values()) == {1}


def test_a_hand_over_of_the_wrong_clock_does_not_wait_a_year(post: Clockwork) -> None:
    post.days("2026-03-03", "2026-03-05")
    post.tick("2027-03-05 09:00")
    post.gather("2027-03-05 09:00")
    post.set(
        1, state="handing", owner="dead", handed=1, attempt=1, lease_until=at("2027-03-05 09:15")
    )
    with store.writing(post.engine) as session:
        queries.set_mark(session, "tick", "2027-03-05T09:00:00+08:00")
    post.round("2026-03-05 10:00")
    assert post.states()[0] == "in_doubt"
    post.days("2026-03-06", "2026-04-10")
    assert [r for r, _ in post.sent_on()][:4] == [r for r, _ in LADDER[:4]]


def test_two_hours_back_neither_repeats_nor_loses(post: Clockwork) -> None:
    for jump in ("2026-03-06", "2026-03-18", "2026-03-23"):
        post.round(f"{jump} 10:30")
        for minute in (30, 45):
            post.round(f"{jump} 08:{minute}")
        post.round(f"{jump} 09:00")
        post.round(f"{jump} 12:31")
    post.days("2026-03-24", "2026-04-10")
    assert post.sent_on() == LADDER
    assert set(post.told().values()) == {1}


def test_a_lease_of_a_clock_two_hours_ahead_ends(post: Clockwork) -> None:
    post.tick("2026-03-06 11:00")
    post.gather("2026-03-06 11:00")
    post.set(1, state="sending", owner="dead", attempt=1, lease_until=at("2026-03-06 11:15"))
    post.round("2026-03-06 09:00")
    post.round("2026-03-06 11:16")
    assert set(post.states()) == {"sent"}
    assert set(post.told().values()) == {1}


def moved(text: str) -> str:
    """Return the document with its date on another day."""
    return WORKFLOW.replace("rule: {on: 2026-03-20}", f"rule: {{on: {text}}}")


def test_the_29th_of_february(post: Clockwork) -> None:
    post.edit(found(moved("2028-02-29")), "2026-03-02 09:00")
    post.days("2028-02-10", "2028-02-29")
    assert post.sent_on() == [("before-14d", "2028-02-15"), ("before-2wd", "2028-02-25")]
    post.days("2028-03-01", "2028-03-15")
    assert post.sent_on()[2:] == [
        ("after-1wd", "2028-03-01"), ("after-5wd", "2028-03-07"), ("after-10wd", "2028-03-14"),
    ]  # fmt: skip


def test_a_year_without_a_notice_of_holidays_and_one_that_comes_after_the_first_mail(
    tmp_path: Path,
) -> None:
    """Spring Festival of 2026 was 02-15 to 02-23; 02-28, a Saturday, was worked for it."""
    known = Workdays.of((n for n in WORKDAYS.notices if n.year != 2026), WORKDAYS.statutory)
    post = Clockwork(tmp_path, base=replace(WORLD, workdays=known))
    post.edit(found(moved("2026-03-02")), "2026-01-05 09:00")
    post.days("2026-02-13", "2026-02-16")
    assert [rung for rung, _ in post.sent_on()] == ["before-14d"]
    assert "暂定" in text_of(post.messages()[0])
    post.base, post.known = WORLD, None  # the notice comes in, the service is started again
    post.days("2026-02-17", "2026-03-20")
    assert [rung for rung, _ in post.sent_on()] == [rung for rung, _ in LADDER]
    assert set(post.told().values()) == {1}
    assert post.sent_on()[1] == ("before-2wd", "2026-02-27")  # it would have been the 26th


@pytest.mark.parametrize(
    ("second", "day"), [(-1, date(2026, 3, 20)), (0, date(2026, 3, 21)), (1, date(2026, 3, 21))]
)
def test_the_day_ends_at_16_hours_universal_time(
    post: Clockwork, second: int, day: date
) -> None:
    """A deadline of 03-20 holds until the last second of that day in Shanghai."""
    now = datetime(2026, 3, 20, 16, tzinfo=UTC) + timedelta(seconds=second)
    assert now.astimezone(ZONE).date() == day
    post.say(PLAN, "acknowledged", "2026-03-19 10:00", until=date(2026, 3, 20))
    with store.writing(post.engine) as session:
        extend(session, now, post.world)
        assert queries.mark(session, "extended") == day.isoformat()
    rung = "before-2wd" if second < 0 else None
    ladder = steps(decode(str(post.row(PLAN)["body"])), WORKDAYS, ZONE)
    step = decide(ladder, {}, now, ZONE).step
    assert (step.rung if step else None) == rung


@pytest.mark.parametrize("year", range(1986, 1992))
def test_summer_time_of_1986_to_1991(year: int) -> None:
    """Documents may cite days of those years; their mornings are at 09:00 by the clock of then."""
    summer = datetime(year, 7, 1, 9, tzinfo=ZONE)
    assert summer.astimezone(UTC).hour == 0
    assert datetime(year, 12, 1, 9, tzinfo=ZONE).astimezone(UTC).hour == 1
    eve = datetime(year, 7, 1, 14, 59, 59, tzinfo=UTC)
    assert eve.astimezone(ZONE).date() == date(year, 7, 1)
    assert (eve + timedelta(seconds=1)).astimezone(ZONE).date() == date(year, 7, 2)
    late = datetime(year, 7, 1, 20, tzinfo=ZONE)
    opened = sending(late, ZONE, WORKDAYS)
    assert (opened.astimezone(ZONE).hour, opened.utcoffset()) == (9, timedelta(hours=9))


SCRIPT = """
import sys
from pathlib import Path
from notifications import links
from scheduler import queries, store
from tests.notifications.test_clocks import Clockwork
post = Clockwork(Path(sys.argv[1]))
with store.writing(post.engine) as session:
    queries.set_mark(session, links.MARK, "a-key")
post.days("2026-03-05", "2026-04-10")
for m in post.messages():
    print(m.day, m.recipient, m.state, m.message_id, m.body.hex()[:4000])
print(post.sent_on())
"""


def test_three_host_zones_make_the_same_bytes(tmp_path: Path) -> None:
    found = []
    for number, zone in enumerate(("Asia/Shanghai", "America/Los_Angeles", "Pacific/Kiritimati")):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(folder)], capture_output=True, text=True,
            env=os.environ | {"TZ": zone, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found.append(done.stdout)
    assert found[0]
    assert len(set(found)) == 1
    assert "('after-10wd', '2026-04-03')" in found[0]
