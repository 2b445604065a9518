"""A demonstration's year: the real engine, the ordinary recording functions, a clock that jumps."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlmodel import Session

from cli.demo_fates import Desk, Step, steps
from cli.demo_terms import Noted, activities, keepers, terms
from cli.round import one_round
from cli.simulated import LEASE, following, midnight
from notifications.desk import Desk as OutDesk
from notifications.maildir import Maildir
from scheduler import activities as deeds
from scheduler import demonstration, happenings, queries, recorded, shifts, store, watching
from scheduler.applying import carry_out
from scheduler.occurrences import Occurrence
from scheduler.proposing import Candidates, propose
from scheduler.queries import OCCURRENCES
from scheduler.recording import record
from scheduler.refusals import Refused
from scheduler.rows import decode
from scheduler.world import World
from workflows.kinds import LADDER_KINDS, RotationRule

BY = "演示"
AHEAD = timedelta(days=21)  # how early people begin to think of a report
WEEK = timedelta(days=7)
SHARE = 0.2  # of the pairings that record activities
CAUSES = ("督导中发现需要整改的问题", "双方报告的情况", "阶段工作结束")
FAR = datetime.max.replace(tzinfo=UTC)
Act = Callable[[Session, datetime], None]


@dataclass(frozen=True)
class Plot:
    """One year of one document: from the first day to the instant at which its story ends."""

    name: str
    document: str
    first: date
    end: datetime


@dataclass
class Stage:
    """One store in which a plot is played."""

    engine: Engine
    world: World
    plot: Plot
    desk: Desk
    refused: list[str] = field(default_factory=list)
    _waiting: list[tuple[datetime, int, Act]] = field(default_factory=list)
    _order: Any = field(default_factory=itertools.count)
    _known: set[str] = field(default_factory=set)

    def plan(self, at: datetime, act: Act) -> None:
        """Let something happen at an instant, at once where that is past."""
        heapq.heappush(self._waiting, (at, next(self._order), act))

    def next_at(self) -> datetime | None:
        """Return when the next thing happens."""
        return self._waiting[0][0] if self._waiting else None

    def happen(self, now: datetime) -> None:
        """Do what is due, each in a transaction of its own; what is refused is noted."""
        while self._waiting and self._waiting[0][0] <= now:
            _, _, act = heapq.heappop(self._waiting)
            try:
                with store.writing(self.engine) as session:
                    act(session, now)
            except Refused as refusal:
                self.refused.append(f"{now:%Y-%m-%d} {refusal.message}")

    def look(self, now: datetime) -> None:
        """Decide what becomes of everything that is new in the store, and look again in a week."""
        today = now.astimezone(self.world.timezone).date()
        with store.reading(self.engine) as session:
            fresh = list(self._fresh(session))
        for one in fresh:
            if one.kind in LADDER_KINDS and one.due and one.responsible.id:
                for step in steps(one.key, one.due, today, self.desk):
                    self.plan(step.at, _said(step, self.world))
        kept = keepers(self.world.rosters[self.plot.document], SHARE, self.desk)
        quotas = [one for one in fresh if one.document == self.plot.document]
        self.note(activities(quotas, kept, self.desk), today)
        watching.contacts(self.engine, now, self.world)
        self.plan(now + WEEK, lambda _session, at: self._look_again.append(at))

    _look_again: list[datetime] = field(default_factory=list)

    def looks(self) -> bool:
        """Return whether it is time to look again."""
        due = bool(self._look_again)
        self._look_again.clear()
        return due

    def _fresh(self, session: Session) -> Iterable[Occurrence]:
        """Yield what is open, begins before the story ends, and was not looked at before."""
        column = OCCURRENCES.c
        query = (
            select(column.key)
            .where(column.status == "open", column.phase != "pre-issue")
            .where(column.kind.in_([*sorted(LADDER_KINDS), "quota"]))
            .where(column.due >= self.plot.first)
            .where(column.due <= self.desk.last + timedelta(days=400))
            .order_by(column.due, column.key)
        )
        keys = [key for key in session.execute(query).scalars() if key not in self._known]
        self._known.update(keys)
        for some in queries.chunks(keys):
            for body in session.execute(select(column.body).where(column.key.in_(some))).scalars():
                one = decode(body)
                begins = one.opens if one.kind == "quota" else one.due and one.due - AHEAD
                if begins and begins <= self.desk.last:
                    yield one

    def note(self, found: Iterable[Noted], today: date) -> None:
        """Plan that terms and activities are recorded: at the end of the week in which they are."""
        weeks: dict[date, list[Noted]] = {}
        for one in found:
            on = max(one.on, today)
            friday = min(on + timedelta(days=(4 - on.weekday()) % 7), self.desk.last)
            weeks.setdefault(friday, []).append(one)
        for day, some in weeks.items():
            at = datetime(day.year, day.month, day.day, 9, 30, tzinfo=self.desk.zone)
            self.plan(at, _noted(some, self.world))

    def events(self) -> None:
        """Plan some events that people tell of: of each duty without a watch, a few."""
        source = self.world.documents[self.plot.document]
        told = [
            duty.id
            for duty in source.obligations
            if duty.kind == "event" and duty.rule.watches is None
        ]
        with store.reading(self.engine) as session:
            for duty in told:
                keys = queries.keys_under(session, f"{self.plot.document}/{duty}/")
                rng = self.desk.rng(f"events/{duty}")
                for key in rng.sample(sorted(keys), min(len(keys), max(3, len(keys) // 4))):
                    days = (self.desk.last - self.desk.first).days
                    on = self.desk.first + timedelta(days=rng.randrange(days // 10, days + 1))
                    body = session.execute(
                        select(OCCURRENCES.c.body).where(OCCURRENCES.c.key == key)
                    ).scalar_one()
                    at = self.desk.at(on, rng)
                    self.plan(at, _event(decode(body), rng.choice(CAUSES), self.world))


def _said(step: Step, world: World) -> Act:
    def act(session: Session, now: datetime) -> None:
        if queries.statuses(session, [step.said.key])[step.said.key] not in step.only:
            return
        record(session, step.said, now, BY, world)

    return act


def _noted(some: list[Noted], world: World) -> Act:
    def act(session: Session, now: datetime) -> None:
        entries = [one.what for one in some if isinstance(one.what, shifts.Entry)]
        if entries:
            shifts.add(session, entries, now, BY, world)
        today = now.astimezone(world.timezone).date()
        known = recorded.records(session, world.documents)
        checked = [
            found
            for one in some
            if isinstance(one.what, deeds.Done)
            if (found := deeds.check(one.what, today, world, known)[0]) is not None
        ]
        if checked:
            deeds.record_all(session, checked, now, BY, world)

    return act


def _event(one: Occurrence, cause: str, world: World) -> Act:
    def act(session: Session, now: datetime) -> None:
        partner = one.pairings[0][1].id if len(one.pairings) == 1 else None
        today = now.astimezone(world.timezone).date()
        happenings.by_hand(
            session, one.document, one.obligation, one.responsible.id or "", today, cause, now,
            world, BY, partner,
        )  # fmt: skip

    return act


def play(
    engine: Engine,
    found: Candidates,
    base: World,
    plot: Plot,
    folder: Path,
    seed: str,
    progress: Callable[[int, int], None],
    out: OutDesk,
) -> list[str]:
    """Play a plot into an empty store and return what was refused on the way.

    Mails go into the Maildir ``folder``. ``progress`` hears the days done and all days.
    """
    zone = base.timezone
    now = midnight(plot.first, base)
    with store.writing(engine) as session:
        proposal = propose(session, found, now, replace(base, fused=False))
        carry_out(session, proposal, now, BY)
        demonstration.declare(session, plot.end)
    world = proposal.world
    desk = Desk(seed, plot.first, plot.end.astimezone(zone).date(), world.workdays, zone)
    stage = Stage(engine, world, plot, desk)
    for duty in world.documents[plot.document].obligations:
        if isinstance(rule := duty.rule, RotationRule):
            stage.note(terms(plot.document, rule, world.rosters[plot.document], desk), plot.first)
    stage.events()
    stage.look(now)
    maildir, days = Maildir(folder), (desk.last - plot.first).days
    asked: datetime | None = None
    while now <= plot.end:
        stage.happen(now)
        if stage.looks():
            stage.look(now)
        if asked is None or now >= asked:
            one_round(engine, _stopped(now), world, maildir, "demo", LEASE, out)
        local = now.astimezone(zone).date()
        progress((local - plot.first).days, days)
        asked = min(following(engine, now) or FAR, midnight(date(local.year + 1, 1, 1), base))
        now = min(asked, stage.next_at() or FAR)
    with store.writing(engine) as session:
        queries.set_mark(session, "tick", plot.end.isoformat())
    return stage.refused


def _stopped(now: datetime) -> Callable[[], datetime]:
    return lambda: now
