from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import chinese_calendar
import holidays
import pytest
import yaml
import yamlcore
from hypothesis import given
from hypothesis import strategies as st

import workflows
from workflows.workdays import Notice, Workdays, parse_notice, parse_statutory

FOLDER = Path(workflows.__path__[0]) / "workdays"
DAY = timedelta(days=1)
FIRST, LAST = date(2017, 1, 1), date(2026, 12, 31)
KNOWN = st.dates(FIRST, LAST)
# Far beyond the notices on both sides, so that provisional years are walked into and through.
ANY = st.dates(date(1990, 1, 1), date(2090, 12, 31))


def read(name: str) -> Any:
    text = (FOLDER / name).read_text(encoding="utf-8")
    return yaml.load(text, Loader=yamlcore.CoreLoader)


@cache
def notices() -> tuple[Notice, ...]:
    return tuple(parse_notice(read(path.name)) for path in sorted(FOLDER.glob("2*.yaml")))


@cache
def workdays() -> Workdays:
    return Workdays.of(notices(), parse_statutory(read("statutory.yaml")))


def days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += DAY


def notice(**changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "year": 2027,
        "holidays": [{"name": "元旦", "from": "2027-01-01", "to": "2027-01-03"}],
        "workdays": ["2027-01-09"],
    }
    return data | changes


def holiday(first: object, last: object, **more: object) -> dict[str, Any]:
    return notice(holidays=[{"name": "元旦", "from": first, "to": last, **more}])


def test_every_file_is_of_the_year_it_is_named_after() -> None:
    assert [n.year for n in notices()] == list(range(2017, 2027))
    for path in FOLDER.glob("2*.yaml"):
        assert path.stem == str(read(path.name)["year"])


def test_every_notice_is_issued_in_the_year_of_its_number_before_the_year_it_arranges() -> None:
    for n in notices():
        for number, issued in [
            (n.number, n.issued),
            *((a.number, a.issued) for a in n.amended_by),
        ]:
            assert number is not None
            assert issued is not None
            assert number.startswith(f"国办发明电〔{issued.year}〕")
        assert n.issued is not None
        assert n.issued.year == n.year - 1


@pytest.mark.parametrize(
    "oracle",
    [chinese_calendar.is_workday, holidays.country_holidays("CN").is_working_day],
    ids=["chinesecalendar", "holidays"],
)
def test_others_agree_on_every_day(oracle: Callable[[date], bool]) -> None:
    table = workdays()
    assert [d for d in days(FIRST, LAST) if table.is_workday(d) != oracle(d)] == []


@pytest.mark.parametrize(
    ("day", "before", "after"),
    [
        ("2019-11-10", "2019-11-08", "2019-11-11"),  # a plain Sunday
        ("2019-09-20", "2019-09-20", "2019-09-20"),  # a plain Friday
        ("2019-05-01", "2019-04-30", "2019-05-05"),  # as amended: worked on Sunday 5 May
        ("2019-04-28", "2019-04-28", "2019-04-28"),  # a Sunday worked under the amendment
        ("2017-12-31", "2017-12-29", "2018-01-02"),  # a Sunday, and New Year after it
        ("2018-12-31", "2018-12-29", "2019-01-02"),  # both ends said by the notice of 2019
        ("2020-01-31", "2020-01-23", "2020-02-03"),  # the extended Spring Festival
        ("2020-02-01", "2020-01-23", "2020-02-03"),  # was to be worked, before the extension
        ("2023-01-01", "2022-12-30", "2023-01-03"),  # a holiday that begins in the year before
        ("2024-02-09", "2024-02-09", "2024-02-09"),  # 除夕 2024: leave encouraged, no holiday
        ("2026-10-10", "2026-10-10", "2026-10-10"),  # a Saturday worked in exchange
    ],
)
def test_known_days(day: str, before: str, after: str) -> None:
    table, on = workdays(), date.fromisoformat(day)
    assert table.on_or_before(on).isoformat() == before
    assert table.on_or_after(on).isoformat() == after
    assert table.is_workday(on) == (before == day)


