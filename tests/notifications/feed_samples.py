"""Occurrences and entries for tests of feeds, and the readers of them that nobody here wrote."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import icalendar
import ics
import vobject
from ical.calendar_stream import IcsCalendarStream

from notifications.feed import Entry, Owner
from scheduler.occurrences import Occurrence
from scheduler.parties import Party
from scheduler.quotas import Count
from workflows.document import Submission

OWNER = Owner("da", "甲市人民医院")
DA, XIAO, BING = Party("da", OWNER.name), Party("xiao", "乙县人民医院"), Party("bing", "丙县医院")
BUREAU = Party("ju", "省局")
STAMP = datetime(2025, 1, 10, 1, 2, 3, tzinfo=UTC)
TODAY = date(2026, 5, 6)

ONE = Occurrence(
    key="pair-2025/plan/da.xiao/once",
    document="pair-2025",
    number="某卫发〔2025〕1号",
    obligation="plan",
    title="报送工作方案",
    kind="once",
    programme=None,
    period="once",
    opens=None,
    due=date(2026, 3, 20),
    last_working_day=date(2026, 3, 20),
    provisional=False,
    phase="core",
    reading=None,
    clauses=("三",),
    phrase="2026年3月20日前报送",
    responsible=DA,
    unresolved=None,
    assisting=(),
    recipients=(BUREAU,),
    submit=(Submission(by="post", what="方案", copies=2, to="省局医政处"),),
    binds_by=date(2026, 3, 20),
    pairings=((DA, XIAO),),
    quota=None,
)
WEEKLY = replace(
    ONE,
    key="pair-2025/visit/da.xiao/2026-w07",
    kind="quota",
    submit=(),
    quota=Count(1, None, "次", "week", True),
)


def entry(one: Occurrence = ONE, **changes: Any) -> Entry:
    """Return an occurrence as the store would give it."""
    return Entry(occurrence=one, modified_at=STAMP, **changes)


def events(body: bytes) -> dict[str, icalendar.Event]:
    """Return the events of a feed by UID, read by icalendar."""
    calendar = icalendar.Calendar.from_ical(body)
    return {str(event["UID"]): event for event in calendar.walk("VEVENT")}


def check_bytes(body: bytes) -> None:
    """Assert what the readers all let pass: line ends, folding, and the parameters they ignore."""
    text = body.decode()
    assert not body.startswith(b"\xef\xbb\xbf")
    assert body.endswith(b"END:VCALENDAR\r\n")
    assert body.count(b"\n") == body.count(b"\r\n") == body.count(b"\r")
    for line in body.split(b"\r\n"):
        assert len(line) <= 75
        line.decode()  # a fold inside a character would not decode
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT4H\r\n" in body
    assert b"X-PUBLISHED-TTL:PT4H\r\n" in body
    assert "TZID" not in text
    assert "\r\nMETHOD" not in text
    assert "\r\nSOURCE" not in text
    assert not re.search("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]", text)
    head = text.partition("\r\nBEGIN:VEVENT\r\n")[0]
    for name in ("VERSION:2.0", "PRODID:", "NAME:", "X-WR-CALNAME:"):
        assert head.count(f"\r\n{name}") == 1
    assert "\r\nBEGIN:VEVENT\r\n" in text


def read_by_all(body: bytes) -> dict[str, tuple[str, str, date]]:
    """Return summary, description and day by UID, after asserting that all readers agree."""
    check_bytes(body)
    ours = {
        uid: (str(event["SUMMARY"]), str(event["DESCRIPTION"]), event["DTSTART"].dt)
        for uid, event in events(body).items()
    }
    text = body.decode()
    assert _by_vobject(text) == ours
    assert _by_ics(text) == ours
    assert _by_ical(text) == ours
    return ours


def _by_vobject(text: str) -> dict[str, tuple[str, str, date]]:
    calendar = vobject.readOne(text)
    assert calendar.validate(raiseException=True)
    return {
        event.uid.value: (event.summary.value, event.description.value, event.dtstart.value)
        for event in calendar.vevent_list
    }


def _by_ics(text: str) -> dict[str, tuple[str, str, date]]:
    return {
        event.uid: (event.name, event.description, event.begin.date())
        for event in ics.Calendar(text).events
    }


def _by_ical(text: str) -> dict[str, tuple[str, str, date]]:
    calendar = IcsCalendarStream.calendar_from_ics(text)
    found = {}
    for event in calendar.events:
        assert event.uid is not None
        assert event.dtend == event.dtstart + timedelta(days=1)
        found[event.uid] = (event.summary or "", event.description or "", event.dtstart)
    return found
