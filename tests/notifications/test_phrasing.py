"""How a mail of today speaks of dates."""

from __future__ import annotations

from datetime import date

import pytest

from notifications.phrasing import brief, on, plain, remaining, working_days
from workflows.library import bundled_workdays

WORKDAYS = bundled_workdays()


def test_a_year_is_said_only_when_it_is_another() -> None:
    assert on(date(2019, 9, 20), date(2019, 1, 1)) == "9月20日（周五）"
    assert brief(date(2020, 1, 2), date(2019, 12, 31)) == "2020年1月2日"


@pytest.mark.parametrize(
    ("today", "due", "said"),
    [
        ((2019, 9, 18), (2019, 9, 20), "还剩 2 个工作日"),
        ((2019, 9, 20), (2019, 9, 20), "今天到期"),
        ((2019, 11, 8), (2019, 11, 10), "今天是到期前最后一个工作日"),
        ((2019, 9, 23), (2019, 9, 20), "已逾期 1 个工作日"),
        # 29 September 2019, a Sunday, was worked in exchange for the holidays
        ((2019, 10, 10), (2019, 9, 20), "已逾期 10 个工作日"),
    ],
)
def test_what_is_left_counts_the_days_really_worked(
    today: tuple[int, int, int], due: tuple[int, int, int], said: str
) -> None:
    assert remaining(WORKDAYS, date(*today), date(*due)) == said


def test_working_days_exclude_the_first_and_include_the_last() -> None:
    assert working_days(WORKDAYS, date(2019, 9, 18), date(2019, 9, 20)) == 2
    assert working_days(WORKDAYS, date(2019, 9, 20), date(2019, 9, 20)) == 0


def test_a_plain_text_is_one_short_line() -> None:
    assert plain("甲\r\n乙\u2028丙\u202e丁") == "甲 乙 丙 丁"
    assert plain("甲" * 100) == "甲" * 79 + "…"
