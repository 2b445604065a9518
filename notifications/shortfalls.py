"""What a mail says of a quota that falls behind, or whose window ended short."""

from __future__ import annotations

from datetime import date

from notifications.phrasing import brief, plain
from scheduler.counting import Tally, Window
from scheduler.occurrences import Occurrence

SHOWN = 6
LIMIT = 300


def is_quota(one: Occurrence) -> bool:
    """Return whether an occurrence is a quota's window."""
    return one.kind == "quota"


def when(one: Occurrence, ended: bool) -> str | None:
    """Return the word before a window's last day in a mail, None for what is no quota."""
    if not is_quota(one):
        return None
    return "本期已止于" if ended else "本期至"


def ended_short(one: Occurrence, ended: bool) -> str | None:
    """Return what stands in place of how late something is, None where nothing does."""
    return "次数不足" if is_quota(one) and ended else None


def verb(one: Occurrence, ended: bool) -> str | None:
    """Return what follows the date in a mail's subject, None for what is no quota."""
    if not is_quota(one):
        return None
    return "一期不足" if ended else "一期还不够"


def heading(items: int, ended: int) -> str:
    """Return how many quotas a mail is about, and of how many the window has ended."""
    coming = items - ended
    parts = []
    if coming:
        parts.append(f"{coming} 项频次落后于进度")
    if ended:
        parts.append(f"{ended} 项频次本期结束时不足")
    return "，".join(parts)


NEXT = "频次按登记的活动计数，登记够了就不再提醒；本期结束时仍不足的，再说明一次，不逐级催办。"


def spanned(window: Window, today: date) -> str:
    """Return a window as 9月9日—22日, with the year where it is not today's."""
    opens, due = window.opens, window.due
    if (opens.year, opens.month) == (due.year, due.month):
        last = f"{due.day}日"
    elif opens.year == due.year:
        last = f"{due.month}月{due.day}日"
    else:
        last = brief(due, today) if due.year != today.year else f"{due.year}年{brief(due, today)}"
    return f"{brief(opens, today)}—{last}"


def shortfall(one: Occurrence, found: Tally, today: date) -> str:
    """Return what is too little, as 本期（9月9日—22日）已0次，至少1次；最后工作日9月20日."""
    window = found.window
    unit = "个" if window.quota.members else window.quota.unit
    span = spanned(window, today)
    if today > window.due:
        said = f"本期（{span}）结束时只有{found.counted}{unit}，至少{window.owed}{unit}"
    else:
        said = f"本期（{span}）已{found.counted}{unit}，至少{window.owed}{unit}"
        if found.expected < window.owed:
            said += f"，到今天应有{found.expected}{unit}"
        if one.last_working_day:
            said += f"；最后工作日{brief(one.last_working_day, today)}"
    if found.missing:
        names = "、".join(found.missing[:SHOWN])
        many = f"等{len(found.missing)}个" if len(found.missing) > SHOWN else ""
        said += f"；还缺：{names}{many}"
    return plain(said, LIMIT)