def test_back_and_forward_count_working_days() -> None:
    table = workdays()
    assert table.back(date(2019, 5, 6), 1) == date(2019, 5, 5)
    assert table.back(date(2019, 5, 6), 3) == date(2019, 4, 29)
    assert table.back(date(2019, 5, 4), 1) == date(2019, 4, 30)
    assert table.forward(date(2020, 1, 23), 1) == date(2020, 2, 3)
    assert table.forward(date(2018, 12, 28), 2) == date(2019, 1, 2)
    assert table.back(date(2019, 1, 2), 2) == date(2018, 12, 28)
    # none at all still ends on a working day
    assert table.back(date(2019, 11, 10), 0) == date(2019, 11, 8)
    assert table.forward(date(2019, 11, 10), 0) == date(2019, 11, 11)


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="不能为负"):
        workdays().back(date(2019, 5, 6), -1)
    with pytest.raises(ValueError, match="不能为负"):
        workdays().forward(date(2019, 5, 6), -1)


def test_roll() -> None:
    table, sunday = workdays(), date(2019, 11, 10)
    assert table.roll(sunday, "back") == date(2019, 11, 8)
    assert table.roll(sunday, "forward") == date(2019, 11, 11)
    assert table.roll(sunday, None) == sunday


@given(ANY)
def test_the_nearest_working_days_are_worked_and_nothing_worked_lies_between(day: date) -> None:
    table = workdays()
    before, after = table.on_or_before(day), table.on_or_after(day)
    assert before <= day <= after
    assert [d for d in days(before, after) if table.is_workday(d)] == (
        [day] if before == after else [before, after]
    )
    for end in (before, after):  # asked again, they stay
        assert table.on_or_before(end) == end == table.on_or_after(end)


@given(ANY, st.integers(0, 300))
def test_back_undoes_forward_from_a_working_day(day: date, count: int) -> None:
    table = workdays()
    start = table.on_or_before(day)
    assert table.back(table.forward(start, count), count) == start
    assert table.forward(table.back(start, count), count) == start


@given(ANY, st.integers(1, 40))
def test_steps_pass_over_exactly_that_many_working_days(day: date, count: int) -> None:
    table = workdays()
    end = table.forward(day, count)
    assert sum(map(table.is_workday, days(day + DAY, end))) == count
    assert table.is_workday(end)
    start = table.back(day, count)
    assert sum(map(table.is_workday, days(start, day - DAY))) == count
    assert table.is_workday(start)


@given(st.lists(KNOWN, min_size=1, max_size=5))
def test_the_order_of_questions_does_not_matter(asked: list[date]) -> None:
    fresh = Workdays.of(notices(), parse_statutory(read("statutory.yaml")))
    for day in asked:
        assert fresh.on_or_after(day) == workdays().on_or_after(day)
        assert fresh.on_or_before(day) == workdays().on_or_before(day)
        assert fresh.is_workday(day) == workdays().is_workday(day)


def test_only_years_with_a_notice_are_certain() -> None:
    table = workdays()
    certain = [year for year in range(2010, 2040) if not table.provisional(date(year, 6, 1))]
    assert certain == list(range(2017, 2027))
    assert table.provisional(date(2016, 12, 31))
    assert not table.provisional(date(2017, 1, 1))
    assert not table.provisional(date(2026, 12, 31))
    assert table.provisional(date(2027, 1, 1))


def test_a_provisional_year_rests_on_weekends_and_on_the_days_the_regulation_fixes() -> None:
    table = workdays()
    off = [d for d in days(date(2027, 1, 1), date(2027, 12, 31)) if not table.is_workday(d)]
    assert [d.isoformat() for d in off if d.weekday() < 5] == ["2027-01-01", "2027-10-01"]
    assert {d.isoformat() for d in off} >= {"2027-05-01", "2027-05-02", "2027-10-02", "2027-10-03"}
    # 2 May is a holiday since 2025 only: a Thursday in 2013, a Tuesday in 2028
    assert table.is_workday(date(2013, 5, 2))
    assert not table.is_workday(date(2028, 5, 2))


def test_a_notice_takes_the_place_of_what_was_provisional() -> None:
    later = parse_notice(
        notice(
            holidays=[{"name": "元旦", "from": "2026-12-31", "to": "2027-01-02"}],
            workdays=["2027-01-03", "2027-05-01"],
        )
    )
    before, after = workdays(), Workdays.of([later, *notices()], workdays().statutory)
    assert before.is_workday(date(2026, 12, 31))
    assert not after.is_workday(date(2026, 12, 31))
    assert before.on_or_after(date(2027, 1, 1)) == date(2027, 1, 4)
    assert after.on_or_after(date(2027, 1, 1)) == date(2027, 1, 3)
    assert after.is_workday(date(2027, 5, 1))  # the notice has the last word, not the regulation
    assert after.is_workday(date(2027, 10, 1))  # and names every holiday of its year itself
    assert before.provisional(date(2027, 3, 1))
    assert not after.provisional(date(2027, 3, 1))


