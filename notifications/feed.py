"""A year of an institution or a scope as an iCalendar feed that every client reads.

Pure: values in, bytes out. RFC 5545, RFC 7986 (NAME, REFRESH-INTERVAL). Nothing here depends on
today: the window is whole calendar years, and what is near or late is for the mails to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from icalendar import Calendar
from icalendar.prop import vText

from notifications import feed_lines, stationed
from notifications.feed_description import clean, description, short
from scheduler.occurrences import Occurrence

PRODID = "-//duban//duban//ZH"
REFRESH = timedelta(hours=4)
FREQUENT = frozenset({"week", "fortnight"})  # one event a window would drown the rest
TRIGGERS = (b"-P13DT15H", b"-PT15H")  # at 09:00, 14 days and 1 day before
END = b"END:VCALENDAR\r\n"
END_EVENT = b"END:VEVENT\r\n"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose feed it is: an institution, or a scope of several (``notifications.feed_scopes``)."""

    id: str
    name: str

    @property
    def scope(self) -> str:
        """Return region, pairing or document; empty for an institution."""
        return self.id.partition(":")[0] if ":" in self.id else ""

    @property
    def institution(self) -> str:
        """Return the institution whose own duties need no name in their titles, or nothing."""
        return self.id.removeprefix("region:") if self.scope in ("", "region") else ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One occurrence with what the store knows of it.

    ``modified_at`` (aware) is when its content last changed and ``sequence`` how often.
    ``tentative``: a rule moves the date off days whose holiday notice is not out yet.
    ``original``: the date of the text, where an authority granted the later one that the
    occurrence has here: a calendar shows the day that people work to. ``source``: another one
    whenever what it is made from is, empty where nobody worked it out.
    """

    occurrence: Occurrence
    modified_at: datetime
    sequence: int = 0
    status: str = "open"
    cancelled_on: date | None = None
    tentative: bool = False
    original: date | None = None
    source: str = ""

    @property
    def cancelled(self) -> bool:
        """Return whether it is no longer owed."""
        return self.cancelled_on is not None

    @property
    def rings(self) -> bool:
        """Return whether the variant with alarms has some for it."""
        pending = self.status in ("open", "acknowledged", "returned") and not self.cancelled
        return pending and not stationed.is_term(self.occurrence)


@dataclass(frozen=True, slots=True)
class Variant:
    """What a subscriber chose; empty sets choose everything."""

    alarms: bool = False
    frequent: bool = False
    documents: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()

    def wants(self, document: str, kind: str, frequent: bool) -> bool:
        """Return whether such an event belongs into this variant."""
        if self.documents and document not in self.documents:
            return False
        if self.kinds and kind not in self.kinds:
            return False
        return self.frequent or not frequent

    @property
    def narrow(self) -> bool:
        """Return whether documents or kinds were chosen."""
        return bool(self.documents or self.kinds)


DEFAULT = Variant()


def window(today: date) -> tuple[date, date]:
    """Return the first and last day that a feed shows: last year to the year after next."""
    return date(today.year - 1, 1, 1), date(today.year + 2, 12, 31)


def uid(key: str) -> str:
    """Return the UID of an occurrence's event; it never changes."""
    return f"{key}@duban"


def link(base_url: str, key: str) -> str:
    """Return the address of an occurrence's page."""
    return f"{base_url.rstrip('/')}/items/{key}"


def render(
    owner: Owner,
    entries: Iterable[Entry],
    today: date,
    base_url: str = "",
    variant: Variant = DEFAULT,
) -> bytes:
    """Return the feed's bytes: the same entries in the same calendar year give the same bytes."""
    entries = list(entries)
    several = partners(entries)
    fragments = []
    for entry in shown(entries, today):
        one = entry.occurrence
        if variant.wants(one.document, one.kind, is_frequent(one)):
            text = event(owner, entry, several, base_url)
            fragments.append(with_alarms(text) if variant.alarms and entry.rings else text)
    return assemble(owner, fragments, today, narrow=variant.narrow)


def shown(entries: Iterable[Entry], today: date) -> list[Entry]:
    """Return the entries that some variant of a feed shows, by date then key."""
    first, last = window(today)
    found = [
        entry
        for entry in entries
        if entry.occurrence.due
        and first <= entry.occurrence.due <= last
        and entry.occurrence.phase != "pre-issue"
    ]
    found.sort(key=lambda entry: (entry.occurrence.due or date.min, entry.occurrence.key))
    return found


def is_frequent(one: Occurrence) -> bool:
    """Return whether an occurrence comes so often that only the variant that asks shows it."""
    return one.quota is not None and one.quota.per in FREQUENT


