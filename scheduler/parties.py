"""A role of a document, resolved on its roster: who is responsible, who assists, who receives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from config.roster import Membership, Pairing, Roster
from workflows.document import Document, Duty, Role
from workflows.rules import Period


class Party(NamedTuple):
    """An actor as the document prints it; ``id`` is None where the text names nobody."""

    id: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom one occurrence is about; ``from_`` and ``until`` (exclusive) bound the membership.

    ``about``: the institution of which another one owes it, as the city that a province visits.
    """

    id: str
    responsible: Party
    assisting: tuple[Party, ...]
    recipients: tuple[Party, ...]
    pairings: tuple[tuple[Party, Party], ...]
    unresolved: str | None = None
    from_: date | None = None
    until: date | None = None
    about: Party | None = None

    def clip(self, period: Period) -> Period | None:
        """Return the part of a period in which the subject is bound, or None.

        A day counts only while the membership lasts; a window is cut where it begins or ends, and
        one that is cut at its beginning is not enforced.
        """
        if self.from_ is None and self.until is None:
            return period
        if period.opens is None:
            bound = (self.from_ is None or period.due >= self.from_) and (
                self.until is None or period.due < self.until
            )
            return period if bound else None
        opens = max(period.opens, self.from_) if self.from_ else period.opens
        due = min(period.due, self.until - timedelta(days=1)) if self.until else period.due
        if opens > due:
            return None
        whole = period.enforced and opens == period.opens
        return period._replace(opens=opens, due=due, enforced=whole)


def parties(
    role: Role, roster: Roster, pairings: Iterable[Pairing], programme: str | None = None
) -> tuple[Party, ...]:
    """Return the actors of a role for the given pairings, each once, in the roster's order.

    ``programme``: of a group, only who belongs to it in that programme.
    """
    if role.words:
        return (Party(None, role.words),)
    ids: Iterable[str]
    if role.institution:
        ids = [role.institution]
    elif role.group:
        ids = [m.institution for m in _members(role.group, roster, programme)]
    else:
        assert role.side is not None
        ids = [
            roster.take(hospital, role.take) for hospital, _ in roster.sides(role.side, pairings)
        ]
    named = roster.institutions
    return tuple(Party(one, named[one].name) for one in dict.fromkeys(ids) if one in named)


def _members(group: str, roster: Roster, programme: str | None) -> list[Membership]:
    return [
        member
        for member in roster.members
        if member.group == group and (not programme or member.programme in ("", programme))
    ]


def subjects(document: Document, roster: Roster, duty: Duty) -> list[Subject]:
    """Return the subjects of an obligation with their actors, in the roster's order."""
    pairings = [
        p for p in roster.pairings if not duty.programme or p.programme in ("", duty.programme)
    ]
    if duty.per == "pairing":
        return [_for_pairing(document, roster, duty, pairing) for pairing in pairings]
    role = document.roles[duty.each or duty.responsible]
    if role.words or duty.per == "document":
        return [_for_all(document, roster, duty, pairings)]
    return [
        _for_institution(document, roster, duty, party, span, pairings)
        for party, span in _institutions(role, roster, duty, pairings)
    ]


def _named(
    document: Document,
    roster: Roster,
    duty: Duty,
    names: Iterable[str],
    pairings: Sequence[Pairing],
) -> tuple[Party, ...]:
    found = (
        party
        for name in names
        for party in parties(document.roles[name], roster, pairings, duty.programme)
    )
    return tuple(dict.fromkeys(found))


def _pairs(roster: Roster, pairings: Iterable[Pairing]) -> tuple[tuple[Party, Party], ...]:
    named = roster.institutions
    return tuple(
        (Party(p.supporter, named[p.supporter].name), Party(p.recipient, named[p.recipient].name))
        for p in pairings
    )


