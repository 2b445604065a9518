"""Whose feed it is, as one word: an institution's id, a region, a pairing, or a whole document.

``region:<authority>`` is what concerns every institution below an authority in the line of
authority of the applied rosters, and itself; ``pairing:<document>/<pairing>`` what two hospitals
owe about their pairing; ``document:<document>`` everything that a document demands.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping

from config.roster import Institution, Pairing
from notifications.feed import Owner
from scheduler.occurrences import Occurrence
from scheduler.world import World

REGION, PAIRING, DOCUMENT = "region:", "pairing:", "document:"
WORDS = {"": "单位", "region": "辖区", "pairing": "一对结对", "document": "整份文件"}


def region(authority: str) -> str:
    """Return the owner of what concerns an authority and all below it."""
    return REGION + authority


def pairing(document: str, number: str) -> str:
    """Return the owner of what one pairing of a document demands."""
    return f"{PAIRING}{document}/{number}"


def document(name: str) -> str:
    """Return the owner of everything in a document."""
    return DOCUMENT + name


def owner(text: str, world: World) -> Owner:
    """Return an owner with the name that its feed bears, by the applied documents and rosters."""
    kind, _, rest = text.rpartition(":")
    if kind == "region":
        found = institution(rest, world)
        area = (found.county or found.city or found.name) if found else rest
        return Owner(text, f"{area}（辖区）")
    if kind == "pairing":
        pair = sides(text, world)
        known_here = world.rosters[rest.partition("/")[0]].institutions if pair else {}
        names = [known_here[one].name for one in pair]
        return Owner(text, "—".join(names) or rest)
    if kind == "document":
        known = world.documents.get(rest)
        return Owner(text, (known.number or known.title) if known else rest)
    return Owner(text, _name(text, world))


def institution(number: str, world: World) -> Institution | None:
    """Return an institution of the applied rosters, or None."""
    rosters = world.rosters.values()
    return next((r.institutions[number] for r in rosters if number in r.institutions), None)


def _name(number: str, world: World) -> str:
    found = institution(number, world)
    return found.name if found else number


def members(authority: str, world: World) -> frozenset[str]:
    """Return the ids of an authority and of all below it in any applied roster."""
    below = {
        one
        for roster in world.rosters.values()
        for one in roster.institutions
        if authority in roster.above(one)
    }
    return frozenset(below | {authority})


def sides(text: str, world: World) -> tuple[str, ...]:
    """Return supporter and recipient of a pairing's owner, nothing where it is not applied."""
    name, _, number = text.removeprefix(PAIRING).partition("/")
    roster = world.rosters.get(name)
    found = (one for one in (roster.pairings if roster else ()) if one.id == number)
    return next(((one.supporter, one.recipient) for one in found), ())


def about(one: Occurrence, pair: tuple[str, ...], number: str) -> bool:
    """Return whether an occurrence is the pairing's: its subject, or owed by a side about it."""
    if one.key.split("/")[2] == number:
        return True
    owing = {one.responsible.id, *(party.id for party in one.assisting)}
    return bool(owing.intersection(pair)) and any(
        (supporter.id, recipient.id) == pair for supporter, recipient in one.pairings
    )


def belongs(text: str, world: World) -> Callable[[Occurrence, Container[str]], bool]:
    """Return what tells whether an occurrence, touching some institutions, is the owner's."""
    kind, _, rest = text.rpartition(":")
    if kind == "document":
        return lambda one, _touched: one.document == rest
    if kind == "pairing":
        name, _, number = rest.partition("/")
        pair = sides(text, world)
        return lambda one, _touched: one.document == name and about(one, pair, number)
    ids = members(rest, world) if kind == "region" else {text}
    return lambda _one, touched: any(institution in touched for institution in ids)


def pairings_of(
    name: str, supporter: str, recipient: str, world: World
) -> tuple[Pairing, ...]:
    """Return the applied pairings of a document between two hospitals, by name, alias or id."""
    roster = world.rosters.get(name)
    one, other = (roster.find(supporter), roster.find(recipient)) if roster else (None, None)
    if roster is None or one is None or other is None:
        return ()
    return tuple(
        p for p in roster.pairings if (p.supporter, p.recipient) == (one.id, other.id)
    )


def concerned(
    owners: Iterable[str], touched: Mapping[str, Iterable[str]], world: World
) -> set[str]:
    """Return the owners whose feed may show one of the keys; ``touched``: the institutions of each."""
    institutions = {one for several in touched.values() for one in several}
    documents = {key.partition("/")[0] for key in touched}
    found: set[str] = set()
    for text in owners:
        kind, _, rest = text.rpartition(":")
        hit = text in institutions
        if kind == "region":
            hit = not institutions.isdisjoint(members(rest, world))
        elif kind == "pairing":
            hit = rest.partition("/")[0] in documents
        elif kind == "document":
            hit = rest in documents
        if hit:
            found.add(text)
    return found
