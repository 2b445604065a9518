"""The successive wordings of an obligation, each with the days between which it holds. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

from workflows.document import Document, Duty
from workflows.rules import single

DAY = timedelta(days=1)


class Wording(NamedTuple):
    """The rule, clauses and phrase of an obligation while one version of it holds.

    ``since`` is None for the first wording, ``ends`` where there is no last day.
    """

    rule: Any
    clauses: tuple[str, ...]
    phrase: str
    since: date | None
    ends: date | None


def versions(document: Document, duty: Duty) -> Iterator[Wording]:
    """Yield the successive wordings of an obligation with the days between which each holds."""
    since: date | None = None
    rule, clauses, phrase = duty.rule, duty.clauses, duty.phrase  # type: ignore[attr-defined]
    for change in getattr(duty, "changes", ()):
        former = change.from_ - DAY
        if document.ends and not single(rule):
            former = min(former, document.ends)
        yield Wording(rule, clauses, phrase, since, former)
        since, rule = change.from_, change.rule
        clauses, phrase = change.clauses or clauses, change.phrase or phrase
    # The document's end is one for its series; a day that the text names itself stands.
    yield Wording(rule, clauses, phrase, since, None if single(rule) else document.ends)
