"""One word for each cell, written down by hand."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from scheduler.facts import Said, standing
from scheduler.occurrences import occurrences
from scheduler.statuses import Status, word
from tests.scheduler.house import PLAN, WORKDAYS, loaded

LOADED = loaded()
DUE = date(2026, 3, 20)  # a Friday
ONE = next(
    one
    for one in occurrences(
        LOADED.documents["pair-2025"], LOADED.rosters["pair-2025"], WORKDAYS,
        date(2026, 3, 1), date(2026, 3, 31),
    )
    if one.key == PLAN
)  # fmt: skip


def day(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


def at(today: str, *facts: Said, phase: str = "core", history: bool = False) -> Status:
    said = standing(facts, day(today), history)
    return word(replace(ONE, phase=phase), said.status, said, day(today), WORKDAYS)


def submitted(on: str) -> Said:
    return Said("submitted", day(on))


def extended(until: str) -> Said:
    return Said("extended", day("03-01"), day(until))


RETURNED, ACCEPTED = Said("returned", day("03-18")), Said("accepted", day("03-25"))

CELLS: list[tuple[str, tuple[Said, ...], str, str]] = [
    ("03-02", (), "未到期", "calm"),
    ("03-11", (), "临期", "soon"),  # 7 working days
    ("03-10", (), "未到期", "calm"),  # 8
    ("03-20", (), "临期", "soon"),
    ("03-21", (), "逾期未报", "late"),
    ("03-10", (submitted("03-10"),), "已报待审", "wait"),
    ("04-10", (submitted("03-25"),), "已报待审", "wait"),
    ("03-19", (submitted("03-10"), RETURNED), "退回", "late"),
    ("04-19", (submitted("03-10"), RETURNED), "退回", "late"),
    ("03-25", (submitted("03-20"), ACCEPTED), "已报", "done"),
    ("03-25", (submitted("03-21"), ACCEPTED), "迟报", "done"),
    # The first submission of those that were accepted; what was returned led to nothing.
    ("03-25", (submitted("03-19"), submitted("03-23"), ACCEPTED), "已报", "done"),
    ("03-25", (submitted("03-10"), RETURNED, submitted("03-20"), ACCEPTED), "已报", "done"),
    ("03-25", (submitted("03-10"), RETURNED, submitted("03-22"), ACCEPTED), "迟报", "done"),
    ("03-25", (Said("completed", day("03-20")),), "已报", "done"),
    ("03-25", (Said("completed", day("03-21")),), "迟报", "done"),
    ("03-25", (Said("waived", day("03-21")),), "免报", "done"),
    ("03-10", (extended("04-30"),), "延期至4月30日", "wait"),
    ("04-28", (extended("04-30"),), "延期至4月30日", "soon"),
    ("05-01", (extended("04-30"),), "逾期未报", "late"),
    ("04-20", (extended("04-30"), Said("completed", day("04-20"))), "已报", "done"),
    ("05-20", (extended("04-30"), Said("completed", day("05-06"))), "迟报", "done"),
    ("03-22", (Said("acknowledged", day("03-01"), day("03-30")),), "逾期未报", "late"),
    ("03-12", (Said("acknowledged", day("03-01"), day("03-30")),), "临期", "soon"),
]


@pytest.mark.parametrize(("today", "facts", "expected", "tone"), CELLS)
def test_each_cell_has_its_word(
    today: str, facts: tuple[Said, ...], expected: str, tone: str
) -> None:
    assert at(today, *facts)[:2] == (expected, tone)


# What a person may say, with the day until which it holds.
SAYINGS = (
    ("submitted", None), ("accepted", None), ("returned", None), ("completed", None),
    ("waived", None), ("acknowledged", "05-31"), ("extended", "04-10"), ("extended", "04-30"),
)  # fmt: skip
Saying = tuple[str, str | None]


def by_hand(said: Sequence[Saying], days: Sequence[date], today: date) -> str:
    """Return the word that an office would use, following a history from saying to saying.

    A report waits, is taken or comes back; what came back stays so until it is reported again. To
    know of something silences and changes no word. Whoever is exempt, or says that it is done, has
    nothing to wait for; said again, the later entry holds. The latest day granted counts.
    """
    held, done, last = "nothing", DUE, DUE
    handed_in: list[date] = []  # since something came back last; the first of them counts
    for (kind, until), on in zip(said, days, strict=True):
        if kind == "extended" and until:
            last = max(last, day(until))
        elif kind == "waived":
            held = "exempt"
        elif kind == "completed":
            held, done = "done", min([*handed_in, on])
        elif kind == "submitted" and held in ("nothing", "back", "waiting"):
            held = "waiting"
            handed_in.append(on)
        elif kind == "accepted" and held == "waiting":
            held, done = "done", handed_in[0]
        elif kind == "returned" and held in ("waiting", "done"):
            held = "back"
            handed_in.clear()
    if held in ("exempt", "waiting", "back"):
        return {"exempt": "免报", "waiting": "已报待审", "back": "退回"}[held]
    if held == "done":
        return "已报" if done <= last else "迟报"
    if today > last:
        return "逾期未报"
    if last > DUE:
        return f"延期至4月{last.day}日"
    return "临期" if today >= day("03-11") else "未到期"


@pytest.mark.parametrize(
    ("first", "today"),
    [
        ("03-02", "03-06"), ("03-02", "03-12"), ("03-18", "03-22"), ("03-18", "04-20"),
        ("03-18", "05-20"), ("04-08", "04-12"),
    ],
)  # fmt: skip
def test_every_order_of_up_to_four_facts_has_the_word_of_an_office(first: str, today: str) -> None:
    days = [day(first) + timedelta(days=n) for n in range(4)]
    for length in range(5):
        for said in itertools.product(SAYINGS, repeat=length):
            facts = [
                Said(kind, on, day(until) if until else None, number)
                for number, ((kind, until), on) in enumerate(zip(said, days, strict=False), 1)
            ]
            assert at(today, *facts).word == by_hand(said, days[:length], day(today)), said


def test_what_came_back_stays_so_wherever_it_stands() -> None:
    done, known = Said("completed", day("03-02")), Said("acknowledged", day("03-19"), day("05-31"))
    found = at("04-20", done, RETURNED, known)
    assert (found.word, found.tone, found.note) == (
        "退回", "late", "已知悉，5月31日以前不提醒；已过期限",
    )  # fmt: skip
    for phase in ("pre-issue", "core", "open-ended", "contested"):
        assert at("04-20", done, RETURNED, phase=phase).word == "退回"
    said = standing((done, RETURNED), day("03-25"))
    dateless = word(replace(ONE, due=None), said.status, said, day("03-25"), WORKDAYS)
    assert (dateless.word, dateless.note) == ("退回", "")
    assert at("06-01", done, RETURNED, known).word == "退回"
    assert at("04-20", done, RETURNED, known, Said("completed", day("04-20"))).word == "迟报"


@pytest.mark.parametrize("today", ["03-02", "03-20", "04-20"])
def test_what_is_contested_says_so_until_it_is_done(today: str) -> None:
    assert at(today, phase="contested").word == "依据存疑"
    assert at(today, Said("completed", day("03-02")), phase="contested").word == "已报"
    assert at(today, submitted("03-02"), phase="contested").word == "已报待审"


def test_outside_the_matrix() -> None:
    assert at("03-25", history=True).word == "采用前"
    assert at("03-25", phase="pre-issue").word == "印发前"
    said = standing((), day("03-25"))
    assert word(replace(ONE, due=None), "open", said, day("03-25"), WORKDAYS).word == "无日期"
    assert word(ONE, "cancelled", said, day("03-25"), WORKDAYS).word == "已取消"


@pytest.mark.parametrize(
    ("reported", "timely", "original", "note"),
    [
        ("03-20", True, True, "原定3月20日，按期"),
        ("03-21", True, False, "原定3月20日，延期后按期"),
        ("04-30", True, False, "原定3月20日，延期后按期"),
        ("05-06", False, False, "原定3月20日，延期至4月30日，仍迟报"),
    ],
)
def test_both_dates_are_assessed(reported: str, timely: bool, original: bool, note: str) -> None:
    found = at("05-20", extended("04-30"), Said("completed", day(reported)))
    assert (found.on_time, found.on_time_original, found.note) == (timely, original, note)
    assert (found.due, found.extended_to) == (day("04-30"), day("04-30"))


def test_an_extension_to_an_earlier_day_is_none_and_a_far_one_shows_its_year() -> None:
    assert at("03-02", extended("03-19")).word == "未到期"
    far = Said("extended", day("03-01"), date(2027, 1, 8))
    assert at("03-02", far).word == "延期至2027年1月8日"


def test_what_rests_on_a_notice_of_holidays_not_yet_out_has_the_same_word() -> None:
    far = replace(ONE, due=date(2029, 10, 1), last_working_day=date(2029, 9, 28), provisional=True)
    said = standing((), date(2029, 9, 27))
    assert word(far, "open", said, date(2029, 9, 27), WORKDAYS).word == "临期"
