"""A house in which people have recorded things: terms, activities, an event, reports, an extension."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from notifications import feeds
from notifications.feed import Variant
from scheduler import activities, happenings, store
from scheduler.activities import Done
from scheduler.recording import record
from scheduler.statement import Statement
from tests.scheduler.house import JUNE, PLAN, House, at, found
from tests.scheduler.test_activities import ENDED, QUOTAS
from tests.scheduler.test_rotating import PREFIX
from tests.scheduler.test_shifts import WATCHING, add, entry

NOW = at("2026-06-22 10:00")
OWNERS = ("da", "xiao", "shi", "ju", "region:shi", "pairing:pair-2025/da.xiao", "document:pair-2025")
ALL = Variant(alarms=True, frequent=True)


def day(text: str) -> date:
    return date.fromisoformat(text)


def build(folder: Path) -> House:
    """Return a house in which half a year was worked with."""
    house = House(folder, "2026-01-09 10:00")
    house.edit(found(WATCHING + QUOTAS, ENDED), "2026-01-09 11:00")
    add(house, entry("2026-01-12", "2026-06-30"), when="2026-01-12 10:00")
    add(house, entry("2026-07-01", "2027-01-01", people=6), when="2026-06-10 10:00")
    with store.writing(house.engine) as session:
        for on in ("2026-03-05", "2026-03-12"):
            done = Done("pair-2025", "rounds", day(on), supporter="da", recipient="xiao")
            activities.record(session, done, at(f"{on} 18:00"), "测试", house.world)
        happenings.by_hand(
            session, "pair-2025", "contacts", "shi", day("2026-03-02"), "换了联络员",
            at("2026-03-02 10:00"), house.world, "测试",
        )  # fmt: skip
        for statement, when in (
            (Statement(PLAN, "completed"), "2026-03-18 10:00"),
            (Statement(JUNE, "extended", until=day("2026-07-10"), basis="省局同意"), "2026-06-18 10:00"),
        ):
            record(session, statement, at(when), "测试", house.world)
    return house


# What the supporting hospital's year has to show of all that, by key: title, first and last day.
SHOWN = {
    f"{PREFIX}term-2026-01-12": ("驻点期（5人）", "2026-01-12", "2026-06-29"),
    f"{PREFIX}handover-2026-06-29": ("驻点期满轮换（本批5人）", "2026-06-29", "2026-06-29"),
    f"{PREFIX}gap-2026-06-30": ("驻点空档", "2026-06-30", "2026-06-30"),
    f"{PREFIX}term-2026-07-01": ("驻点期（6人）", "2026-07-01", "2026-12-31"),
    f"{PREFIX}handover-2026-12-31": ("驻点期满轮换（本批6人）", "2026-12-31", "2026-12-31"),
    "pair-2025/tasks/da.xiao/2026-01-12": ("每批任务清单", "2026-06-29", "2026-06-29"),
    "pair-2025/team-changes/da.xiao/2026-06-10": ("派驻人员变动报送", "2026-06-17", "2026-06-17"),
    "pair-2025/contacts/shi/2026-03-02": ("联系人变动报送", "2026-03-09", "2026-03-09"),
    "pair-2025/ones/da.xiao/2026": ("三个一", "2026-12-31", "2026-12-31"),
    "pair-2025/rounds/da.xiao/2026-w10": ("教学查房", "2026-03-08", "2026-03-08"),
    PLAN: ("✓ 报送工作方案", "2026-03-20", "2026-03-20"),
    JUNE: ("报送进展表", "2026-07-10", "2026-07-10"),
}


@cache
def served() -> Mapping[str, bytes]:
    """Return the feeds of all owners as they are served, those with everything too."""
    with TemporaryDirectory() as folder:
        house = build(Path(folder))
        found = {}
        for owner in OWNERS:
            found[owner] = feeds.render_one(house.engine, owner, NOW, house.world)
            found[f"{owner}+"] = feeds.render_variant(house.engine, owner, ALL, NOW, lambda: house.world)
        house.engine.dispose()
    return found
