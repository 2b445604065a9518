"""An occurrence as the JSON object that commands and the API print, and as the store keeps it."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from datetime import date
from typing import Any

from scheduler.occurrences import Occurrence
from scheduler.parties import Party
from scheduler.quotas import Count
from workflows.document import Submission


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None


def _count(quota: Count | None) -> dict[str, Any] | None:
    # Written out: dataclasses.asdict took half the time of a whole list of deadlines.
    if quota is None:
        return None
    return {
        "at_least": quota.at_least,
        "at_most": quota.at_most,
        "unit": quota.unit,
        "per": quota.per,
        "enforced": quota.enforced,
    }


FIELDS = (
    "key", "document", "obligation", "title", "kind", "programme", "period", "opens", "due",
    "last_working_day", "provisional", "phase", "reading", "clauses", "phrase", "responsible",
    "responsible_id", "unresolved", "assisting", "recipients", "submit", "binds_by", "pairings",
    "quota", "relation", "status", "extended_to",
)  # fmt: skip


def row(
    one: Occurrence,
    relation: str | None = None,
    status: str | None = None,
    extended_to: date | None = None,
) -> dict[str, Any]:
    """Return the object of ``duban deadlines --format json``; dates are YYYY-MM-DD.

    ``extended_to``: the day that an authority put in place of ``due``, which stays as it is.
    """
    return {
        "key": one.key,
        "document": one.document,
        "obligation": one.obligation,
        "title": one.title,
        "kind": one.kind,
        "programme": one.programme,
        "period": one.period,
        "opens": _day(one.opens),
        "due": _day(one.due),
        "last_working_day": _day(one.last_working_day),
        "provisional": one.provisional,
        "phase": one.phase,
        "reading": one.reading,
        "clauses": list(one.clauses),
        "phrase": one.phrase,
        "responsible": one.responsible.name,
        "responsible_id": one.responsible.id,
        "unresolved": one.unresolved,
        "assisting": [party.name for party in one.assisting],
        "recipients": [party.name for party in one.recipients],
        "submit": [submission.model_dump() for submission in one.submit],
        "binds_by": _day(one.binds_by),
        "pairings": [
            {"supporter": supporter.name, "recipient": recipient.name}
            for supporter, recipient in one.pairings
        ],
        "quota": _count(one.quota),
        "relation": relation,
        "status": status,
        "extended_to": _day(extended_to),
    }


def encode(one: Occurrence) -> str:
    """Return an occurrence as JSON text; the same occurrence gives the same text."""
    values = {name: getattr(one, name) for name in _STORED} | {
        "submit": [submission.model_dump() for submission in one.submit],
        "quota": asdict(one.quota) if one.quota else None,
    }
    return json.dumps(values, ensure_ascii=False, default=str, sort_keys=True)


_STORED = tuple(field.name for field in fields(Occurrence))
_DATES = ("opens", "due", "last_working_day", "binds_by")


def decode(text: str) -> Occurrence:
    """Return the occurrence that ``encode`` wrote."""
    values: dict[str, Any] = json.loads(text)
    for name in _DATES:
        values[name] = date.fromisoformat(values[name]) if values[name] else None
    values["responsible"] = Party(*values["responsible"])
    for name in ("assisting", "recipients"):
        values[name] = tuple(Party(*party) for party in values[name])
    values["pairings"] = tuple((Party(*one), Party(*two)) for one, two in values["pairings"])
    values["submit"] = tuple(Submission(**submission) for submission in values["submit"])
    if quota := values["quota"]:
        names = {name: tuple(quota.get(name) or ()) for name in ("items", "members")}
        values["quota"] = Count(**quota | names)
    values["clauses"] = tuple(values["clauses"])
    values["rungs"] = tuple((name, to) for name, to in values["rungs"])
    return Occurrence(**values)
