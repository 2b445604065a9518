"""Who answers: the institutions and pairings of one document, and how a role is found among them.

A roster is a folder of three tables, as offices keep them: ``institutions.csv``,
``pairings.csv`` and ``members.csv``; a fourth, ``sets.csv``, may be there. ``config.tables`` reads
them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Institution:
    """One institution as a document names it.

    ``name`` is printed in that document. ``authority`` is the id it reports to; ``direct`` means
    it reports to the issuing office itself; ``parent`` is the body of a department or an office.
    ``inferred`` maps a cell's name to the basis on which it was filled although the text is silent.
    """

    id: str
    name: str
    kind: str
    type: str = ""
    city: str = ""
    county: str = ""
    authority: str = ""
    direct: bool = False
    government: str = ""
    parent: str = ""
    aliases: tuple[str, ...] = ()
    canonical: str = ""
    inferred: tuple[tuple[str, str], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Pairing:
    """One supporter and one recipient; ``until`` is exclusive."""

    id: str
    supporter: str
    recipient: str
    clause: str = ""
    needs: str = ""
    programme: str = ""
    from_: date | None = None
    until: date | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Membership:
    """An institution's membership of a group that the text addresses; ``until`` is exclusive."""

    group: str
    institution: str
    programme: str = ""
    from_: date | None = None
    until: date | None = None
    clause: str = ""
    inferred: str = ""


@dataclass(frozen=True, slots=True)
class SetMember:
    """A member of a set that an institution has to reach, by its name; ``until`` is exclusive."""

    set: str
    institution: str
    member: str
    from_: date | None = None
    until: date | None = None


def _holds(one: Pairing | Membership | SetMember, first: date, last: date) -> bool:
    return (one.from_ is None or one.from_ <= last) and (one.until is None or one.until > first)


@dataclass(frozen=True)
class Roster:
    """The institutions, pairings and group memberships of one document."""

    document: str
    institutions: dict[str, Institution]
    pairings: tuple[Pairing, ...] = ()
    members: tuple[Membership, ...] = ()
    sets: tuple[SetMember, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Institution]:
        """Return the institutions by printed name, canonical name and alias."""
        named: dict[str, Institution] = {}
        for institution in self.institutions.values():
            names = (*institution.aliases, institution.canonical, institution.name)
            named.update({name: institution for name in names if name})
        return named

    @cached_property
    def _edges(self) -> list[date]:
        """Return the days on which a pairing or a membership begins or has ended."""
        dated: tuple[Pairing | Membership, ...] = (*self.pairings, *self.members)
        return sorted({day for one in dated for day in (one.from_, one.until) if day})

    @cached_property
    def _within(self) -> dict[tuple[int, int], Roster]:
        return {}

    def within(self, first: date, last: date) -> Roster:
        """Return the roster with those pairings and memberships only that hold on any day from
        ``first`` to ``last`` (both included); the same object for the same answer."""
        if not self._edges:
            return self
        key = bisect_right(self._edges, first), bisect_right(self._edges, last)
        if key not in self._within:
            self._within[key] = replace(
                self,
                pairings=tuple(one for one in self.pairings if _holds(one, first, last)),
                members=tuple(one for one in self.members if _holds(one, first, last)),
            )
        return self._within[key]

    def members_of(self, name: str, institution: str, on: date) -> tuple[str, ...]:
        """Return the members that a set of an institution has on a day, in the table's order."""
        found = (
            one.member
            for one in self.sets
            if one.set == name and one.institution == institution and _holds(one, on, on)
        )
        return tuple(dict.fromkeys(found))

    def find(self, text: str) -> Institution | None:
        """Return the institution of that id or name, or None."""
        return self.institutions.get(text) or self.by_name.get(text)

    def take(self, institution: str, which: str) -> str:
        """Return the id of an institution's ``self``, ``authority``, ``reporter`` or
        ``government``; an empty string where the roster has none.

        The reporter is the institution itself where it reports directly, else its authority.
        """
        found = self.institutions.get(institution)
        if found is None or which == "self":
            return institution if found else ""
        if which == "government":
            return found.government
        if which == "reporter" and found.direct:
            return found.id
        return found.authority

    def above(self, institution: str) -> tuple[str, ...]:
        """Return the line of authority over an institution, nearest first."""
        line: list[str] = []
        found = self.institutions.get(institution)
        while found and (up := found.parent or found.authority):
            if up in line or up == institution:
                break
            line.append(up)
            found = self.institutions.get(up)
        return tuple(line)

    def sides(self, side: str, pairings: Iterable[Pairing]) -> tuple[tuple[str, Pairing], ...]:
        """Return (hospital id, pairing) for the named side, or for both, in the roster's order."""
        found: list[tuple[str, Pairing]] = []
        for pairing in pairings:
            if side in ("supporter", "both"):
                found.append((pairing.supporter, pairing))
            if side in ("recipient", "both"):
                found.append((pairing.recipient, pairing))
        return tuple(found)
