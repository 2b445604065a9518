"""What people recorded that becomes occurrences: stationing terms and events. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Term:
    """One team's stationing term; ``until`` is exclusive (half-open, local days).

    ``persons`` are pseudonymous ids by which the same person is known again; often there are none.
    ``recorded_on`` and ``withdrawn_on`` are the local days on which the service learned of it, and
    that it does not hold.
    """

    id: int
    document: str
    supporter: str
    recipient: str
    from_: date
    until: date
    people: int
    staff: str = ""
    persons: tuple[str, ...] = ()
    recorded_on: date | None = None
    withdrawn_on: date | None = None

    @property
    def last(self) -> date:
        """Return the last day on which the team is there."""
        return self.until - timedelta(days=1)

    @property
    def pairing(self) -> str:
        """Return the id of the pairing whose subject the term is about."""
        return f"{self.supporter}.{self.recipient}"


@dataclass(frozen=True, slots=True)
class Happening:
    """One recorded event: which duty it starts, of which subject, on which local day, and why.

    ``number`` counts those of one duty, subject and day, from 1, also those that were withdrawn.
    """

    id: int
    document: str
    obligation: str
    subject: str
    on: date
    cause: str = ""
    number: int = 1


@dataclass(frozen=True)
class Records:
    """All standing terms and events of some documents, in the order of their days.

    ``withdrawn``: the terms that do not hold any more.
    """

    terms: tuple[Term, ...] = ()
    events: tuple[Happening, ...] = ()
    withdrawn: tuple[Term, ...] = ()

    @cached_property
    def _terms(self) -> dict[tuple[str, str], tuple[Term, ...]]:
        return _by_pairing(self.terms)

    @cached_property
    def _withdrawn(self) -> dict[tuple[str, str], tuple[Term, ...]]:
        return _by_pairing(self.withdrawn)

    @cached_property
    def _events(self) -> dict[tuple[str, str, str], tuple[Happening, ...]]:
        found: dict[tuple[str, str, str], tuple[Happening, ...]] = {}
        for one in self.events:
            at = (one.document, one.obligation, one.subject)
            found[at] = (*found.get(at, ()), one)
        return found

    def terms_of(self, document: str, pairing: str) -> tuple[Term, ...]:
        """Return a pairing's terms, the earliest first."""
        return self._terms.get((document, pairing), ())

    def withdrawn_of(self, document: str, pairing: str) -> tuple[Term, ...]:
        """Return a pairing's terms that do not hold any more, the earliest first."""
        return self._withdrawn.get((document, pairing), ())

    def subjects_of(self, document: str, obligation: str) -> tuple[str, ...]:
        """Return to whom something happened that an obligation answers, in a fixed order."""
        return tuple(
            sorted(at[2] for at in self._events if at[0] == document and at[1] == obligation)
        )

    def events_of(self, document: str, obligation: str, subject: str) -> tuple[Happening, ...]:
        """Return what happened to a subject, the earliest first."""
        return self._events.get((document, obligation, subject), ())


def _by_pairing(terms: tuple[Term, ...]) -> dict[tuple[str, str], tuple[Term, ...]]:
    found: dict[tuple[str, str], tuple[Term, ...]] = {}
    for term in terms:
        at = (term.document, term.pairing)
        found[at] = (*found.get(at, ()), term)
    return found


NOTHING = Records()
