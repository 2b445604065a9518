"""What happens next if nothing is done, in the words of a mail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from notifications import shortfalls
from notifications.items import Entry, several
from notifications.phrasing import brief
from notifications.stationed import followed_by_gap, is_gap, is_handover
from scheduler.addressing import recipients
from scheduler.ladder import steps
from scheduler.occurrences import Occurrence
from scheduler.world import World


class _Onward(NamedTuple):
    """The rungs that are still to come for an entry: their days, and what happens on each."""

    entry: Entry
    days: tuple[date, ...]
    deeds: tuple[str, ...]


def next_steps(entries: Sequence[Entry], reader: str, world: World, today: date) -> str:
    """Return what happens next, for the most urgent entry that goes on, and for the others.

    ``reader`` is the id of the recipient's institution.
    """
    listed = sorted(entries, key=lambda entry: (entry.due, entry.occurrence.key))
    onward = [_onward(entry, reader, world, today) for entry in listed]
    climbing = [one for one in onward if one.days]
    if not climbing and any(followed_by_gap(entry.occurrence, world) for entry in entries):
        return "期满时还没有登记下一批的，从空档第一天起逐级催办；登记了下一批，就不再提醒。"
    if not climbing and all(is_handover(entry.occurrence) for entry in entries):
        return "只提醒到期满为止；登记了下一批，就不再提醒。"
    if not climbing and all(shortfalls.is_quota(entry.occurrence) for entry in entries):
        return shortfalls.NEXT
    if not climbing:
        return "以上各项不再逐级催办，仍列在台账上，直到登记办结。"
    first = climbing[0]
    said = "，".join(
        f"{brief(day, today)}{deed}" for day, deed in zip(first.days, first.deeds, strict=True)
    )
    still = "仍没有登记派驻人员" if is_gap(first.entry.occurrence) else "仍未登记办结"
    due = first.entry.due
    since = still if due < today else f"{brief(due, today)}以后{still}"
    return f"{since}的，{said}。{_rest(first, climbing, len(climbing) == len(onward))}"


def _rest(first: _Onward, climbing: Sequence[_Onward], everything: bool) -> str:
    """Return the sentence on those for whom the first one's is not the whole truth."""
    others = "其余各项" if everything else "其余还要催办的"
    if any(one.deeds != first.deeds for one in climbing):
        return f"{others}按各自的期限，向各自的上级逐级催办。"
    return f"{others}照此办理。" if any(one.days != first.days for one in climbing) else ""


def _onward(entry: Entry, reader: str, world: World, today: date) -> _Onward:
    one = entry.occurrence
    later = [
        (step.at.date(), step.to)
        for step in steps(one, world.workdays, world.timezone)
        if step.last_day is None and step.at.date() > today
    ]
    deeds: list[str] = []
    before: set[str] = set()
    for day, to in later:
        deed = _deed(to, one, reader, world, day)
        deeds.append(_AGAIN.get(deed[:1], deed) if deed in before else deed)
        before.add(deed)
    return _Onward(entry, tuple(day for day, _ in later), tuple(deeds))


_AGAIN = {"报": "再次催办", "提": "再次提醒"}  # the body was named by the rung before it


def _deed(to: str, one: Occurrence, reader: str, world: World, day: date) -> str:
    """Return in words whom a later rung will speak to, as the contacts stand now."""
    if to == "responsible":
        return "再提醒一次"
    found = dict.fromkeys(r.institution for r in recipients(one, to, world, day))
    if not found:
        return "报管理员"
    if one.responsible.id != reader and set(found) == {reader}:
        return "再列一次"
    if one.responsible.id in found:
        whose = "本单位" if one.responsible.id == reader else one.responsible.name
        return f"提醒{whose}协调员"
    named = world.rosters[one.document].institutions
    return f"报{several([named[i].name if i in named else i for i in found])}协调员催办"
