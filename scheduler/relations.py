"""Whom an occurrence touches, and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scheduler.occurrences import Occurrence
from scheduler.parties import Party


def relations(occurrence: Occurrence, parents: Mapping[str, str]) -> dict[str, str]:
    """Return the relation of every institution that an occurrence touches, by its id.

    Whom it is about is concerned too, where another one owes it.
    ``parents`` maps an office or a department to its body, which is concerned with it too.
    """
    found: dict[str, str] = {}

    def note(parties: Iterable[Party], relation: str) -> None:
        for party in parties:
            if party.id:
                found.setdefault(party.id, relation)

    note([occurrence.responsible], "responsible")
    note(occurrence.assisting, "assisting")
    note(occurrence.recipients, "receiver")
    note([party for pair in occurrence.pairings for party in pair], "concerned")
    subject = occurrence.key.split("/")[2]
    if "." not in subject and subject != "all":
        found.setdefault(subject, "concerned")
    for child, relation in list(found.items()):
        if parent := parents.get(child):
            found.setdefault(parent, "receiver" if relation == "receiver" else "concerned")
    return found
