"""A small roster for tests: three supporters, three recipients, two cities, one direct hospital."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from config.roster import Institution, Membership, Pairing, Roster

INSTITUTIONS = (
    Institution("province", "省局", "authority"),
    Institution("desk", "省局医政处", "office", parent="province"),
    Institution("north", "北市主管部门", "authority", authority="desk"),
    Institution("south", "南市主管部门", "authority", authority="desk"),
    Institution("county-a", "甲县政府", "government"),
    Institution("county-b", "乙县政府", "government"),
    Institution("big", "大医院", "hospital", authority="province", direct=True),
    Institution("city-hospital", "市医院", "hospital", authority="north"),
    Institution("outreach", "市医院外联办", "department", parent="city-hospital"),
    Institution(
        "a", "甲县医院", "hospital", type="general", authority="north", government="county-a"
    ),
    Institution(
        "b", "乙县医院", "hospital", type="tcm", authority="south", government="county-b",
        aliases=("乙县中医院",), canonical="乙县人民医院",
    ),
    Institution(
        "c", "丙县医院", "hospital", authority="south", government="county-b"
    ),
)  # fmt: skip


def pairing(
    supporter: str,
    recipient: str,
    from_: date | None = None,
    until: date | None = None,
    programme: str = "",
) -> Pairing:
    """Return one pairing; ``until`` is exclusive."""
    id_ = f"{supporter}.{recipient}"
    return Pairing(id_, supporter, recipient, from_=from_, until=until, programme=programme)


PAIRINGS = (pairing("big", "a"), pairing("city-hospital", "b"), pairing("city-hospital", "c"))


def roster(pairings: Iterable[Pairing] = PAIRINGS, members: Iterable[Membership] = ()) -> Roster:
    """Return the roster of the document ``sample-2019``."""
    known = {one.id: one for one in INSTITUTIONS}
    return Roster("sample-2019", known, tuple(pairings), tuple(members))
