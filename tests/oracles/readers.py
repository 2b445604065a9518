"""Readers in this process: each takes a feed's bytes and says what a person would see.

A reader that complains raises Refused. They agree on a feed where all return the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

import icalendar
import ics
import recurring_ical_events
import vobject
from ical.calendar_stream import IcsCalendarStream
from khal.icalendar import split_ics
from khal.khalendar.backend import SQLiteDb


class Seen(NamedTuple):
    """An all-day event: its texts, its first day, and the day after its last."""

    summary: str
    description: str
    first: date
    end: date
    status: str


class Refused(Exception):
    """A reader does not take a feed."""


Year = Mapping[str, Seen]
Reader = Callable[[str], Year]
NEVER = (date(1990, 1, 1), date(2200, 1, 1))


def by_icalendar(text: str) -> Year:
    """Read as the library by which we write."""
    calendar = icalendar.Calendar.from_ical(text)
    found = {}
    for event in calendar.walk("VEVENT"):
        assert not event.errors, event.errors
        found[str(event["UID"])] = _of_icalendar(event)
    return found


def _of_icalendar(event: icalendar.Component) -> Seen:
    return Seen(
        str(event["SUMMARY"]),
        str(event["DESCRIPTION"]),
        event["DTSTART"].dt,
        event["DTEND"].dt,
        str(event["STATUS"]),
    )


def by_recurring(text: str) -> Year:
    """Read as programs do that ask what is on between two days."""
    query = recurring_ical_events.of(icalendar.Calendar.from_ical(text))
    return {str(event["UID"]): _of_icalendar(event) for event in query.between(*NEVER)}


def by_vobject(text: str) -> Year:
    """Read and validate by vobject."""
    calendar = vobject.readOne(text)
    assert calendar.validate(raiseException=True)
    return {
        event.uid.value: Seen(
            event.summary.value,
            event.description.value,
            event.dtstart.value,
            event.dtend.value,
            event.status.value,
        )
        for event in calendar.vevent_list
    }


def by_ics(text: str) -> Year:
    """Read by ics.py."""
    return {
        event.uid: Seen(
            event.name, event.description, event.begin.date(), event.end.date(), event.status
        )
        for event in ics.Calendar(text).events
        if event.all_day
    }


def by_ical(text: str) -> Year:
    """Read by the strict parser of Home Assistant, which drops the whole feed for one fault."""
    return {
        event.uid or "": Seen(
            event.summary or "",
            event.description or "",
            event.dtstart,
            event.dtend,
            event.status or "",
        )
        for event in IcsCalendarStream.calendar_from_ics(text).events
    }


def by_khal(text: str) -> Year:
    """Read as khal does: every event alone, into its database, and back from there."""
    zone = ZoneInfo("Asia/Shanghai")
    locale = {"local_timezone": zone, "default_timezone": zone}
    known = SQLiteDb(["feed"], ":memory:", locale=locale)
    for number, item in enumerate(split_ics(text)):
        known.update(item, f"{number}.ics", calendar="feed")
    edges = [dt.datetime.combine(day, dt.time()) for day in NEVER]
    found = {}
    for body, *_ in known.get_floating(*edges):
        (event,) = icalendar.Calendar.from_ical(body).walk("VEVENT")
        found[str(event["UID"])] = _of_icalendar(event)
    return found


READERS: Mapping[str, Reader] = {
    "icalendar": by_icalendar,
    "recurring-ical-events": by_recurring,
    "vobject": by_vobject,
    "ics": by_ics,
    "ical": by_ical,
    "khal": by_khal,
}


def read(name: str, body: bytes) -> Year:
    """Return what one reader sees in a feed; raises Refused."""
    try:
        return READERS[name](body.decode())
    except Exception as error:
        raise Refused(f"{name}: {type(error).__name__}: {error}") from error


def read_alike(body: bytes, names: tuple[str, ...] = tuple(READERS)) -> Year:
    """Return what all readers see, after asserting that they see the same; raises Refused."""
    ours = read("icalendar", body)
    for name in names:
        same(name, read(name, body), ours)
    return ours


def same(name: str, theirs: Year, ours: Year) -> None:
    """Assert that two readers saw the same, telling the first difference."""
    assert theirs.keys() == ours.keys(), f"{name}: {sorted(theirs.keys() ^ ours.keys())[:3]}"
    for uid, seen in ours.items():
        assert theirs[uid] == seen, f"{name}: {uid}"
