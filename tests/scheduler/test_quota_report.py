"""Windows that one institution owes about another: a province that visits its cities."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from scheduler import store
from scheduler.queries import PARTIES
from scheduler.quota_report import lines, row
from tests.scheduler.house import INSTITUTIONS, PAIRINGS, TABLES, WORKFLOW, House, found

VISITS = """\
  - id: visits
    title: 抽查各市
    kind: quota
    clauses: [八]
    phrase: 每年各1家
    per: institution
    each: city
    responsible: bureau
    rule: {per: year, at_least: 1, unit: 家}
"""
CITIES = {
    "institutions.csv": INSTITUTIONS
    + "shi2,乙市卫健委,authority,,,,ju,,,,,,,\n"
    + "keshi,甲市人民医院外联办,department,,,,,,,da,,,,\n"
    + "bie,丁县人民医院,hospital,,乙市,,shi2,,,,,,,\n",
    "pairings.csv": PAIRINGS + "da.xiao2,da,xiao2,第2行,,,,,\nda.bie,da,bie,第3行,,,,,\n",
}
NAMES = {"省局", "甲市卫健委", "甲市人民医院", "乙县人民医院", "丙县人民医院"}


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path, "2026-01-09 10:00")
    made.edit(found(WORKFLOW + VISITS, TABLES | CITIES), "2026-01-09 11:00")
    return made


def report(house: House, *institutions: str) -> list[dict[str, Any]]:
    span = date(2026, 1, 1), date(2026, 12, 31), date(2026, 3, 6)
    with store.reading(house.engine) as session:
        some = lines(session, house.world, "pair-2025", *span, set(institutions) or None)
        return [one for line in some if (one := row(line))["obligation"] == "visits"]


def test_each_row_names_all_parties(house: House) -> None:
    first, second = report(house)
    assert (first["institution"], first["about"]) == ("省局", "甲市卫健委")
    assert (second["institution"], second["about"]) == ("省局", "乙市卫健委")
    assert "甲市卫健委" in first["title"]
    assert "乙市卫健委" in second["title"]
    assert set(first["parties"]) == NAMES
    assert set(second["parties"]) == {"省局", "乙市卫健委", "甲市人民医院", "丁县人民医院"}
    # It is the city's, not a pairing's, also where the city has one pairing only.
    assert (second["supporter"], second["recipient"]) == (None, None)


@pytest.mark.parametrize(
    ("institution", "cities"),
    [("ju", "shi shi2"), ("shi", "shi"), ("shi2", "shi2"), ("xiao2", "shi"), ("bie", "shi2"),
     ("da", "shi shi2"), ("keshi", "")],
)  # fmt: skip
def test_every_party_finds_its_rows(house: House, institution: str, cities: str) -> None:
    rows = report(house, institution)
    assert [one["key"].split("/")[2] for one in rows] == sorted(cities.split())


def test_the_city_is_concerned_in_the_store_too(house: House) -> None:
    with store.reading(house.engine) as session:
        query = PARTIES.select().where(PARTIES.c.key == "pair-2025/visits/shi2/2026")
        relations = {one.institution: one.relation for one in session.execute(query)}
    assert relations["ju"] == "responsible"
    assert relations["shi2"] == "concerned"
