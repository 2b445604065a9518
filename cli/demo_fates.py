"""What becomes of a report in a demonstration: on time, late, returned, extended. Pure and seeded."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from scheduler.statement import Statement
from workflows.workdays import Workdays

OWED = ("open", "acknowledged", "returned")
LATER = timedelta(hours=2)
LONG_AGO = 60  # days after which even the slow have reported
REASONS = (
    "附件二没有盖章，请补盖后重报",
    "人员名单与上季度不一致，请核对",
    "缺少受援医院的意见，请补齐",
)
EXTENDED = "经研究，同意延期报送"
WAIVED = "帮扶医院整体抽调，本期免报"


class Step(NamedTuple):
    """Something said at an instant; ``only``: the statuses of the occurrence for which it is said."""

    at: datetime
    said: Statement
    only: tuple[str, ...] = OWED


class Desk(NamedTuple):
    """The seed, the days of the story and the house's calendar."""

    seed: str
    first: date
    last: date
    workdays: Workdays
    zone: ZoneInfo

    def rng(self, about: str) -> random.Random:
        """Return the dice for one thing: the same in every run."""
        return random.Random(f"{self.seed}/{about}")  # noqa: S311

    def at(self, day: date, rng: random.Random) -> datetime:
        """Return an office hour on a day of the story, on the working day before where it is none."""
        day = max(self.workdays.on_or_before(day), self.first)
        clock = time(rng.randrange(9, 17), rng.randrange(60))
        return datetime.combine(day, clock, self.zone)


def steps(key: str, due: date, begins: date, desk: Desk) -> Iterator[Step]:
    """Yield what is said of an occurrence, from the day ``begins`` on."""
    rng = desk.rng(key)
    fate = rng.random()
    evidence = "演示材料（盖章扫描件）"
    early = due - timedelta(days=rng.randrange(1, 10))
    late = due + timedelta(days=rng.randrange(2, 14))

    def on(day: date) -> datetime:
        return desk.at(max(day, begins), rng)

    def say(at: datetime, kind: str, only: tuple[str, ...], **more: object) -> Step:
        return Step(at, Statement(key, kind, **more), only)  # type: ignore[arg-type]

    def reported(day: date) -> Iterator[Step]:
        at = on(day)
        yield say(at, "submitted", OWED, evidence=evidence)
        after = at.date() + timedelta(days=rng.randrange(1, 7))
        yield say(max(desk.at(after, rng), at + LATER), "accepted", ("submitted",))

    if fate < 0.58:
        yield from reported(early)
    elif fate < 0.70:
        yield from reported(late)
    elif fate < 0.78:
        if (desk.last - due).days > LONG_AGO:
            yield from reported(due + timedelta(days=rng.randrange(20, 45)))
    elif fate < 0.86:
        at = on(due - timedelta(days=6))
        yield say(at, "submitted", OWED, evidence=evidence)
        back = max(desk.at(at.date() + timedelta(days=2), rng), at + LATER)
        reason = REASONS[rng.randrange(len(REASONS))]
        yield say(back, "returned", ("submitted",), reason=reason)
        yield from reported(max(back.date(), begins) + timedelta(days=rng.randrange(4, 9)))
    elif fate < 0.92:
        until = due + timedelta(days=15)
        basis = f"演示函〔{due.year}〕{rng.randrange(1, 40)}号"
        at = on(due - timedelta(days=5))
        yield say(at, "extended", OWED, until=until, reason=EXTENDED, basis=basis)
        yield from reported(due + timedelta(days=rng.randrange(3, 14)))
    elif fate < 0.95:
        basis = f"演示函〔{due.year}〕{rng.randrange(1, 40)}号"
        yield say(on(due - timedelta(days=7)), "waived", OWED, reason=WAIVED, basis=basis)
    else:
        known = on(due - timedelta(days=9))
        until = max(due - timedelta(days=1), known.date())
        yield say(known, "acknowledged", ("open",), until=until)
        yield from reported(until + timedelta(days=1))
