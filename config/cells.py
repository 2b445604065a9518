"""What a single cell or row may hold: ids, words of a list, days, spans that do not overlap."""

from __future__ import annotations

import re
from datetime import date

from config.sheet import Sheet

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LOOSE_DAY = re.compile(r"(\d{4})[/.-](\d{1,2})[/.-](\d{1,2})")


class Spans:
    """Reports what is written twice for the same days; ``column`` and ``what`` name it."""

    def __init__(self, sheet: Sheet, column: str, what: str) -> None:
        self.sheet, self.column, self.what = sheet, column, what
        self.seen: dict[tuple[str, ...], list[tuple[date, date, int]]] = {}

    def add(self, line: int, key: tuple[str, ...], from_: date | None, until: date | None) -> None:
        """Take one row's span; ``until`` is exclusive."""
        start, end = from_ or date.min, until or date.max
        spans = self.seen.setdefault(key, [])
        for other_start, other_end, other in spans[:50]:
            if start < other_end and other_start < end:
                self.sheet.report(
                    line, self.column, "029", f"{self.what}写了两次",
                    f"第 {other} 行已有；分段的写清 from 和 until",
                )  # fmt: skip
                return
        spans.append((start, end, line))


def slug(
    sheet: Sheet, line: int, column: str, value: str, *, needed: bool = False, dots: bool = False
) -> None:
    """Report a cell that is no id; with ``dots``, ids joined by dots are one too."""
    parts = value.split(".") if dots else [value]
    if not value:
        if needed and column in sheet.index:
            sheet.report(line, column, "022", f"没有写 {column}", "每一行都要有，用拼音小写")
    elif len(value) > (161 if dots else 80) or not all(_SLUG.fullmatch(part) for part in parts):
        sheet.report(
            line, column, "021", f"“{value[:40]}”不能作 {column}",
            "用拼音小写、数字和短横线，如 nanning-zhongyiyiyuan",
        )  # fmt: skip


def one_of(
    sheet: Sheet, line: int, column: str, value: str, allowed: tuple[str, ...], number: str
) -> None:
    """Report a cell whose word is not one of those allowed."""
    if value not in allowed and column in sheet.index:
        words = "、".join(word or "（留空）" for word in allowed)
        sheet.report(line, column, number, f"“{value[:40]}”不在规定之列", f"可以写：{words}")


def dates(sheet: Sheet, line: int, row: dict[str, str]) -> tuple[date | None, date | None]:
    """Return ``from`` and ``until`` (exclusive) of a row, after reporting what is wrong in them."""
    days = [day(sheet, line, column, row.get(column, "")) for column in ("from", "until")]
    if days[0] and days[1] and days[0] >= days[1]:
        hint = "止日不含当天，要晚于起日"
        sheet.report(line, "until", "026", "止日不晚于起日", hint)
    return days[0], days[1]


def day(sheet: Sheet, line: int, column: str, value: str, number: str = "025") -> date | None:
    """Return the day of a cell; None where it is empty, or after reporting that it is no day."""
    if not value:
        return None
    if not _DAY.fullmatch(value):
        sheet.report(line, column, number, f"“{value[:40]}”的日期写法不对", "写作 2019-07-22")
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        sheet.report(line, column, number, f"{value} 不是日历上有的日子", "核对月份的天数和闰年")
        return None


def tidy(text: str) -> str:
    """Return 2019/7/22, as spreadsheets write it, as 2019-07-22."""
    found = _LOOSE_DAY.fullmatch(text)
    return f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}" if found else text
