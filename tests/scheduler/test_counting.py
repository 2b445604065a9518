"""Counting activities in the windows of a quota: by hand, and whatever the numbers are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.roster import SetMember
from scheduler.counting import Deed, Window, behind_from, expected_by, pace, tally
from scheduler.loading import Loaded, load
from scheduler.occurrences import Occurrence, occurrences
from scheduler.pacing import window_of
from scheduler.quotas import Count

DAY = timedelta(days=1)
MASHAN = "nanning-zhongyiyiyuan.mashan-zhongyiyiyuan"


@pytest.fixture(scope="module")
def files() -> Loaded:
    return load(only=None)


def windows(
    files: Loaded, document: str, obligation: str, subject: str, first: str, last: str
) -> list[Occurrence]:
    """Return the windows of one pairing that end from one day to another."""
    source = files.documents[document]
    some = tuple(duty for duty in source.obligations if duty.id == obligation)
    found = occurrences(
        source.model_copy(update={"obligations": some}), files.rosters[document], files.workdays,
        date.fromisoformat(first), date.fromisoformat(last),
    )  # fmt: skip
    return [one for one in found if one.key.split("/")[2] == subject]


def days(text: str, year: int = 2019) -> list[Deed]:
    """Return one deed for each ``7-15`` of a text."""
    pairs = (word.split("-") for word in text.split())
    return [Deed(date(year, int(month), int(day))) for month, day in pairs]


def counted(
    found: Iterable[Occurrence], deeds: Iterable[Deed], today: str
) -> list[tuple[str, int, str]]:
    """Return first day, count and state of each window."""
    listed = list(deeds)
    rows = []
    for one in found:
        window = window_of(one)
        assert window is not None
        done = tally(window, listed, date.fromisoformat(today))
        rows.append((f"{window.opens:%m-%d}", done.counted, done.state))
    return rows


def test_weekly_rounds_of_guangxi(files: Loaded) -> None:
    found = windows(files, "guangxi-2019", "teaching-rounds", MASHAN, "2019-07-11", "2019-08-18")
    # Issued on Thursday 2019-07-11; rounds on the 12th, twice in one week, none in the next.
    deeds = days("7-12 7-15 7-21 7-22 8-5")
    assert counted(found, deeds, "2019-08-07") == [
        ("07-11", 1, "met"),  # cut short by the issue: listed, not enforced
        ("07-15", 2, "met"),
        ("07-22", 1, "met"),
        ("07-29", 0, "short"),
        ("08-05", 1, "met"),
        ("08-12", 0, "upcoming"),
    ]
    assert [one.quota.enforced for one in found if one.quota] == [False] + [True] * 5
    assert found[0].rungs == ()
    assert found[1].rungs == (("before-2wd", "responsible"), ("after-1wd", "responsible"))


def test_fortnight_lectures_count_from_the_first_monday(files: Loaded) -> None:
    found = windows(files, "guangxi-2019", "lectures", MASHAN, "2019-07-11", "2019-12-31")
    first = found[0]
    assert (first.opens, first.due) == (date(2019, 7, 15), date(2019, 7, 28))
    deeds = days("7-14 7-15 7-28 7-29 9-8 9-23 10-7 12-1")
    assert counted(found, deeds, "2019-12-31") == [
        ("07-15", 2, "met"),  # the 14th lies before every window
        ("07-29", 1, "met"),
        ("08-12", 0, "short"),
        ("08-26", 1, "met"),
        ("09-09", 0, "short"),
        ("09-23", 1, "met"),
        ("10-07", 1, "met"),
        ("10-21", 0, "short"),
        ("11-04", 0, "short"),
        ("11-18", 1, "met"),
        ("12-02", 0, "short"),
        ("12-16", 0, "short"),
    ]


def test_outreach_teams_and_training_of_a_year(files: Loaded) -> None:
    def of(obligation: str, text: str) -> list[tuple[str, int, str]]:
        found = windows(files, "guangxi-2019", obligation, MASHAN, "2020-01-01", "2020-12-31")
        return counted(found, days(text, 2020), "2020-09-15")

    assert of("rural-outreach", "1-3 2-29 3-1 6-30 9-1") == [
        ("01-01", 2, "met"), ("03-01", 1, "met"), ("05-01", 1, "met"), ("07-01", 0, "short"),
        ("09-01", 1, "met"), ("11-01", 0, "upcoming"),
    ]  # fmt: skip
    assert of("medical-team", "6-30") == [("01-01", 1, "met"), ("07-01", 0, "on-pace")]
    # Three a year, 259 of 366 days over: 2.12, so two by now.
    assert of("training", "5-6") == [("01-01", 1, "behind")]
    assert of("training", "5-6 6-1") == [("01-01", 2, "on-pace")]
    assert of("training", "5-6 6-1 7-1") == [("01-01", 3, "met")]


def test_the_four_ones_are_each_owed_once(files: Loaded) -> None:
    (one,) = windows(files, "guangxi-2019", "four-ones", MASHAN, "2020-01-01", "2020-12-31")
    window = window_of(one)
    assert window is not None
    urgent, weak, team, service = window.quota.items
    deeds = [
        Deed(date(2020, 3, 1), 1, urgent),
        Deed(date(2020, 4, 1), 5, urgent),  # the same act again is still one
        Deed(date(2020, 5, 1), 1, team),
        Deed(date(2020, 6, 1)),
    ]
    found = tally(window, deeds, date(2020, 12, 31))
    assert (found.counted, found.state) == (3, "behind")
    assert found.missing == (weak, service)
    assert pace(found) == "本期已3项，应至4项，共需4项"


def test_a_year_of_hubei(files: Loaded) -> None:
    pairing = files.rosters["hubei-2022"].pairings[0].id

    def of(obligation: str, deeds: list[Deed], today: str) -> list[tuple[str, int, str]]:
        found = windows(files, "hubei-2022", obligation, pairing, "2023-01-01", "2023-12-31")
        return counted(found, deeds, today)

    ten = [Deed(date(2023, month, 8)) for month in range(1, 11)]
    assert of("department-visits", days("1-1 3-31 7-1", 2023), "2023-11-30") == [
        ("01-01", 2, "met"), ("04-01", 0, "short"), ("07-01", 1, "met"), ("10-01", 0, "behind"),
    ]  # fmt: skip
    assert of("head-visit", days("6-5", 2022), "2024-01-01") == [("01-01", 0, "short")]
    assert of("receive-trainees", [Deed(date(2023, 2, 1), 3)], "2023-02-02") == [
        ("01-01", 3, "met")
    ]
    # Ten a year, 273 of 365 days over: 7.48, so seven by now; a day more makes it 7.51.
    assert of("remote-services", ten[:7], "2023-09-30") == [("01-01", 7, "on-pace")]
    assert of("remote-services", ten[:7], "2023-10-01") == [("01-01", 7, "behind")]
    assert of("remote-services", ten, "2023-10-08") == [("01-01", 10, "met")]


def test_every_township_once_where_they_are_listed(files: Loaded) -> None:
    roster = files.rosters["guangxi-2019"]
    towns = [
        SetMember("辖区乡镇", "mashan-zhongyiyiyuan", name, until=until)
        for name, until in (("甲镇", None), ("乙乡", None), ("丙乡", date(2020, 3, 1)))
    ]
    listed = replace(
        files, rosters={**files.rosters, "guangxi-2019": replace(roster, sets=tuple(towns))}
    )
    (one,) = windows(
        listed, "guangxi-2019", "township-coverage", MASHAN, "2020-01-01", "2020-06-30"
    )
    window = window_of(one)
    assert window is not None
    assert (window.owed, window.quota.members) == (2, ("甲镇", "乙乡"))  # 丙乡 was dissolved
    deeds = [
        Deed(date(2020, 2, 1), 1, "甲镇"),
        Deed(date(2020, 5, 1), 1, "甲镇"),
        Deed(date(2020, 5, 2)),
    ]
    found = tally(window, deeds, date(2020, 7, 1))
    assert (found.counted, found.state, found.missing) == (1, "short", ("乙乡",))
    assert pace(found) == "本期结束时只有1个，共需2个"


def test_the_sentence_about_the_pace() -> None:
    window = Window(date(2020, 1, 1), date(2020, 12, 31), Count(6, None, "次", "year", True))
    two = tally(window, [Deed(date(2020, 1, 2), 2)], date(2020, 7, 1))
    assert pace(two) == "本期已2次，应至3次，共需6次"
    atmost = replace(window, quota=Count(1, 2, "家", "year", True))
    assert tally(atmost, [Deed(date(2020, 1, 2), 3)], date(2020, 7, 1)).state == "over"


OPENS = st.dates(date(2018, 1, 1), date(2024, 1, 1))
QUOTAS = st.builds(
    Count,
    st.integers(1, 40),
    st.none() | st.integers(40, 60),
    st.just("次"),
    st.just("year"),
    st.booleans(),
)
WINDOWS = st.builds(
    lambda opens, length, quota: Window(opens, opens + length * DAY, quota),
    OPENS, st.integers(0, 500), QUOTAS,
)  # fmt: skip
DEEDS = st.lists(st.builds(Deed, OPENS, st.integers(1, 5)), max_size=20)


@given(WINDOWS, st.integers(-3, 600), st.integers(0, 45))
def test_behind_begins_on_the_day_on_which_the_pace_passes_the_count(
    window: Window, offset: int, count: int
) -> None:
    first = behind_from(window, count)
    day = min(window.opens + offset * DAY, window.due)
    assert (expected_by(window, day) > count) == (first is not None and day >= first)


@given(WINDOWS, DEEDS, OPENS, st.builds(Deed, OPENS, st.integers(1, 5)))
def test_one_more_deed_never_makes_it_less(
    window: Window, deeds: list[Deed], today: date, more: Deed
) -> None:
    before, after = tally(window, deeds, today), tally(window, [*deeds, more], today)
    inside = window.opens <= more.on <= window.due
    assert after.counted - before.counted == (more.count if inside else 0)
    assert after.expected == before.expected
    assert not (after.short and not before.short)


@given(WINDOWS, DEEDS, OPENS)
def test_expectation_grows_from_nothing_to_all(
    window: Window, deeds: list[Deed], today: date
) -> None:
    now, later = tally(window, deeds, today), tally(window, deeds, today + DAY)
    assert 0 <= now.expected <= later.expected <= window.owed
    assert expected_by(window, window.opens - DAY) == 0
    assert expected_by(window, window.due) == window.owed


QUOTAS_OF_GUANGXI = ("teaching-rounds", "lectures", "training", "rural-outreach", "medical-team")


@pytest.fixture(scope="module")
def series(files: Loaded) -> dict[str, list[Window]]:
    """Give all windows of a pairing's quotas up to the end of 2020."""
    found = {
        name: [window_of(one) for one in windows(files, "guangxi-2019", name, MASHAN, "2019-01-01", "2020-12-31")]
        for name in QUOTAS_OF_GUANGXI
    }  # fmt: skip
    return {name: [window for window in some if window] for name, some in found.items()}


@given(
    st.sampled_from(QUOTAS_OF_GUANGXI),
    st.lists(st.dates(date(2019, 6, 1), date(2020, 12, 20)), max_size=30),
)
def test_every_deed_is_in_one_window_at_most(
    series: dict[str, list[Window]], name: str, on: list[date]
) -> None:
    deeds = [Deed(day) for day in on]
    first = date(2019, 7, 15) if name == "lectures" else date(2019, 7, 11)
    for deed in deeds:
        holding = [w for w in series[name] if w.opens <= deed.on <= w.due]
        assert len(holding) == (deed.on >= first)
    total = sum(tally(window, deeds, date(2021, 1, 1)).counted for window in series[name])
    assert total == sum(deed.on >= first for deed in deeds)
