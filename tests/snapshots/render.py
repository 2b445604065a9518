"""A document's obligations and dates as compact text, the same for the same meaning."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from scheduler.loading import Loaded, load
from scheduler.occurrences import Occurrence, occurrences
from scheduler.parties import Party, Subject, subjects

FOLDER = Path(__file__).parent
FROM, TO = date(2010, 1, 1), date(2030, 12, 31)
NAMED = 4  # so many responsible institutions are printed in full

HEAD = """\
# {id} {number} · every date to {to} · regenerate: .venv/bin/python -m tests.snapshots
# Letters stand for whom a line is about; # is a digest of all their parties and pairings.
# wd: last working day on or before the date; ~: that year's holidays are not announced yet.
"""


def render_all() -> dict[str, str]:
    """Return the snapshot of every bundled document by its id."""
    loaded = load()
    return {name: render(loaded, name) for name in loaded.documents}


def render(loaded: Loaded, name: str) -> str:
    """Return the snapshot of one document."""
    document, roster = loaded.documents[name], loaded.rosters[name]
    found: dict[str, list[Occurrence]] = {}
    for one in occurrences(document, roster, loaded.workdays, FROM, TO):
        found.setdefault(one.obligation, []).append(one)
    lines = [HEAD.format(id=name, number=document.number or "(no number)", to=TO)]
    for duty in document.obligations:
        bound = {one.id: one for one in subjects(document, roster, duty)}
        lines += [*_heading(duty), *_series(bound, found.get(duty.id, []), duty.per), ""]
    return "\n".join(lines)


def _heading(duty: Any) -> Iterator[str]:
    yield f"{duty.id}  {duty.kind}  per {duty.per}  [{'；'.join(duty.clauses)}] “{duty.phrase}”"
    rule = duty.rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    extra = {
        "amount": getattr(duty, "amount", None) and duty.amount.model_dump(exclude_none=True),
        "programme": duty.programme,
        "before": duty.before,
        "submit": [one.model_dump(exclude_none=True) for one in duty.submit],
    }
    yield "  " + _json({"rule": rule} | {key: value for key, value in extra.items() if value})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def _series(bound: dict[str, Subject], listed: list[Occurrence], per: str) -> Iterator[str]:
    """Yield who, then one line for all occurrences that share period, dates and marks."""
    rows: dict[str, list[str]] = {}
    for one in listed:
        rows.setdefault(_dates(one), []).append(one.key.split("/")[2])
    letters: dict[tuple[str, ...], str] = {}
    for who in [*map(tuple, rows.values())] or [tuple(bound)]:
        letters.setdefault(who, chr(ord("A") + len(letters)))
    for who, letter in letters.items():
        yield f"  {letter} = {_who([bound[one] for one in who], per)}"
    for dates, keys in rows.items():
        yield f"  {dates}  {letters[tuple(keys)]}"
    if not rows:
        yield "  no date until a stationing term is recorded  A"


def _dates(one: Occurrence) -> str:
    if one.due is None:
        return f"{one.period}  no date" + (f"  binds {one.binds_by}" if one.binds_by else "")
    days = f"{one.opens}..{one.due}" if one.opens else f"{one.due}"
    marks = [
        "not enforced" if one.quota and not one.quota.enforced else "",
        f"binds {one.binds_by}" if one.binds_by != one.due else "",
    ]
    working = f"wd {one.last_working_day}{'~' if one.provisional else ''}"
    return "  ".join([one.period, days, working, one.phase, *filter(None, marks)])


def _who(subjects: list[Subject], per: str) -> str:
    owing = _ids(one.responsible for one in subjects)
    about = owing if per == "document" else [one.id for one in subjects]
    if per == "pairing":
        text = f"{len(subjects)} pairings"
    else:
        text = f"{len(subjects)}: {' '.join(about[:NAMED])}{' …' if len(about) > NAMED else ''}"
    if about != owing and len(set(owing)) == 1:
        text += f" by {owing[0]}"
    return f"{text}  #{_digest(subjects)}"


def _ids(parties: Iterable[Party]) -> list[str]:
    return [party.id or f"“{party.name}”" for party in parties]


def _digest(subjects: list[Subject]) -> str:
    told = [
        [
            one.id,
            *_ids([one.responsible]),
            _ids(one.assisting),
            _ids(one.recipients),
            [_ids(pair) for pair in one.pairings],
        ]
        for one in subjects
    ]
    return hashlib.sha256(_json(told).encode()).hexdigest()[:8]
