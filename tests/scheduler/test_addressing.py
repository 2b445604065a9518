from __future__ import annotations

from dataclasses import replace
from datetime import date

from scheduler.addressing import recipients
from scheduler.occurrences import Occurrence, occurrences
from scheduler.parties import Party
from scheduler.world import World
from tests.scheduler.house import BASE, INSTITUTIONS, TABLES, WORKDAYS, loaded
from tests.scheduler.test_tick import Reachable

FILES = loaded()
ON = date(2026, 3, 6)
DESK = "ju-chu,省局医政处,office,,,,,,,ju,,,,\n"


def world(held: dict[tuple[str, str], list[str]] | None = None) -> World:
    known = replace(BASE, documents=FILES.documents, rosters=FILES.rosters)
    if held is None:
        return known
    return replace(known, contacts=Reachable(held), placeholders=False)


def one(obligation: str) -> Occurrence:
    found = occurrences(
        FILES.documents["pair-2025"], FILES.rosters["pair-2025"], WORKDAYS, date(2026, 1, 1),
        date(2026, 12, 31),
    )  # fmt: skip
    return next(o for o in found if o.obligation == obligation)


def addresses(obligation: str, to: str, held: dict[tuple[str, str], list[str]] | None) -> list[str]:
    return [r.address for r in recipients(one(obligation), to, world(held), ON)]


def test_placeholders_are_marked_so() -> None:
    found = recipients(one("plan"), "responsible", world(), ON)
    assert [(r.address, r.institution, r.role, r.placeholder) for r in found] == [
        ("liaison@da.example", "da", "liaison", True),
        ("liaison@xiao.example", "xiao", "liaison", True),
    ]


def test_a_known_contact_goes_before_a_placeholder() -> None:
    held = {("da", "liaison"): ["a@example.org"]}
    mixed = replace(world(held), placeholders=True)
    found = recipients(one("plan"), "responsible", mixed, ON)
    assert [(r.address, r.placeholder) for r in found] == [
        ("a@example.org", False),
        ("liaison@xiao.example", True),
    ]


def test_without_a_liaison_the_nearest_coordinator_above_hears_why() -> None:
    held = {("ju", "coordinator"): ["ju@example.org"], ("xiao", "liaison"): ["x@example.org"]}
    found = recipients(one("plan"), "responsible", world(held), ON)
    assert [(r.address, r.note) for r in found] == [
        ("ju@example.org", "甲市人民医院没有登记联络员，改送上级协调员"),
        ("x@example.org", None),
    ]


def test_coordinators_by_the_line_of_authority() -> None:
    both = {("shi", "coordinator"): ["s@example.org"], ("ju", "coordinator"): ["j@example.org"]}
    assert addresses("plan", "coordinator", both) == ["s@example.org"]
    assert addresses("progress", "coordinator", both) == ["s@example.org"]
    assert addresses("progress", "issuer", both) == ["j@example.org"]
    only_above = {("ju", "coordinator"): ["j@example.org"]}
    (found,) = recipients(one("plan"), "coordinator", world(only_above), ON)
    assert found.note == "甲市卫健委没有登记协调员，改送上级协调员"


def test_who_has_nobody_above_goes_to_the_issuer() -> None:
    alone = replace(one("plan"), responsible=Party("ju", "省局"), assisting=())
    held = {("ju", "coordinator"): ["j@example.org"]}
    assert [r.address for r in recipients(alone, "coordinator", world(held), ON)] == [
        "j@example.org"
    ]
    assert [r.address for r in recipients(alone, "responsible", world(held), ON)] == [
        "j@example.org"
    ]


def test_nobody_at_all_is_an_empty_list() -> None:
    for to in ("responsible", "coordinator", "issuer"):
        assert recipients(one("plan"), to, world({}), ON) == ()


def test_an_issuer_without_a_coordinator_is_stood_in_for_by_the_body_above() -> None:
    document = FILES.documents["pair-2025"].model_copy(update={"issuers": ("shi",)})
    known = replace(
        world({("ju", "coordinator"): ["j@example.org"]}), documents={"pair-2025": document}
    )
    (found,) = recipients(one("plan"), "issuer", known, ON)
    assert (found.address, found.note) == (
        "j@example.org",
        "甲市卫健委没有登记协调员，改送上级协调员",
    )


def test_the_desk_of_an_issuer_stands_in_for_it() -> None:
    files = loaded(tables=TABLES | {"institutions.csv": INSTITUTIONS + DESK})
    held = {("ju-chu", "coordinator"): ["chu@example.org"]}
    known = replace(world(held), documents=files.documents, rosters=files.rosters)
    found = recipients(one("plan"), "issuer", known, ON)
    assert [(r.address, r.note) for r in found] == [
        ("chu@example.org", "省局没有登记协调员，改送其处室协调员"),
    ]
    held["ju", "coordinator"] = ["ju@example.org"]
    assert [r.address for r in recipients(one("plan"), "issuer", known, ON)] == ["ju@example.org"]
