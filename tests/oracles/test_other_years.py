"""Feeds as they were, or will be, in other years: each document while it was in force."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from notifications.feed import DEFAULT, Entry
from tests.oracles.everyone import institutions, rendered, world
from tests.oracles.readers import READERS, read, read_alike
from tests.oracles.test_all_feeds import judge, judged

# Days of a document, with the years in which its own events then stand in a feed. The window is
# last year to the year after next; what ended earlier, or is not owed yet, is not in it.
CASES = (
    ("shaoxing-2017", date(2018, 6, 1), {2017, 2018, 2019, 2020}),
    ("shaoxing-2017", date(2020, 6, 1), {2019, 2020, 2021, 2022}),
    ("guangxi-2019", date(2020, 6, 1), {2019, 2020, 2021, 2022}),
    ("guangxi-2019", date(2024, 2, 29), {2023, 2024, 2025, 2026}),
    ("guangxi-2019", date(2026, 12, 31), {2025, 2026, 2027, 2028}),
    ("hebei-2019", date(2020, 6, 1), {2019}),
    ("horqin-2023", date(2023, 6, 1), {2023, 2024}),
    ("horqin-2023", date(2024, 6, 1), {2023, 2024}),
    ("hubei-2022", date(2023, 6, 1), {2022, 2023, 2024, 2025}),
    ("hubei-2022", date(2025, 6, 1), {2024, 2025}),
)


def busiest(document: str, day: date) -> Mapping[str, tuple[Entry, ...]]:
    """Return the hospital, or else institution, of which a document demands most in a window."""
    roster = world().rosters[document]

    def demanded(name: str) -> int:
        return sum(entry.occurrence.document == document for entry in institutions(day)[name])

    hospitals = [one.id for one in roster.institutions.values() if one.kind == "hospital"]
    name = max(hospitals or roster.institutions, key=demanded)
    return {name: institutions(day)[name]}


@pytest.mark.parametrize(("document", "day", "years"), CASES)
def test_a_feed_of_another_year_shows_what_was_owed_then(
    document: str, day: date, years: set[int]
) -> None:
    found = busiest(document, day)
    ((name, body),) = rendered(found, DEFAULT, day).items()
    year = judged(body, found[name], DEFAULT)
    read_alike(body, ("ical", "recurring-ical-events"))
    own = {uid: seen for uid, seen in year.items() if uid.startswith(f"{document}/")}
    assert {seen.first.year for seen in own.values()} == years
    until = world().documents[document].validity.core_until
    contested = world().documents[document].validity.contested_until
    for uid, seen in own.items():
        unsure = contested is not None and until is not None and seen.first > until
        assert (seen.status == "TENTATIVE") is unsure, uid


def test_every_document_is_looked_at_while_it_was_in_force() -> None:
    assert {name for name, _, _ in CASES} == set(world().documents)
    assert {day.year for _, day, _ in CASES} >= {2020, 2023, 2024, 2025, 2026}


@pytest.mark.system
@pytest.mark.parametrize(("document", "day"), [case[:2] for case in CASES])
def test_a_feed_of_another_year_is_read_alike_by_all(
    document: str, day: date, tmp_path: Path
) -> None:
    found = busiest(document, day)
    judge(found, DEFAULT, tuple(READERS), tmp_path, day)
    (body,) = rendered(found, DEFAULT, day).values()
    assert len(read("icalendar", body)) > 3
