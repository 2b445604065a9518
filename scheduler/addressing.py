"""To whom a rung speaks: the holders of a role, or whoever stands in for them higher up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from config.roster import Roster
from scheduler.occurrences import Occurrence
from scheduler.world import World

AUTHORITIES = frozenset({"authority", "government", "office"})


class Recipient(NamedTuple):
    """One mailbox; ``institution`` is the id of the body whose role it holds.

    ``note`` says why it is not the one that was meant, in Chinese, or is None.
    """

    address: str
    institution: str
    role: str
    office: str
    placeholder: bool = False
    note: str | None = None


def recipients(one: Occurrence, to: str, world: World, on: date) -> tuple[Recipient, ...]:
    """Return the mailboxes that a rung of an occurrence goes to, each once; none if nobody is.

    ``to``: responsible (liaisons of the responsible and the assisting), coordinator (of the
    responsible itself if it is an authority, else of the nearest body above), or issuer.
    """
    roster = world.rosters[one.document]
    found: dict[str, Recipient] = {}
    for recipient in _meant(one, to, world, roster, on):
        found.setdefault(recipient.address, recipient)
    return tuple(found.values())


def receivers(one: Occurrence, world: World, on: date) -> tuple[Recipient, ...]:
    """Return the mailboxes of who receives an occurrence, each once; none if nobody is known.

    These are the coordinators of each receiver, or else its liaisons; of an office that has
    neither, those of the body that it belongs to.
    """
    known = world.rosters[one.document].institutions
    found: dict[str, Recipient] = {}
    for party in one.recipients:
        if not party.id:
            continue
        office = known.get(party.id)
        bodies = [party.id, *([office.parent] if office and office.parent else [])]
        held = (
            _held(body, role, world, on) for body in bodies for role in ("coordinator", "liaison")
        )
        first = next(filter(None, held), None) or _holders(party.id, "coordinator", world, on)
        for recipient in first:
            found.setdefault(recipient.address, recipient)
    return tuple(found.values())


def _meant(one: Occurrence, to: str, world: World, roster: Roster, on: date) -> Iterator[Recipient]:
    if to == "responsible":
        for party in (one.responsible, *one.assisting):
            if party.id:
                yield from _liaisons(party.id, one.document, world, roster, on)
    elif to == "coordinator" and one.responsible.id:
        yield from _coordinators(one.responsible.id, one.document, world, roster, on)
    elif to == "issuer":
        yield from _issuers(one.document, world, on)


def _liaisons(
    institution: str, document: str, world: World, roster: Roster, on: date
) -> Iterator[Recipient]:
    own = _holders(institution, "liaison", world, on)
    if own:
        yield from own
        return
    note = f"{_name(institution, roster)}没有登记联络员，改送上级协调员"
    line = roster.above(institution)
    found = _first(line, world, on) or tuple(_issuers(document, world, on))
    yield from (recipient._replace(note=note) for recipient in found)


def _coordinators(
    institution: str, document: str, world: World, roster: Roster, on: date
) -> Iterator[Recipient]:
    line = roster.above(institution)
    known = roster.institutions.get(institution)
    if known and known.kind in AUTHORITIES:
        line = (institution, *line)
    if not line:
        yield from _issuers(document, world, on)
        return
    found = _first(line, world, on) or tuple(_issuers(document, world, on))
    meant = line[0]
    for recipient in found:
        note = None
        if recipient.institution != meant:
            note = f"{_name(meant, roster)}没有登记协调员，改送上级协调员"
        yield recipient._replace(note=note)


def _issuers(document: str, world: World, on: date) -> Iterator[Recipient]:
    roster = world.rosters[document]
    for issuer in world.documents[document].issuers:
        known = roster.institutions.values()
        desks = [one.id for one in known if one.parent == issuer and one.kind == "office"]
        for recipient in _first((issuer, *desks, *roster.above(issuer)), world, on):
            note = None
            if recipient.institution != issuer:
                where = "其处室" if recipient.institution in desks else "上级"
                note = f"{_name(issuer, roster)}没有登记协调员，改送{where}协调员"
            yield recipient._replace(note=note)


def _first(line: Iterable[str], world: World, on: date) -> tuple[Recipient, ...]:
    """Return the coordinators of the first body of a line that has any."""
    for body in line:
        if found := _holders(body, "coordinator", world, on):
            return found
    return ()


def _holders(institution: str, role: str, world: World, on: date) -> tuple[Recipient, ...]:
    held = _held(institution, role, world, on)
    if not held and world.placeholders:
        return (Recipient(f"{role}@{institution}.example", institution, role, "", True),)
    return held


def _held(institution: str, role: str, world: World, on: date) -> tuple[Recipient, ...]:
    """Return who holds a role in the list of contacts; nobody is invented."""
    held = world.contacts.holders(institution, role, on)
    return tuple(Recipient(one.email, institution, role, one.office) for one in held)


def _name(institution: str, roster: Roster) -> str:
    known = roster.institutions.get(institution)
    return known.name if known else institution
