"""What an event of a feed says below its title, in lines that every calendar reads alike. Pure."""

from __future__ import annotations

import re
from datetime import date

from notifications import stationed, wording
from scheduler.ladder import reminded_by_terms
from scheduler.occurrences import Occurrence

# C0 and C1 controls, line and paragraph separators, direction overrides, halves of a pair,
# noncharacters. icalendar 7.3 writes them as they are, and strict readers drop the whole feed.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]+"
)

LONG = 16  # characters of a title; a month's column shows about ten


def clean(text: str) -> str:
    """Return a text as one line that every calendar client reads back unchanged.

    A backslash becomes its full-width form: clients disagree on how to unescape it before n and N.
    """
    if not text.isprintable():  # mostly it is, and asking is cheap
        text = _HIDDEN.sub(" ", text)
    return text.replace("\\", "＼").strip()


def short(title: str) -> str:
    """Return a title for a month's narrow columns: a long one without what explains it."""
    head, colon, _ = title.partition("：")
    return head if colon and len(title) > LONG else title


def description(one: Occurrence, address: str = "", original: date | None = None) -> str:
    """Return what, by when, to whom, how, on which clause; one line each.

    ``original``: the date of the text, where the occurrence has a later one here.
    """
    assert one.due is not None
    lines = [f"最迟：{wording.day(one.due)}"]
    if stationed.is_term(one) or reminded_by_terms(one):
        return _closing(stationed.lines(one), one, address)
    if one.kind in ("once", "recurring") and one.opens is None:
        lines[0] += "，含当日"
    if original:
        lines[0] += f"（已延期，原定{wording.day(original)}）"
    lines.append(f"最后工作日：{wording.last_working_day(one)}")
    if one.binds_by and one.binds_by < one.due:
        lines.append(f"实际最迟：{wording.day(one.binds_by)}（另一事项须在此之后办理）")
    if one.opens and one.opens != one.due:
        lines.append(f"起：{wording.day(one.opens)}")
    if one.quota:
        count = wording.quota(one.quota)
        lines.append(f"次数：{count}" + ("" if one.quota.enforced else "（首个周期不足，不计）"))
    return _closing(lines, one, address)


def _closing(lines: list[str], one: Occurrence, address: str) -> str:
    """Return the lines and what every description ends with."""
    if short(one.title) != one.title:
        lines.insert(0, one.title)
    lines.append(f"负责：{wording.who(one)}")
    if one.unresolved:
        lines.append(f"未明：{one.unresolved}")
    if one.recipients:
        lines.append("报给：" + "、".join(party.name for party in one.recipients))
    lines += [f"报送：{wording.submission(way)}" for way in one.submit]
    lines.append(f"依据：{wording.citation(one)}“{one.phrase}”")
    if one.reading:
        lines.append(f"读法：{one.reading}")
    if one.phase in wording.PHASE_NOTES:
        note = wording.PHASE_NOTES[one.phase]
        lines.append(f"性质：{wording.PHASES[one.phase]}，{note}")
    if address:
        lines.append(f"详情：{address}")
    return "\n".join(clean(line) for line in lines)
