"""Run by the system's Python, which has libical: reads files, prints what it sees as JSON.

libical is what Evolution, GNOME Calendar and KOrganizer read by. ``restriction_check`` holds every
component against the tables of RFC 5545.
"""

import json
import sys

import gi

gi.require_version("ICalGLib", "3.0")
from gi.repository import ICalGLib  # noqa: E402


def read(text: str) -> dict[str, object]:
    """Return the events of a calendar, or what is wrong with it."""
    calendar = ICalGLib.Component.new_from_string(text)
    if calendar is None or calendar.isa() != ICalGLib.ComponentKind.VCALENDAR_COMPONENT:
        return {"problem": "not a calendar"}
    if calendar.count_errors():
        return {"problem": f"{calendar.count_errors()} errors while reading"}
    if not ICalGLib.restriction_check(calendar):
        return {"problem": "breaks a restriction"}
    events = {}
    one = calendar.get_first_component(ICalGLib.ComponentKind.VEVENT_COMPONENT)
    while one is not None:
        first, end = one.get_dtstart(), one.get_dtend()
        if not (first.is_date() and end.is_date()):
            return {"problem": f"{one.get_uid()} is not all-day"}
        status = one.get_first_property(ICalGLib.PropertyKind.STATUS_PROPERTY)
        events[one.get_uid()] = [
            one.get_summary(),
            one.get_description(),
            first.as_ical_string(),
            end.as_ical_string(),
            status.get_value_as_string(),
        ]
        one = calendar.get_next_component(ICalGLib.ComponentKind.VEVENT_COMPONENT)
    return {"events": events}


found = {}
for path in sys.argv[1:]:
    with open(path, encoding="utf-8", newline="") as file:
        found[path] = read(file.read())
json.dump(found, sys.stdout)
