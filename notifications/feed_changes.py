"""What changed between a feed's last bytes and its new ones, told to clients by their stamps.

Clients such as ICSx5 and Evolution show a change only where DTSTAMP, LAST-MODIFIED and SEQUENCE
advance, so these advance with every visible change, whatever caused it, and never otherwise. The
last bytes themselves are the memory: nothing else has to be kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from icalendar import Event

from notifications import feed
from notifications.feed import Entry, Owner

KEPT = timedelta(days=30)  # how long a cancelled event stays
SECOND = timedelta(seconds=1)
_BEGIN, _END = b"\r\nBEGIN:VEVENT\r\n", b"\r\nEND:VEVENT\r\n"  # whole lines, not text in them
_STAMPS = re.compile(rb"^(?:DTSTAMP|LAST-MODIFIED|SEQUENCE):.*\r\n", re.MULTILINE)


def render(
    owner: Owner,
    entries: Iterable[Entry],
    now: datetime,
    today: date,
    base_url: str,
    previous: bytes | None,
) -> bytes:
    """Return the feed's next bytes; ``previous`` are the last ones served, or None.

    ``now`` is an aware instant, ``today`` the local day. An event that this institution no longer
    has stays as cancelled for 30 days.
    """
    before = _events(previous) if previous else {}
    several = list(entries)
    fragments: list[tuple[date, str, bytes]] = []
    seen: set[str] = set()
    for entry, fresh in feed.events(owner, several, today, base_url):
        name = feed.uid(entry.occurrence.key)
        seen.add(name)
        old = before.get(name)
        if old is not None and _STAMPS.sub(b"", old) == _STAMPS.sub(b"", fresh):
            fresh = old
        elif old is not None:
            fresh = _advanced(owner, entry, several, today, base_url, old, now)
        assert entry.occurrence.due is not None
        fragments.append((entry.occurrence.due, entry.occurrence.key, fresh))
    fragments += _gone(before, seen, now, today)
    fragments.sort(key=lambda one: one[:2])
    return feed.assemble(owner, [text for _, _, text in fragments], today)


def _advanced(
    owner: Owner,
    entry: Entry,
    entries: list[Entry],
    today: date,
    base_url: str,
    old: bytes,
    now: datetime,
) -> bytes:
    known = _parsed(old)
    sequence = max(entry.sequence, known.decoded("SEQUENCE") + 1)
    stamp = known.decoded("DTSTAMP")
    moved = entry.modified_at if entry.modified_at > stamp else now
    stamped = replace(entry, sequence=sequence, modified_at=max(moved, stamp + SECOND))
    several = feed.partners(entries)
    return feed.event(owner, stamped, several, base_url, alarms=False)


def _gone(
    before: Mapping[str, bytes], seen: set[str], now: datetime, today: date
) -> list[tuple[date, str, bytes]]:
    first, last = feed.window(today)
    found: list[tuple[date, str, bytes]] = []
    for name, old in before.items():
        if name in seen or name.startswith("info/"):
            continue
        made = _parsed(old)
        on: date = made.decoded("DTSTART")
        if not first <= on <= last:
            continue
        if made["STATUS"] == "CANCELLED":
            if made.decoded("LAST-MODIFIED") + KEPT <= now:
                continue
        else:
            old = _cancelled(made, now)
        found.append((on, name.removesuffix("@duban"), old))
    return found


def _cancelled(made: Event, now: datetime) -> bytes:
    stamp = max(now.astimezone(UTC).replace(microsecond=0), made.decoded("DTSTAMP") + SECOND)
    changes = {
        "SUMMARY": f"【取消】{str(made['SUMMARY']).removeprefix('✓ ')}",
        "STATUS": "CANCELLED",
        "SEQUENCE": made.decoded("SEQUENCE") + 1,
        "DTSTAMP": stamp,
        "LAST-MODIFIED": stamp,
    }
    for name, value in changes.items():
        del made[name]
        made.add(name, value)
    return bytes(made.to_ical())


def _events(body: bytes) -> dict[str, bytes]:
    """Return the events of a feed that we rendered, by UID."""
    found: dict[str, bytes] = {}
    for part in body.split(_BEGIN)[1:]:
        inner = (part + b"\r\n").partition(_END)[0]
        text = _BEGIN.lstrip() + inner + _END
        unfolded = text.replace(b"\r\n ", b"")
        name = re.search(rb"^UID:(.*)\r\n", unfolded, re.MULTILINE)
        if name:
            found[name[1].decode()] = text
    return found


def _parsed(text: bytes) -> Event:
    made = Event.from_ical(text.decode())
    assert isinstance(made, Event)
    return made
