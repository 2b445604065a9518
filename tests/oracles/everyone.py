"""Every feed that the bundled documents can give, rendered as the service renders them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import cache

from notifications import feed, feed_scopes
from notifications.feed import Entry, Owner, Variant
from scheduler.loading import load
from scheduler.occurrences import occurrences
from scheduler.relations import relations
from scheduler.world import World

URL = "https://duban.example"
DAY = date(2026, 6, 1)
PLAIN, FULL = Variant(), Variant(alarms=True, frequent=True)
STAMP = datetime(2019, 1, 1, tzinfo=UTC)


@cache
def world() -> World:
    """Return the bundled documents as applied."""
    loaded = load()
    assert not loaded.faulty
    return World(loaded.documents, loaded.rosters, loaded.workdays)


@cache
def institutions(day: date = DAY) -> Mapping[str, tuple[Entry, ...]]:
    """Return every institution with all that touches it in the window of a day."""
    found: dict[str, list[Entry]] = {}
    first, last = feed.window(day)
    for name, document in world().documents.items():
        roster = world().rosters[name]
        for known in roster.institutions:
            found.setdefault(known, [])
        parents = {one.id: one.parent for one in roster.institutions.values() if one.parent}
        for one in occurrences(document, roster, world().workdays, first, last):
            entry = Entry(occurrence=one, modified_at=STAMP)
            for institution in relations(one, parents):
                found[institution].append(entry)
    return {name: tuple(entries) for name, entries in found.items()}


@cache
def scopes() -> Mapping[str, tuple[Entry, ...]]:
    """Return every document, region and pairing with all that its feed may show."""
    touching = institutions()
    found = {}
    for name, roster in world().rosters.items():
        of_document = _once(
            entry
            for institution in roster.institutions
            for entry in touching[institution]
            if entry.occurrence.document == name
        )
        found[f"document:{name}"] = of_document
        for pairing in roster.pairings:
            owner = f"pairing:{name}/{pairing.id}"
            sides = feed_scopes.sides(owner, world())
            found[owner] = tuple(
                entry
                for entry in _once([*touching[sides[0]], *touching[sides[1]]])
                if entry.occurrence.document == name
                and feed_scopes.about(entry.occurrence, sides, pairing.id)
            )
        for authority in sorted({up for one in roster.institutions for up in roster.above(one)}):
            owner = f"region:{authority}"
            if owner not in found:
                below = feed_scopes.members(authority, world())
                found[owner] = _once(e for one in sorted(below) for e in touching[one])
    return found


def _once(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple({entry.occurrence.key: entry for entry in entries}.values())


def owner(name: str) -> Owner:
    """Return the owner of a feed with its printed name."""
    return feed_scopes.owner(name, world())


def rendered(
    of: Mapping[str, Iterable[Entry]], variant: Variant = PLAIN, day: date = DAY
) -> dict[str, bytes]:
    """Return the bytes of feeds by their owners, as they are on a day."""
    return {
        name: feed.render(owner(name), entries, day, URL, variant) for name, entries in of.items()
    }
