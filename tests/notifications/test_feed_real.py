"""The feeds of every institution of the bundled documents, through readers nobody here wrote."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache

import pytest

from notifications import feed
from notifications.feed import Entry, Owner, Variant
from scheduler.loading import load
from scheduler.occurrences import occurrences
from scheduler.relations import relations
from tests.notifications.feed_samples import check_bytes, events, read_by_all

YEARS = (date(2020, 6, 1), date(2026, 6, 1))


@cache
def everyone() -> dict[str, tuple[Owner, list[Entry]]]:
    """Return every institution with all that touches it in the windows of the years."""
    loaded = load()
    assert not loaded.faulty
    found: dict[str, tuple[Owner, list[Entry]]] = {}
    for name, document in loaded.documents.items():
        roster = loaded.rosters[name]
        for one in roster.institutions.values():
            found.setdefault(one.id, (Owner(one.id, one.name), []))
        parents = {one.id: one.parent for one in roster.institutions.values() if one.parent}
        stamp = datetime(2019, 1, 1, tzinfo=UTC)
        listed = occurrences(
            document, roster, loaded.workdays, date(2019, 1, 1), date(2028, 12, 31)
        )
        for one in listed:
            for institution, relation in relations(one, parents).items():
                found[institution][1].append(Entry(one, relation, stamp))
    return found


def test_every_institution_has_a_feed_with_sound_bytes() -> None:
    assert len(everyone()) > 300
    for owner, entries in everyone().values():
        body = feed.render(owner, entries, YEARS[1], "https://duban.example")
        check_bytes(body)
        dates = {e.occurrence.due for e in entries if feed.DEFAULT.wants(e.occurrence)}
        shown = {event["DTSTART"].dt for event in events(body).values()}
        first, last = feed.window(YEARS[1])
        wanted = {day for day in dates if day and first <= day <= last}
        assert shown == (wanted or {date(2026, 1, 1)}), owner


def test_some_of_each_document_are_read_alike_by_all_readers() -> None:
    chosen = ("mashan-zhongyiyiyuan", "baise-zhongyi-zhuguan", "nanning-zhongyiyiyuan")
    for owner, entries in (everyone()[one] for one in chosen):
        assert len(read_by_all(feed.render(owner, entries, YEARS[0], "https://d.example"))) > 10


@pytest.mark.system
def test_all_are_read_alike_by_all_readers() -> None:
    for owner, entries in everyone().values():
        variant = Variant(alarms=True, frequent=len(entries) < 400)
        read_by_all(feed.render(owner, entries, YEARS[1], "https://duban.example", variant))
