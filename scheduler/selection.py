"""Which occurrences a reader asked for: the filters of ``deadlines`` and of the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from scheduler.loading import Loaded
from scheduler.occurrences import Occurrence, occurrences
from scheduler.relations import relations
from scheduler.rows import row


@dataclass(frozen=True)
class Selection:
    """What is asked for; ``start`` and ``end`` select by due date, both included.

    ``dateless``: duties without a date are listed too (they were asked for by kind).
    """

    documents: tuple[str, ...]
    start: date
    end: date
    kinds: tuple[str, ...]
    phases: tuple[str, ...]
    institution: str | None = None
    dateless: bool = False

    def takes(self, one: Occurrence) -> bool:
        """Return whether kind, phase and date are among what is asked for."""
        if one.kind not in self.kinds or one.phase not in self.phases:
            return False
        if one.due is None:
            return self.dateless
        return self.start <= one.due <= self.end


def select(loaded: Loaded, chosen: Selection, *, strict: bool = False) -> list[dict[str, Any]]:
    """Return the rows of ``duban deadlines`` from the files, by due date then key."""
    rows = []
    for name in chosen.documents:
        document, roster = loaded.documents[name], loaded.rosters[name]
        asked = roster.find(chosen.institution) if chosen.institution else None
        if chosen.institution and asked is None:
            continue  # another document's roster has it
        parents = {one.id: one.parent for one in roster.institutions.values() if one.parent}
        for one in occurrences(
            document, roster, loaded.workdays, chosen.start, chosen.end, strict=strict
        ):
            if not chosen.takes(one):
                continue
            touched = relations(one, parents).get(asked.id) if asked else None
            if asked is None or touched:
                rows.append(row(one, touched))
    return sorted(rows, key=lambda found: (found["due"] or "", found["key"]))