def assemble(
    owner: Owner, fragments: list[bytes], today: date, *, narrow: bool = False
) -> bytes:
    """Return a calendar around its events; one that informs where there are none.

    ``narrow``: the events are those of a choice.
    """
    calendar = Calendar()
    name = f"督办 · {clean(owner.name)}"
    calendar.add("PRODID", PRODID)
    calendar.add("VERSION", "2.0")
    calendar.add("CALSCALE", "GREGORIAN")
    # Unknown names are written verbatim unless wrapped.
    calendar.add("NAME", vText(name))
    calendar.add("X-WR-CALNAME", vText(name))
    calendar.add("REFRESH-INTERVAL", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("X-PUBLISHED-TTL", vText("PT4H"))
    head = bytes(calendar.to_ical()).removesuffix(END)
    return head + b"".join(fragments or [_nothing_yet(owner, today.year, narrow)]) + END


def event(
    owner: Owner,
    entry: Entry,
    several: frozenset[tuple[str, str]],
    base_url: str,
    title: str | None = None,
) -> bytes:
    """Return one event's bytes. ``several``: (document, institution) with more than one partner.

    ``title`` is what ``summary`` gives, for whoever has it already.
    """
    one = entry.occurrence
    assert one.due is not None
    first = one.opens if stationed.is_term(one) and one.opens else one.due
    address = link(base_url, one.key) if base_url else ""
    unsure = one.phase == "contested" or entry.tentative
    return _all_day(
        uid(one.key),
        first,
        one.due,
        (entry.modified_at, entry.sequence),
        summary(owner, entry, several) if title is None else title,
        description(one, address, entry.original),
        "CANCELLED" if entry.cancelled else "TENTATIVE" if unsure else "CONFIRMED",
        address,
    )


def with_alarms(text: bytes) -> bytes:
    """Return an event's bytes with the alarms of the variant that asks for them."""
    title = next(
        one for one in text.replace(b"\r\n ", b"").split(b"\r\n") if one.startswith(b"SUMMARY:")
    )
    # Escaped already, as both are TEXT; only the folding is another.
    said = feed_lines.line("DESCRIPTION", title.removeprefix(b"SUMMARY:"))
    alarms = b"".join(
        b"BEGIN:VALARM\r\nACTION:DISPLAY\r\n%bTRIGGER:%b\r\nEND:VALARM\r\n"
        % (said, before)
        for before in TRIGGERS
    )
    return text.removesuffix(END_EVENT) + alarms + END_EVENT


def summary(owner: Owner, entry: Entry, several: frozenset[tuple[str, str]]) -> str:
    """Return an event's title: what, who files it if another does, about which partner."""
    one = entry.occurrence
    notes: list[str] = []
    if one.responsible.id != owner.institution:
        notes.append(f"由{one.responsible.name}{'报送' if one.submit else '负责'}")
    if len(one.pairings) == 1 and owner.scope != "pairing":
        supporter, recipient = one.pairings[0]
        sides = (supporter, recipient)
        viewer = owner.id if owner.id in (supporter.id, recipient.id) else one.responsible.id
        if viewer not in (supporter.id, recipient.id):
            notes.append(f"{supporter.name}—{recipient.name}")
        elif owner.scope or (one.document, viewer) in several:
            notes += [p.name for p in sides if p.id not in (viewer, one.responsible.id)]
    done = {"completed": "✓ ", "accepted": "✓ ", "waived": "【免报】", "submitted": "【已报待审】"}
    mark = "【取消】" if entry.cancelled else done.get(entry.status, "")
    return clean(mark + short(one.title) + (f"〔{'，'.join(notes)}〕" if notes else ""))


def _all_day(
    name: str,
    first: date,
    last: date,
    clock: tuple[datetime, int],
    title: str,
    said: str,
    status: str,
    address: str = "",
) -> bytes:
    """Return an event from a first to a last day; ``clock``: when it changed, how often."""
    changed, sequence = clock
    stamp = f"{changed.astimezone(UTC):%Y%m%dT%H%M%SZ}".encode()
    text, line = feed_lines.text, feed_lines.line
    # In the order in which icalendar writes them.
    lines = [
        b"BEGIN:VEVENT\r\n",
        text("SUMMARY", title),
        b"DTSTART;VALUE=DATE:%b\r\n" % f"{first:%Y%m%d}".encode(),
        b"DTEND;VALUE=DATE:%b\r\n" % f"{last + timedelta(days=1):%Y%m%d}".encode(),
        b"DTSTAMP:%b\r\n" % stamp,
        text("UID", name),
        b"SEQUENCE:%d\r\n" % sequence,
        text("DESCRIPTION", said),
        b"LAST-MODIFIED:%b\r\n" % stamp,
        b"STATUS:%b\r\nTRANSP:TRANSPARENT\r\n" % status.encode(),
        line("URL", address.encode()) if address else b"",
        b"X-MICROSOFT-CDO-BUSYSTATUS:FREE\r\n",
        END_EVENT,
    ]
    return b"".join(lines)


def _nothing_yet(owner: Owner, year: int, narrow: bool) -> bytes:
    # An empty calendar would leave stale events in some clients and be refused by others.
    first = date(year, 1, 1)
    among = "选定范围内" if narrow else ""
    return _all_day(
        uid(f"info/{owner.id}/{'chosen/' if narrow else ''}{year}"),
        first,
        first,
        (datetime(year, 1, 1, tzinfo=UTC), 0),
        f"督办日历已订阅，{among}暂时没有带日期的事项",
        "有了带日期的事项，会自动出现在这个日历里，不需要重新订阅。",
        "CONFIRMED",
    )


def partners(entries: Iterable[Entry]) -> frozenset[tuple[str, str]]:
    """Return (document, institution) of all that have more than one partner among the entries."""
    others: dict[tuple[str, str], set[str]] = {}
    for one in (entry.occurrence for entry in entries):
        for supporter, recipient in one.pairings:
            if supporter.id and recipient.id:
                others.setdefault((one.document, supporter.id), set()).add(recipient.id)
                others.setdefault((one.document, recipient.id), set()).add(supporter.id)
    return frozenset(key for key, found in others.items() if len(found) > 1)