def _for_pairing(document: Document, roster: Roster, duty: Duty, pairing: Pairing) -> Subject:
    responsible = _named(document, roster, duty, [duty.responsible], [pairing])
    assisting = _named(document, roster, duty, duty.assisting, [pairing])
    return Subject(
        id=pairing.id,
        responsible=responsible[0],
        assisting=tuple(p for p in assisting if p != responsible[0]),
        recipients=_named(document, roster, duty, duty.recipients, [pairing]),
        pairings=_pairs(roster, [pairing]),
        from_=pairing.from_,
        until=pairing.until,
    )


def _for_all(document: Document, roster: Roster, duty: Duty, pairings: list[Pairing]) -> Subject:
    role = document.roles[duty.responsible]
    responsible = parties(role, roster, pairings, duty.programme)
    first = responsible[0] if responsible else Party(None, role.name)
    assisting = _named(document, roster, duty, duty.assisting, pairings)
    return Subject(
        id="all",
        responsible=first,
        assisting=tuple(p for p in dict.fromkeys((*responsible[1:], *assisting)) if p != first),
        recipients=_named(document, roster, duty, duty.recipients, pairings),
        pairings=_pairs(roster, pairings),
        unresolved=role.unresolved if responsible else "名册中没有这一角色的单位",
    )


Span = tuple[date | None, date | None]


def _hull(spans: Iterable[Span]) -> Span:
    """Return the first day and the (exclusive) last one of several spans taken together."""
    begins, ends = zip(*spans, strict=True)
    from_ = None if None in begins else min(begins)
    return from_, None if None in ends else max(ends)


def _institutions(
    role: Role, roster: Roster, duty: Duty, pairings: list[Pairing]
) -> list[tuple[Party, Span | None]]:
    """Return the institutions of a role, with the days that membership of a group gives each."""
    if not role.group:
        return [(party, None) for party in parties(role, roster, pairings)]
    spans: dict[str, list[Span]] = {}
    for member in _members(role.group, roster, duty.programme):
        # Without a programme, an institution is bound while any programme binds it.
        spans.setdefault(member.institution, []).append((member.from_, member.until))
    named = roster.institutions
    return [
        (Party(one, named[one].name), _hull(held)) for one, held in spans.items() if one in named
    ]


def _for_institution(
    document: Document,
    roster: Roster,
    duty: Duty,
    party: Party,
    span: Span | None,
    pairings: list[Pairing],
) -> Subject:
    role = document.roles[duty.each or duty.responsible]
    about = _collected(role, roster, party, pairings)
    responsible = party
    if duty.each:
        found = _named(document, roster, duty, [duty.responsible], about or pairings)
        responsible = found[0] if found else party
    assisting = _named(document, roster, duty, duty.assisting, about)
    if span is None:  # who stands in a role by its pairings is bound while one of them lasts
        span = _hull((p.from_, p.until) for p in about) if role.side and about else (None, None)
    assert party.id is not None
    return Subject(
        id=party.id,
        responsible=responsible,
        assisting=tuple(p for p in assisting if p != responsible),
        recipients=_named(document, roster, duty, duty.recipients, about),
        pairings=_pairs(roster, about),
        from_=span[0],
        until=span[1],
        about=party if responsible != party else None,
    )


def _collected(role: Role, roster: Roster, party: Party, pairings: list[Pairing]) -> list[Pairing]:
    """Return the pairings an institution answers for in a role.

    Those of the hospitals that resolve to it; for a department those of its hospital; for an
    authority named outright all of the document.
    """
    if role.side:
        take = role.take if not role.group else "reporter"
        sides = roster.sides(role.side, pairings)
        return list(dict.fromkeys(p for one, p in sides if roster.take(one, take) == party.id))
    found = roster.institutions[party.id or ""]
    if found.kind == "department" and found.parent:
        return [p for p in pairings if found.parent in (p.supporter, p.recipient)]
    own = [p for p in pairings if found.id in (p.supporter, p.recipient)]
    return own or (list(pairings) if found.kind in ("authority", "office") else [])
