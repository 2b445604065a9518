"""Invented people for a demonstration: addresses that end in .example, and nobody's name."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

from config.contacts import COLUMNS
from config.roster import Institution, Roster

OFFICES = {
    "authority": ("医政科", "医政医管处"),
    "hospital": ("医务部", "对口帮扶办"),
    "government": ("办公室",),
}
CHANGES = 6  # institutions whose liaison changes on the way


def write(
    path: Path, rosters: Iterable[Roster], moving_in: Roster, first: date, last: date, seed: str
) -> None:
    """Write a list of contacts for every institution; a few liaisons of the hospitals
    of ``moving_in`` change between two days."""
    known: dict[str, Institution] = {}
    for roster in rosters:
        for one in roster.institutions.values():
            known.setdefault(one.id, one)
    rng = random.Random(f"{seed}/people")  # noqa: S311
    hospitals = sorted({pairing.supporter for pairing in moving_in.pairings})
    moving = set(rng.sample(hospitals, min(CHANGES, len(hospitals))))
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for id_, one in sorted(known.items()):
            offices = OFFICES.get(one.kind, ("业务科",))
            office = offices[rng.randrange(len(offices))]
            if id_ in moving:
                day = first + timedelta(days=1 + rng.randrange(max((last - first).days, 1)))
                table.writerow((id_, "联络员", office, f"liaison@{id_}.example", "", day))
                table.writerow((id_, "联络员", office, f"liaison2@{id_}.example", day, ""))
            else:
                table.writerow((id_, "联络员", office, f"liaison@{id_}.example", "", ""))
            if one.kind == "authority":
                table.writerow((id_, "协调员", office, f"coordinator@{id_}.example", "", ""))
            if one.kind in ("authority", "hospital"):
                table.writerow((id_, "分管领导", "", f"leader@{id_}.example", "", ""))
