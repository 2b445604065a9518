"""Invented stationing terms and activities for a demonstration. Pure and seeded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from cli.demo_fates import Desk
from config.roster import Pairing, Roster
from scheduler.activities import Done
from scheduler.occurrences import Occurrence
from scheduler.shifts import Entry
from scheduler.stationing import months_after, team_size
from workflows.kinds import RotationRule

STAFF = ("内科、外科", "妇产科、儿科", "急诊、重症", "针灸、推拿", "影像、检验", "管理、护理")
AHEAD = timedelta(days=75)  # how far terms are known beyond the end of the story


class Noted(NamedTuple):
    """Something that becomes known on a day."""

    on: date
    what: Entry | Done


def terms(document: str, rule: RotationRule, roster: Roster, desk: Desk) -> Iterator[Noted]:
    """Yield the terms of most pairings: most in order, some with a gap, short, or small."""
    for index, pairing in enumerate(roster.pairings):
        rng = desk.rng(f"terms/{pairing.id}")
        if rng.random() < 0.1 and index:
            continue  # here nobody records anything
        months = rule.min_months or 6
        least = team_size(rule, roster.institutions[pairing.recipient].type) or 3
        start = date(desk.first.year, desk.first.month, 1) - timedelta(days=rng.randrange(0, 75))
        while start < desk.last + AHEAD:
            until = months_after(start, months + rng.choice((0, 0, 0, 1)))
            people = least + rng.choice((0, 0, 0, 1, 2))
            dice = rng.random()
            if dice < 0.08:
                until = months_after(start, max(months - 2, 1))
            elif dice < 0.16:
                people = max(least - 1, 1)
            known = max(start - timedelta(days=rng.randrange(4, 30)), desk.first)
            persons = tuple(f"{index + 1:02}-{n}" for n in range(1, people + 1))
            if index in (0, 1):  # one person at two places at the same time
                persons = ("D07", *persons[1:])
            staff = STAFF[rng.randrange(len(STAFF))]
            if known <= desk.last:
                entry = Entry(
                    document, pairing.supporter, pairing.recipient, start, until, people, staff,
                    persons if index < 12 else (),
                )  # fmt: skip
                yield Noted(known, entry)
            gap = rng.randrange(12, 40) if rng.random() < 0.14 else 0
            start = until + timedelta(days=gap)


def keepers(roster: Roster, share: float, desk: Desk) -> list[Pairing]:
    """Return the pairings that record what they do: the first, and a share of the others."""
    return [
        pairing
        for index, pairing in enumerate(roster.pairings)
        if index == 0 or desk.rng(f"keeps/{pairing.id}").random() < share
    ]


def activities(
    found: Sequence[Occurrence], kept: Sequence[Pairing], desk: Desk
) -> Iterator[Noted]:
    """Yield what is done towards the quotas of some pairings: by most enough, by some too little."""
    pairings = {pairing.id: pairing for pairing in kept}
    for one in found:
        pairing = pairings.get(one.key.split("/")[2])
        if pairing is None or one.quota is None or one.opens is None or one.due is None:
            continue
        rng = desk.rng(one.key)
        zeal = desk.rng(f"zeal/{pairing.id}").choice((1.0, 1.0, 0.9, 0.9, 0.8, 0.5))
        owed = one.quota.at_least or 1
        items = (*one.quota.items, *([None] * max(owed - len(one.quota.items), 0)))
        opens = max(one.opens, desk.first)
        days = (one.due - opens).days
        for n, item in enumerate(items[:owed] if one.quota.items else items):
            if days < 0 or rng.random() >= zeal:
                continue
            # Evenly over the window, and on a working day.
            on = opens + timedelta(days=min(int((n + rng.random()) * days / owed), days))
            on = max(desk.workdays.on_or_before(on), opens)
            if on > desk.last:
                continue
            done = Done(
                one.document, one.obligation, on, pairing.supporter, pairing.recipient,
                count=1, item=item, evidence=f"演示台账 {on}-{n + 1}",
            )  # fmt: skip
            yield Noted(on, done)
