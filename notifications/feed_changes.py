"""The clock of each event of a feed: when what it says last changed, and how often it did.

Clients such as ICSx5 and Evolution show a change only where DTSTAMP, LAST-MODIFIED and SEQUENCE
advance, so these advance with every visible change, whatever caused it, and never otherwise. Each
event is remembered as it was last shown. Pure: values in, values out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import icalendar
from icalendar import Event

from notifications import feed, feed_description, feed_lines, phrasing, stationed, wording
from notifications.feed import Entry, Owner

KEPT = timedelta(days=30)  # how long a cancelled event stays
SECOND = timedelta(seconds=1)
WORDING = (feed, feed_description, feed_lines, phrasing, stationed, wording)  # what words events
_BEGIN, _END = b"\r\nBEGIN:VEVENT\r\n", b"\r\nEND:VEVENT\r\n"  # whole lines, not text in them
_STAMPS = re.compile(rb"^(DTSTAMP|LAST-MODIFIED|SEQUENCE):.*\r\n", re.MULTILINE)
_MARKS = ("✓ ", "【免报】", "【已报待审】")


@dataclass(frozen=True, slots=True)
class Shown:
    """One event as its subscribers last saw it; ``scheduler.tables.FeedEvent`` says what is what.

    ``alarms`` is None where the bytes alone were kept and nobody knows.
    """

    uid: str
    kind: str
    frequent: bool
    alarms: bool | None
    due: date
    source: str
    hash: str
    sequence: int
    modified_at: datetime
    cancelled_on: date | None
    body: bytes

    @property
    def key(self) -> str:
        """Return the key of its occurrence."""
        return self.uid.removesuffix("@duban")


def advance(
    owner: Owner,
    entries: Iterable[Entry],
    before: Mapping[str, Shown],
    now: datetime,
    today: date,
    base_url: str,
    same: Collection[str] = (),
    frequent: bool = True,
) -> dict[str, Shown]:
    """Return a feed's events by UID as they are to be shown now; ``before`` as they were.

    ``now`` is an aware instant, ``today`` the local day. ``same``: what is known to be as it was,
    though no entry stands for it. ``frequent``: what comes every week or two as well. What this
    owner no longer has stays as cancelled for 30 days, and then without bytes.
    """
    entries = list(entries)
    several = feed.partners(entries)
    after = {name: before[name] for name in same}
    for entry in feed.shown(entries, today):
        if not frequent and feed.is_frequent(entry.occurrence):
            continue
        name = feed.uid(entry.occurrence.key)
        after[name] = _next(owner, entry, several, before.get(name), now, base_url)
    first, _ = feed.window(today)
    for name, old in before.items():
        if name not in after and old.due >= first:
            after[name] = _gone(old, now, today)
    return after


def remembered(body: bytes) -> dict[str, Shown]:
    """Return the events of a feed of which only the bytes were kept, by UID.

    Stores from before the clock have no more; so no stamp begins anew there.
    """
    found: dict[str, Shown] = {}
    for name, text in _events(body).items():
        if name.startswith("info/"):
            continue
        made = _parsed(text)
        stamp = made.decoded("LAST-MODIFIED")
        found[name] = Shown(
            uid=name,
            kind="",
            frequent=False,
            alarms=None,
            due=made.decoded("DTEND") - timedelta(days=1),
            source="",
            hash=_content(text),
            sequence=made.decoded("SEQUENCE"),
            modified_at=stamp,
            cancelled_on=stamp.date() if made["STATUS"] == "CANCELLED" else None,
            body=text,
        )
    return found


def _next(
    owner: Owner,
    entry: Entry,
    several: frozenset[tuple[str, str]],
    old: Shown | None,
    now: datetime,
    base_url: str,
) -> Shown:
    one = entry.occurrence
    assert one.due is not None
    title = feed.summary(owner, entry, several)
    source = entry.source
    if source and not owner.scope:  # where the title depends on the other entries
        source += hashlib.sha256(title.encode()).hexdigest()[:16]
    if old is not None and source and old.source == source:
        return old
    sequence, stamp = entry.sequence, entry.modified_at.astimezone(UTC).replace(microsecond=0)
    text = feed.event(owner, entry, several, base_url, title)
    content = _content(text)
    if old is not None:
        same = old.hash == content and old.alarms in (None, entry.rings)
        sequence, stamp = (
            (old.sequence, old.modified_at)
            if same
            else (old.sequence + 1, _later(old, now, stamp))
        )
    return Shown(
        uid=feed.uid(one.key),
        kind=one.kind,
        frequent=feed.is_frequent(one),
        alarms=entry.rings,
        due=one.due,
        source=source,
        hash=content,
        sequence=sequence,
        modified_at=stamp,
        cancelled_on=entry.cancelled_on,
        body=_stamped(text, sequence, stamp),
    )


def _later(old: Shown, now: datetime, changed: datetime | None = None) -> datetime:
    """Return the stamp after a change: when the store says, else now, and never the old one."""
    stamp = now.astimezone(UTC).replace(microsecond=0)
    if changed is not None and changed > old.modified_at:
        stamp = changed
    return max(stamp, old.modified_at + SECOND)


def source(owner: str, base_url: str, *made_from: object) -> str:
    """Return a digest of all that the bytes of an owner's event are made from, stamps excepted.

    ``made_from``: what the store has of it. Of institutions the title still is to be added.
    """
    told = (_program(), owner, base_url, *made_from)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:32]


@cache
def _program() -> str:
    """Return a digest of the code that words events: another program may word them otherwise."""
    files = [Path(str(one.__file__)) for one in WORDING]
    said = b"".join(file.read_bytes() for file in files) + icalendar.__version__.encode()
    return hashlib.sha256(said).hexdigest()


def _gone(old: Shown, now: datetime, today: date) -> Shown:
    """Return an event that its owner no longer has: cancelled, then without bytes."""
    if not old.body:
        return old
    if old.cancelled_on is not None:
        if old.cancelled_on + KEPT > today:
            return old
        return replace(old, body=b"", hash="", source="")
    sequence, stamp = old.sequence + 1, _later(old, now)
    text = _stamped(_cancelled(old.body), sequence, stamp)
    return replace(
        old,
        alarms=False,
        source="",
        hash=_content(text),
        sequence=sequence,
        modified_at=stamp,
        cancelled_on=today,
        body=text,
    )


def _cancelled(text: bytes) -> bytes:
    made = _parsed(text)
    title = str(made["SUMMARY"])
    for mark in _MARKS:
        title = title.removeprefix(mark)
    for name, value in (("SUMMARY", f"【取消】{title}"), ("STATUS", "CANCELLED")):
        del made[name]
        made.add(name, value)
    return bytes(made.to_ical())


def _content(text: bytes) -> str:
    return hashlib.sha256(_STAMPS.sub(b"", text)).hexdigest()[:32]


def _stamped(text: bytes, sequence: int, stamp: datetime) -> bytes:
    """Return an event's bytes with these stamps."""
    at = f"{stamp:%Y%m%dT%H%M%SZ}".encode()
    values = {b"SEQUENCE": b"%d" % sequence, b"DTSTAMP": at, b"LAST-MODIFIED": at}
    return _STAMPS.sub(lambda found: b"%b:%b\r\n" % (found[1], values[found[1]]), text)


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
