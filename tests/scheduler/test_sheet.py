"""The points of Hubei's sheet, added up by hand from the text for several situations."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from scheduler.records import Term
from scheduler.scoring import Known, Portion, Started
from scheduler.sheet import Line, Scored, grades, score
from scheduler.stationing import Finding
from workflows.library import DOCUMENTS, read_documents
from workflows.sheet import SHEETS, Sheet, parse_sheet, read_sheet

HUBEI = read_documents([DOCUMENTS], "hubei-2022").documents["hubei-2022"]
FIRST, LAST, AFTER = date(2023, 1, 1), date(2023, 12, 31), date(2024, 1, 5)
QUARTERS = ((1, 1, 3, 31), (4, 1, 6, 30), (7, 1, 9, 30), (10, 1, 12, 31))
YEARLY = {
    "leaders-study": 1, "annual-letter": 1, "annual-plan": 1, "head-visit": 1,
    "remote-services": 10, "teaching": 1, "receive-trainees": 3, "letter-targets": 1,
    "new-techniques": 1, "key-specialty": 1, "recipient-opinion": 1, "more-resources": 1,
}  # fmt: skip
BY_HAND = {
    "leading-group", "remote-system", "teaching", "quality", "recipient-opinion", "new-ways",
    "highlights", "publicity",
}  # fmt: skip


@pytest.fixture(scope="module")
def sheet() -> Sheet:
    found, problems = read_sheet([SHEETS], HUBEI)
    assert problems == ()
    assert found is not None
    return found


def term(number: int, first: date, until: date, people: int = 5) -> Term:
    return Term(number, "hubei-2022", "a", "b", first, until, people)


HALVES = (
    term(1, date(2023, 1, 1), date(2023, 7, 1)),
    term(2, date(2023, 7, 1), date(2024, 1, 1), 6),
)


def known(
    counts: dict[str, int] | None = None,
    visits: tuple[int, ...] = (0, 0, 0, 0),
    terms: tuple[Term, ...] = (),
    listed: tuple[Term, ...] = (),
    assessed: tuple[bool, ...] = (),
    today: date = AFTER,
) -> Known:
    windows = {
        name: (Portion("2023", FIRST, LAST, (counts or {}).get(name, 0), owed),)
        for name, owed in YEARLY.items()
    }
    windows["department-visits"] = tuple(
        Portion(f"2023-Q{n}", date(2023, *dates[:2]), date(2023, *dates[2:]), count, 1)
        for n, (dates, count) in enumerate(zip(QUARTERS, visits, strict=True), 1)
    )
    windows["task-lists"] = tuple(
        Portion(str(one.from_), one.from_, one.until - timedelta(days=1), int(one in listed), 1)
        for one in terms
    )
    ends = {
        "trainees-assessed": tuple(Started(date(2023, 6, n + 1), d) for n, d in enumerate(assessed))
    }
    return Known(FIRST, LAST, today, windows, ends, terms)


FULL = dict(YEARLY)


def line(found: Scored, name: str) -> Line:
    return next(one for one in found.lines if one.id == name)


def points(found: Scored, name: str) -> Decimal | None:
    return line(found, name).points


def test_the_sheet_is_the_texts(sheet: Sheet) -> None:
    assert [(part.name, part.points) for part in sheet.parts] == [
        ("组织领导", 10), ("派驻人员", 20), ("远程医疗", 15), ("专业培训", 20),
        ("工作落实及帮扶成效", 20), ("基层评价", 5), ("工作创新", 10),
    ]  # fmt: skip
    worth = [[criterion.points for criterion in part.criteria] for part in sheet.parts]
    assert worth == [[2, 2, 2, 2, 2], [20], [5, 10], [10, 6, 4], [5, 5, 5, 5], [5], [4, 2, 2, 2]]
    assert [[level.points for level in one.levels] for one in sheet.bonus] == [
        [2, 3],
        [2, 3],
        [4, 6],
    ]
    assert [veto.proof for veto in sheet.vetoes] == ["省级以上通报"] * 3
    assert sheet.total == 100


def test_everything_recorded(sheet: Sheet) -> None:
    found = score(sheet, known(FULL, (1, 1, 1, 1), HALVES, HALVES, (True, True)))
    # 100 less what only a person can say: 2 + 5 + 10 + 5 + 5 + 2 + 2 + 2
    assert (found.known, found.open_) == (67, 33)
    assert (found.least, found.most) == (67, 100)
    assert {one.id for one in found.lines if one.points is None} == BY_HAND
    assert found.bonus == 12
    assert found.grades == ("优秀", "良好", "一般", "差")
    assert all(not one.missing for one in found.lines)


def test_nothing_recorded(sheet: Sheet) -> None:
    found = score(sheet, known())
    # Stationing and the trainees' assessment are a person's to say, too: nobody knows of any.
    assert (found.known, found.open_) == (0, 33 + 20 + 4)
    assert (found.least, found.most) == (0, 57)
    assert found.grades == ("差",)  # 57 and 12 on top are 69
    assert points(found, "department-visits") == 0
    assert [one.signs for one in found.vetoes] == [
        ("本年没有登记驻点期",), ("本年没有登记任何活动和驻点期",), (),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("visits", "left"),
    [((1, 1, 1, 1), "2"), ((1, 0, 1, 1), "1.5"), ((4, 0, 0, 0), "0.5"), ((0, 0, 0, 0), "0")],
)
def test_half_a_point_for_each_quarter(sheet: Sheet, visits: tuple[int, ...], left: str) -> None:
    found = score(sheet, known(FULL, visits))
    assert points(found, "department-visits") == Decimal(left)
    assert len(line(found, "department-visits").missing) == visits.count(0)


@pytest.mark.parametrize(("many", "left"), [(0, 0), (1, 2), (2, 4), (3, 6), (7, 6)])
def test_two_points_for_each_trainee(sheet: Sheet, many: int, left: int) -> None:
    assert points(score(sheet, known({"receive-trainees": many})), "receive-trainees") == left


@pytest.mark.parametrize(("many", "got"), [(0, 0), (4, 4), (10, 10), (23, 10)])
def test_a_point_for_each_remote_service(sheet: Sheet, many: int, got: int) -> None:
    assert points(score(sheet, known({"remote-services": many})), "remote-services") == got


def test_letter_and_plan_are_one_deduction(sheet: Sheet) -> None:
    for counts in ({"annual-plan": 1}, {"annual-letter": 1}, {}):
        assert points(score(sheet, known(counts)), "letter-and-plan") == 0
    found = score(sheet, known({"annual-plan": 1, "annual-letter": 2}))
    assert points(found, "letter-and-plan") == 2


def test_a_mixed_year(sheet: Sheet) -> None:
    counts = {
        "leaders-study": 2, "annual-letter": 1, "head-visit": 1, "remote-services": 7,
        "teaching": 3, "receive-trainees": 2, "letter-targets": 1, "new-techniques": 1,
    }  # fmt: skip
    found = score(sheet, known(counts, (1, 0, 2, 0), HALVES, HALVES[:1], (True, False)))
    # 2 (study) + 0 (no plan) + 2 (visit) + 1 (two quarters) ; 7 ; 4 ; 5 + 5 ; 0 for the rest
    assert found.known == 2 + 0 + 2 + 1 + 7 + 4 + 5 + 5
    # The team without a list has 6 people: 24 points are more than there are; 2 at the least.
    stationed = line(found, "task-lists")
    assert (stationed.points, stationed.least, stationed.most) == (None, 0, 18)
    assert "6人" in stationed.missing[0]
    assert line(found, "trainees-assessed").points is None
    assert found.open_ == 33 + 20 + 4
    assert (found.least, found.most) == (26, 26 + 33 + 18 + 4)
    assert [(part.name, part.known) for part in found.parts] == [
        ("组织领导", 5), ("派驻人员", 0), ("远程医疗", 7), ("专业培训", 4),
        ("工作落实及帮扶成效", 10), ("基层评价", 0), ("工作创新", 0),
    ]  # fmt: skip
    assert found.grades == ("优秀", "良好", "一般", "差")  # 81 and 12 are 93


def test_assessments(sheet: Sheet) -> None:
    for done, got in (((True, True), 4), ((False,), 0), ((True, False), None), ((), None)):
        assert points(score(sheet, known(assessed=done)), "trainees-assessed") == got


def test_small_teams_lose_less_at_most(sheet: Sheet) -> None:
    two = (term(1, FIRST, LAST, 2),)
    stationed = line(score(sheet, known(terms=two)), "task-lists")
    assert (stationed.least, stationed.most) == (12, 18)  # two people, four points each


def test_a_settled_window_counts_as_done(sheet: Sheet) -> None:
    at = known(visits=(0, 1, 1, 1))
    first, *others = at.windows["department-visits"]
    remote = at.windows["remote-services"][0]
    at = replace(at, windows={**at.windows,
        "department-visits": (first._replace(settled="completed"), *others),
        "remote-services": (remote._replace(settled="completed"),),
        "leaders-study": (at.windows["leaders-study"][0]._replace(settled="waived"),),
    })  # fmt: skip
    found = score(sheet, at)
    assert points(found, "department-visits") == 2
    assert points(found, "remote-services") == 10
    assert points(found, "leaders-study") == 2
    assert "免报" in line(found, "leaders-study").figure


def test_while_the_year_goes_on_more_may_come(sheet: Sheet) -> None:
    found = score(sheet, known({"remote-services": 3}, (1, 0, 0, 0), today=date(2023, 5, 1)))
    assert not found.known_of.over
    remote = line(found, "remote-services")
    assert (remote.points, remote.least, remote.most) == (3, 3, 10)
    assert found.most == 100


def test_short_is_not_called_unrecorded(sheet: Sheet) -> None:
    counts = {"remote-services": 4, "receive-trainees": 1}
    found = score(sheet, known(counts))
    for name in ("remote-system", "remote-services", "receive-trainees"):
        (said,) = line(found, name).missing
        assert "没有登记" not in said, name
    assert "登记了4，还差6（应有10）" in line(found, "remote-system").missing[0]
    # Beside another criterion, a figure says what it is of.
    assert line(found, "remote-system").figure == "remote-services 4"
    assert line(found, "remote-services").figure == "4"
    none = score(sheet, known())
    assert "没有登记" in line(none, "remote-system").missing[0]
    assert "还差" not in line(none, "remote-system").missing[0]


def test_a_quarter_that_is_short_says_by_how_much(sheet: Sheet) -> None:
    at = known(visits=(1, 0, 3, 2))
    twice = tuple(one._replace(owed=3) for one in at.windows["department-visits"])
    study = at.windows["leaders-study"][0]._replace(counted=1, owed=2)
    at = replace(at, windows={**at.windows, "department-visits": twice, "leaders-study": (study,)},
                 units={"department-visits": "次"})  # fmt: skip
    found = score(sheet, at)
    assert line(found, "department-visits").missing == (
        "第一季度登记了1次，还差2次（应有3次）", "第二季度没有登记",
        "第四季度登记了2次，还差1次（应有3次）",
    )  # fmt: skip
    assert line(found, "leaders-study").basis == "登记不足，扣2分"


def test_nobody_is_said_to_have_recorded_nothing_where_something_is(sheet: Sheet) -> None:
    """Whatever each window has of what it needs, a line says 没有登记 only where it has nothing."""
    for counted in (0, 1, 2, 9):
        at = known(dict.fromkeys(YEARLY, counted), (counted,) * 4)
        raised = {
            name: tuple(one._replace(owed=10) for one in windows)
            for name, windows in at.windows.items()
        }
        for one in score(sheet, replace(at, windows=raised)).lines:
            if not one.feeds or one.id in ("trainees-assessed", "task-lists"):
                continue
            said = " ".join((*one.missing, one.basis))
            assert ("没有登记" in said and "还差" not in said) <= (counted == 0), (one.id, said)


def test_signs_of_a_veto(sheet: Sheet) -> None:
    gap = Finding("gap", date(2023, 3, 1), date(2023, 4, 1), "三月没有人", True)
    found = score(sheet, replace(known(terms=HALVES), findings=(gap,)))
    assert [one.signs for one in found.vetoes] == [("三月没有人",), (), ()]


def test_grades_between_two_totals(sheet: Sheet) -> None:
    assert grades(sheet, Decimal(0), Decimal("69.5")) == ("差",)
    assert grades(sheet, Decimal(90), Decimal(100)) == ("优秀",)
    assert grades(sheet, Decimal("89.5"), Decimal("89.5")) == ("良好",)
    assert grades(sheet, Decimal("79.5"), Decimal(80)) == ("良好", "一般")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("feeds: [head-visit]", "feeds: [head-visits]", "D030"),
        ("feed: trainees-assessed", "feed: teaching", "D030"),
        ("document: hubei-2022", "document: hubei-2023", "D030"),
        ("lose: 0.5", "lose: 0.55", "F003"),
        ("total: 100", "total: 101", "D031"),
        ("points: 20\n    criteria", "points: 19\n    criteria", "D031"),
        ("from: 80", "from: 95", "D031"),
        ("id: publicity", "id: quality", "D032"),
        ("kind: each-done", "kind: each", "F005"),
        ("total: 100", "total: 100\nsum: 3", "F001"),
    ],
)
def test_a_faulty_sheet_is_refused_at_its_place(old: str, new: str, code: str) -> None:
    text = (SHEETS / "hubei-2022.yaml").read_text(encoding="utf-8")
    line_of = text[: text.index(old)].count("\n") + 1
    found, problems = parse_sheet(text.replace(old, new, 1).encode(), "sheet.yaml", HUBEI)
    assert found is None
    assert code in {one.code for one in problems}
    assert any(abs(one.line - line_of) <= 3 for one in problems if one.code == code), problems
