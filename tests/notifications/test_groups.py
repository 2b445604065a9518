"""What a mail says of several pairings at once holds for each: over all five documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from notifications.items import Entry, Item, grouped, item
from scheduler.loading import load
from scheduler.occurrences import Occurrence, occurrences
from scheduler.world import World
from tests.notifications.post import WORLD
from workflows.document import Submission

LOADED = load()
HOUSE: World = replace(WORLD, documents=LOADED.documents, rosters=LOADED.rosters)
YEARS = {"shaoxing-2017": 2018, "guangxi-2019": 2019, "hubei-2022": 2022}
OF_ALL = re.compile(r"各自的.{2}单位，即下列 (\d+) 家")


def digests(name: str) -> Iterator[tuple[str, list[Occurrence]]]:
    """Yield each institution of a document, with all that it owes or assists in two years."""
    start = date(YEARS.get(name, 2023), 1, 1)
    bound: dict[str, list[Occurrence]] = {}
    found = occurrences(
        LOADED.documents[name], LOADED.rosters[name], LOADED.workdays,
        start, start + timedelta(days=730),
    )  # fmt: skip
    seen: dict[str, set[Any]] = {}
    for one in found:
        if one.due is None:
            continue
        for party in (one.responsible, *one.assisting):
            # Of a duty that recurs the first two periods say it all.
            series = one.key.rpartition("/")[0]
            periods = seen.setdefault(series, set())
            if party.id and (len(periods) < 2 or one.period in periods):
                periods.add(one.period)
                bound.setdefault(party.id, []).append(one)
    yield from bound.items()


def entries(found: list[Occurrence]) -> list[Entry]:
    return [Entry(n, one, "before-2wd", one.due or date.min, True) for n, one in enumerate(found)]


def said(line: str, words: tuple[str, ...]) -> list[str]:
    """Return the names that follow one of the words in a line."""
    for word in words:
        if line.startswith(word):
            return line.removeprefix(word).split("、")
    return []


def check(group: list[Entry], one: Item, reader: str) -> None:
    members = {entry.occurrence.key: entry.occurrence for entry in group}
    assert len(one.links) == one.count == len(members)
    for (about, _, lines), member in zip(one.links, members.values(), strict=True):
        named = [name for line in (*one.lines, *lines) for name in said(line, ("协助：", "同为协助："))]
        helping = [party.name for party in member.assisting if party.id != reader]
        if named and (collapsed := OF_ALL.match(named[0])):
            assert int(collapsed[1]) == len(members)
            assert about.split(" → ") == helping
        elif named and (many := re.fullmatch(r"(.*)等 (\d+) 家", named[-1])):
            assert int(many[2]) == len(helping)
            assert {*named[:-1], many[1]} <= set(helping)
        else:
            assert named == helping
        led = member.responsible.id != reader
        assert one.led == led
        assert (f"由{member.responsible.name}牵头，本单位协助" in one.lines) == led
        to = [name for line in (*one.lines, *lines) for name in said(line, ("报给：",))]
        assert to == [party.name for party in member.recipients]
        for way in member.submit:
            assert any(way.to in line for line in one.lines)
        for clause in member.clauses:
            assert clause in one.source
        assert one.title == member.title


@pytest.mark.parametrize("name", sorted(LOADED.documents))
def test_each_party_named_holds_for_each_pairing_and_none_is_missing(name: str) -> None:
    several = 0
    for reader, found in digests(name):
        for group in grouped(entries(found)):
            today = group[0].due - timedelta(days=2)
            one = item(group, reader, HOUSE, today)
            check(group, one, reader)
            several += len(group) > 1
    assert several or name in ("hebei-2019", "shaoxing-2017")  # these have no pairs of pairings


def of(name: str, reader: str, duty: str) -> list[Occurrence]:
    return next(
        [one for one in found if one.obligation == duty]
        for institution, found in digests(name)
        if institution == reader
    )


def test_three_agreements_are_not_said_to_be_assisted_by_the_first_one() -> None:
    """The list of the hospital: three agreements of a day, each with another centre."""
    found = of("horqin-2023", "kezuozhong-mengyiyuan", "sign-agreement")
    (group,) = grouped(entries(found))
    one = item(group, "kezuozhong-mengyiyuan", HOUSE, date(2023, 2, 1))
    assert "协助：各自的受援单位，即下列 3 家" in one.lines
    assert not any("敖包卫生院" in line for line in one.lines)
    assert [about for about, _, _ in one.links] == ["敖包卫生院", "敖本台卫生院", "乌斯吐卫生院"]


def test_what_differs_beside_the_pairing_stands_with_each() -> None:
    found = of("hubei-2022", "dongfenggongsi-zongyiyuan", "sign-agreement")
    (group,) = grouped(entries(found))
    one = item(group, "dongfenggongsi-zongyiyuan", HOUSE, date(2022, 9, 1))
    assert not any(line.startswith("协助") for line in one.lines)
    about, _, lines = one.links[0]
    assert (about, lines) == (
        "房县人民医院", ("协助：房县人民医院、房县人民政府、十堰市卫生健康行政部门",),
    )  # fmt: skip


def test_what_differs_in_how_it_is_handed_in_is_another_item() -> None:
    first, second, *_ = of("horqin-2023", "kezuozhong-mengyiyuan", "sign-agreement")
    way = Submission(by="post", what="协议", to="医政股")
    for other in (
        replace(second, submit=(way,)), replace(second, recipients=(second.responsible,)),
        replace(second, clauses=("九",)), replace(second, last_working_day=date(2023, 1, 30)),
    ):  # fmt: skip
        assert len(grouped(entries([first, other]))) == 2
    assert len(grouped(entries([first, second]))) == 1


def test_a_note_of_one_pairing_is_not_said_of_the_others() -> None:
    first, second, *_ = of("horqin-2023", "kezuozhong-mengyiyuan", "sign-agreement")
    told = [replace(entry, note=note) for entry, note in
            zip(entries([first, second]), ("责任单位由甲改为乙", None), strict=True)]  # fmt: skip
    one = item(told, "kezuozhong-mengyiyuan", HOUSE, date(2023, 2, 1))
    assert one.notes == ()
    assert [lines for _, _, lines in one.links] == [("责任单位由甲改为乙",), ()]