def test_the_later_of_two_notices_about_one_day_holds() -> None:
    earlier = parse_notice(notice(year=2027, holidays=[], workdays=["2027-12-25"]))
    later = parse_notice(
        notice(
            year=2028,
            holidays=[{"name": "元旦", "from": "2027-12-25", "to": "2027-12-25"}],
            workdays=[],
        )
    )
    assert Workdays.of([earlier]).is_workday(date(2027, 12, 25))
    assert not Workdays.of([later, earlier]).is_workday(date(2027, 12, 25))


def test_two_notices_of_one_year_are_refused() -> None:
    with pytest.raises(ValueError, match="2020年的放假通知有两份"):
        Workdays.of([*notices(), notices()[3]])


def test_equal_notices_make_equal_workdays() -> None:
    assert Workdays.of(notices()) == Workdays.of(reversed(notices()))
    assert Workdays.of(notices()) != Workdays.of(notices()[:-1])


def test_an_instant_is_no_day() -> None:
    for ask in (workdays().is_workday, workdays().on_or_before, workdays().on_or_after):
        with pytest.raises(TypeError):
            ask(datetime(2020, 1, 1))


def test_dates_may_be_loaded_as_dates() -> None:
    loaded = yaml.safe_load((FOLDER / "2019.yaml").read_text(encoding="utf-8"))
    assert loaded["issued"] == date(2018, 12, 4)
    assert parse_notice(loaded) == parse_notice(read("2019.yaml"))


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ([], "应为键值对"),
        ({"year": 2027, "holidays": []}, "缺少 workdays"),
        (notice(remark="x"), "不认识的键 remark"),
        (notice(year="2027"), "year：应为四位数的年份"),
        (notice(year=True), "year：应为四位数的年份"),
        (notice(year=27), "year：应为四位数的年份"),
        (notice(notice=""), "notice：应为文字"),
        (notice(issued="2026-11-31"), "issued：应为存在的日期"),
        (notice(issued=datetime(2026, 11, 4)), "issued：应为存在的日期"),
        (notice(holidays={}), "holidays：应为列表"),
        (notice(holidays=["元旦"]), r"holidays\[0\]：应为键值对"),
        (holiday("2027-01-01", "2027-01-03", days=3), r"holidays\[0\]：不认识的键 days"),
        (holiday("2027-1-1", "2027-01-03"), r"holidays\[0\].from：应为存在的日期"),
        (holiday("20270101", "2027-01-03"), r"holidays\[0\].from：应为存在的日期"),
        (holiday("2027-01-03", "2027-01-01"), "不像一个假期"),
        (holiday("2027-01-01", "2027-11-03"), "不像一个假期"),
        (holiday("2026-11-29", "2026-12-01"), "离2027年太远"),
        (holiday("2028-01-31", "2028-02-01"), "离2027年太远"),
        (notice(workdays=["2027-01-08"]), r"workdays\[0\]：2027-01-08 不是周六或周日"),
        (notice(workdays=["2027-01-09", "2027-01-09"]), r"workdays\[1\]：2027-01-09 出现了两次"),
        (notice(workdays=["2027-01-03"]), "2027-01-03 出现了两次"),
        (notice(amended_by=[{"notice": "x"}]), r"amended_by\[0\]：缺少 effect、issued"),
    ],
)
def test_a_faulty_notice_is_refused_with_its_place(data: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_notice(data)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"day": "05-32", "name": "劳动节"}, r"days\[0\].day：应为存在的日期"),
        ({"day": 501, "name": "劳动节"}, r"days\[0\].day：应为存在的日期"),
        ({"day": "05-01"}, r"days\[0\]：缺少 name"),
        ({"day": "05-01", "name": "劳动节", "since": "2025"}, "since：应为四位数的年份"),
    ],
)
def test_a_faulty_fixed_day_is_refused_with_its_place(entry: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_statutory({"law": "全国年节及纪念日放假办法", "days": [entry]})


def test_the_data_folder_does_not_hide_the_module_of_the_same_name() -> None:
    assert FOLDER.is_dir()
    assert Path(workflows.workdays.__file__) == FOLDER.with_suffix(".py")
