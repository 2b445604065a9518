"""The feeds of every institution, region, pairing and document, through all the oracles.

One test a batch, because making a batch costs more than most oracles take to read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path

import pytest

from notifications import feed
from notifications.feed import DEFAULT, Entry, Variant
from notifications.feed_description import short
from tests.notifications.feed_samples import check_bytes
from tests.oracles.everyone import DAY, FULL, institutions, rendered, scopes
from tests.oracles.outside import OUTSIDE, by_calcurse, spans
from tests.oracles.readers import READERS, Refused, Year, read, read_alike, same

CHOSEN = ("mashan-zhongyiyiyuan", "baise-zhongyi-zhuguan", "nanning-zhongyiyiyuan")
EVENT, END = b"BEGIN:VEVENT\r\n", b"END:VCALENDAR\r\n"
NUMBER = re.compile(rb"\d+")


def test_some_feeds_of_institutions_say_what_is_owed_to_every_reader_here() -> None:
    for name in CHOSEN:
        (body,) = rendered({name: institutions()[name]}).values()
        assert len(judged(body, institutions()[name], DEFAULT)) > 10
        read_alike(body)
    (body,) = rendered({CHOSEN[0]: institutions()[CHOSEN[0]]}, FULL).values()
    assert b"BEGIN:VALARM" in body
    read_alike(body, ("vobject", "ical", "khal"))


@pytest.mark.system
def test_the_feeds_of_all_institutions_are_read_alike_by_all(tmp_path: Path) -> None:
    assert len(institutions()) > 300
    slow = {"ics"}  # below
    judge(institutions(), DEFAULT, tuple(READERS.keys() - slow), tmp_path)


@pytest.mark.system
def test_every_event_of_all_institutions_is_read_alike_by_ics() -> None:
    # It takes five milliseconds an event, so what differs only in its numbers it reads once.
    seen: set[bytes] = set()
    for body in rendered(institutions()).values():
        for part in unseen(body, seen):
            same("ics", read("ics", part), read("icalendar", part))
    assert len(seen) > 1_000


@pytest.mark.system
def test_the_feeds_with_alarms_and_frequent_windows_are_read_alike_by_all(tmp_path: Path) -> None:
    judge(institutions(), FULL, ("ical",), tmp_path)


@pytest.mark.system
def test_the_feeds_of_regions_pairings_and_documents_are_read_alike_by_all(tmp_path: Path) -> None:
    kinds = {name.partition(":")[0] for name in scopes()}
    assert kinds == {"region", "pairing", "document"}
    assert len(scopes()) > 150
    judge(scopes(), DEFAULT, ("ical",), tmp_path)


def judge(
    of: Mapping[str, Iterable[Entry]],
    variant: Variant,
    readers: tuple[str, ...],
    folder: Path,
    day: date = DAY,
) -> None:
    """Let readers of this process and all programs outside read feeds of a day, and compare."""
    bodies, owned = rendered(of, variant, day), {}
    years: dict[str, Year] = {}
    for number, (owner, body) in enumerate(bodies.items()):
        name = f"{number}"
        owned[name] = owner
        years[name] = judged(body, of[owner], variant)
        for reader in readers:
            same(f"{reader}: {owner}", read(reader, body), years[name])
        (folder / f"{name}.ics").write_bytes(body)
    for program, answers in OUTSIDE.items():
        for name, answer in answers(folder).items():
            assert not isinstance(answer, Refused), (program, owned[name], answer)
            same(f"{program}: {owned[name]}", answer, years[name])
    for name, owner in owned.items():
        kept = by_calcurse(folder / f"{name}.ics", folder / "calcurse")
        assert kept == spans(years[name]), f"calcurse: {owner}"


def judged(body: bytes, entries: Iterable[Entry], variant: Variant) -> Year:
    """Return what a feed says, after holding its bytes and its events against what is owed."""
    check_bytes(body)
    year = read("icalendar", body)
    owed = {
        feed.uid(one.key): one
        for one in (entry.occurrence for entry in entries)
        if one.due
        and one.phase != "pre-issue"
        and variant.wants(one.document, one.kind, feed.is_frequent(one))
    }
    assert set(year) == set(owed) or (not owed and len(year) == 1)
    for uid, one in owed.items():
        assert one.due
        assert (year[uid].first, year[uid].end) == (one.due, one.due + timedelta(days=1))
        assert short(one.title) in year[uid].summary
        # However long a title is, what it says stands in the description.
        assert one.title in year[uid].summary + year[uid].description
        assert f"“{one.phrase}”" in year[uid].description
    return year


def unseen(body: bytes, seen: set[bytes]) -> Iterator[bytes]:
    """Yield a feed without events like those seen before, if any are left; note them as seen."""
    head, *events = body.removesuffix(END).split(EVENT)
    fresh = {NUMBER.sub(b"0", event): event for event in events}
    kept = [event for shape, event in fresh.items() if shape not in seen]
    seen.update(fresh)
    if kept:
        yield head + b"".join(EVENT + event for event in kept) + END
