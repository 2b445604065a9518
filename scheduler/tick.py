"""One pass from stored state to planned notices: what is due now, to whom, and when next.

Level-triggered: it asks the store what is due, whatever happened before. Each batch is one
transaction with unique notices, so that a crash between two steps loses and doubles nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from scheduler import pacing, projection, queries, tallies
from scheduler.addressing import Recipient, recipients
from scheduler.facts import standing
from scheduler.hours import next_opening, sending
from scheduler.ladder import Step, decide, next_notice
from scheduler.occurrences import Occurrence
from scheduler.placing import RESTING
from scheduler.postponing import postponed
from scheduler.rows import decode
from scheduler.store import one_planner
from scheduler.world import World

BATCH = 500


@dataclass(frozen=True, slots=True)
class TickReport:
    """How many occurrences were looked at, notices planned, rungs skipped, notices to nobody."""

    looked_at: int = 0
    planned: int = 0
    skipped: int = 0
    to_nobody: int = 0


def tick(session: Session, now: datetime, world: World) -> TickReport:
    """Plan every notice that is due at ``now`` (aware); commits after each batch.

    Outside the sending hours nothing is planned: it waits for the next ones.
    """
    total = TickReport()
    while True:
        report = _batch(session, now, world)
        session.commit()
        total = TickReport(
            total.looked_at + report.looked_at,
            total.planned + report.planned,
            total.skipped + report.skipped,
            total.to_nobody + report.to_nobody,
        )
        if report.looked_at < BATCH:
            return total


def _batch(session: Session, now: datetime, world: World) -> TickReport:
    one_planner(session, shared=True)
    found = queries.due(session, now, BATCH)
    if not found:
        return TickReport()
    zone = world.timezone
    today = now.astimezone(zone).date()
    open_now = sending(now, zone, world.workdays) == now
    keys = [due.key for due in found]
    facts, planned = queries.facts(session, keys), queries.planned(session, keys)
    notices: list[queries.Row] = []
    skipped: list[queries.Row] = []
    onward: list[queries.Row] = []
    reached: list[tuple[str, str]] = []
    decoded = {due.key: decode(due.body) for due in found}
    counted = tallies.kept(session, decoded.values(), today, world)
    spoken = tallies.spoken(session, [decoded[key] for key in counted], now, world)
    for due in found:
        text = decoded[due.key]
        said = standing(facts.get(due.key, ()), today)
        one = postponed(text, said.extended_to, world.workdays)
        silent = due.history and one is text
        status, quiet_until = said.status, said.quiet_until
        if silent and status == "open":
            status = "history"
        resting = silent or status in RESTING
        already = dict(planned.get((one.key, one.due), {})) if one.due else {}
        ladder = () if resting else pacing.steps(one, counted.get(one.key), world.workdays, zone)
        again = None
        if open_now and quiet_until is None:
            decision = decide(ladder, already, now, zone)
            skipped += [_skip(one.key, step, now) for step in decision.skipped]
            if decision.step and pacing.muted(one, decision.step.rung, spoken):
                skipped.append(_skip(one.key, decision.step, now, MUTED))
                already[decision.step.rung] = now
            elif decision.step:
                to = recipients(one, decision.step.to, world, today)
                notices += _notices(one, decision.step, to, now)
                already[decision.step.rung] = now
                spoken[pacing.side(one, decision.step.rung)] = today
                if to:
                    reached.append((one.key, decision.step.rung))
                else:  # asked again every working day: somebody may hold the role by then
                    again = next_opening(now, zone, world.workdays)
        at = None
        if not resting:
            at = next_notice(ladder, already, now, zone, world.workdays, quiet_until)
            at = min((instant for instant in (at, again) if instant), default=None)
        onward.append(
            {"k": one.key, "was": due.next_notice_at, "status": status, "next_notice_at": at}
        )
    queries.plan_notices(session, notices)
    queries.made_good(session, reached)
    queries.audit(session, skipped)
    projection.move_on(session, onward)
    before = {due.key: due.status for due in found}
    projection.touch(session, [r["k"] for r in onward if r["status"] != before[r["k"]]], now)
    nobody = sum(row["reason"] == queries.NOBODY for row in notices)
    return TickReport(len(found), len(notices), len(skipped), nobody)


def _notices(
    one: Occurrence, step: Step, to: tuple[Recipient, ...], now: datetime
) -> list[queries.Row]:
    nobody = Recipient("", one.responsible.id or "", "", "")
    return [
        {
            "key": one.key,
            "rung": step.rung,
            "due": one.due,
            "recipient": recipient.address,
            "channel": "mail",
            "institution": recipient.institution,
            "role": recipient.role,
            "office": recipient.office,
            "placeholder": recipient.placeholder,
            "statutory": step.statutory,
            "release_at": now,
            "planned_at": now,
            "note": recipient.note,
            "reason": None if to else queries.NOBODY,
        }
        for recipient in to or (nobody,)
    ]


MUTED = "这一频次本月已说过一次"


def _skip(
    key: str, step: Step, now: datetime, why: str = "已有更高一档，或期限已过"
) -> queries.Row:
    detail = f"{step.rung}（{step.at.date()}）未发：{why}"
    return {"at": now, "who": "duban", "action": "skipped", "about": key, "detail": detail}
