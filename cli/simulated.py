"""The real engine over a virtual clock and a throw-away store."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select

from cli.round import one_round
from notifications import links
from notifications.recorder import Recorder
from scheduler import queries, store
from scheduler.applying import carry_out
from scheduler.hours import opening
from scheduler.ladder import steps
from scheduler.postponing import postponed
from scheduler.proposing import Candidates, propose
from scheduler.recording import Refused, Statement, record
from scheduler.rows import decode
from scheduler.world import World

LEASE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Event:
    """A fact that comes in at an instant; ``line`` is its place in the facts file."""

    at: datetime
    line: int
    said: Statement


@contextmanager
def throw_away() -> Iterator[Engine]:
    """Give an empty store that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="duban-") as folder:
        engine = store.connect(f"sqlite:///{Path(folder) / 'simulated.db'}", durable=False)
        try:
            store.migrate(engine)
            yield engine
        finally:
            engine.dispose()


def simulate(
    engine: Engine,
    found: Candidates,
    base: World,
    first: date,
    last: date,
    events: Sequence[Event],
) -> list[str]:
    """Let the days pass from one to another (both included, local) and return what was refused.

    The documents are adopted when the first day begins. The clock jumps from one instant at which
    something is to be done to the next.
    """
    now = midnight(first, base)
    end = midnight(last + timedelta(days=1), base)
    with store.writing(engine) as session:
        proposal = propose(session, found, now, base)
        carry_out(session, proposal, now, "simulate")
        # No mail of one run may differ from that of another.
        queries.set_mark(session, links.MARK, links.REHEARSAL)
    world = proposal.world
    waiting = sorted((e for e in events if e.at < end), key=lambda e: (e.at, e.line))
    refused: list[str] = []
    recorder = Recorder()
    while now < end:
        while waiting and waiting[0].at <= now:
            refused += _happen(engine, waiting.pop(0), now, world)
        clock = now
        one_round(engine, lambda clock=clock: clock, world, recorder, "simulate", LEASE)  # type: ignore[misc]
        coming = [following(engine, now), midnight(date(_local(now, base).year + 1, 1, 1), base)]
        if waiting:
            coming.append(waiting[0].at)
        now = min(instant for instant in coming if instant is not None and instant > now)
    return refused


def midnight(day: date, world: World) -> datetime:
    """Return the instant at which a local day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=world.timezone)


def _local(now: datetime, world: World) -> date:
    return now.astimezone(world.timezone).date()


def _happen(engine: Engine, event: Event, now: datetime, world: World) -> list[str]:
    try:
        with store.writing(engine) as session:
            record(session, event.said, now, "simulate", world)
    except Refused as refusal:
        hint = f"（{refusal.hint}）" if refusal.hint else ""
        return [f"第 {event.line} 行：{refusal.message}{hint}"]
    return []


def following(engine: Engine, now: datetime) -> datetime | None:
    """Return the next instant at which anything stored asks to be looked at."""
    occurrence = queries.OCCURRENCES.c.next_notice_at
    notice, message = queries.NOTICES.c, queries.MESSAGES.c
    pending = (notice.message_id.is_(None), notice.reason.is_(None), notice.release_at > now)
    waits = message.state.in_(("ready", "in_doubt"))
    asked = (
        select(func.min(occurrence)).where(occurrence > now),
        select(func.min(notice.release_at)).where(*pending),
        select(func.min(message.next_try_at)).where(waits, message.next_try_at > now),
    )
    with store.reading(engine) as session:
        found = [session.execute(query).scalar() for query in asked]
    return min((instant for instant in found if instant is not None), default=None)


def mails(engine: Engine, world: World) -> list[dict[str, Any]]:
    """Return every mail that went out, as ``duban simulate --format json`` prints them."""
    names = {i.id: i.name for roster in world.rosters.values() for i in roster.institutions.values()}
    message, notice = queries.MESSAGES.c, queries.NOTICES.c
    columns = (
        message.id, message.recipient, message.role, message.institution, message.office,
        message.placeholder, message.statutory, message.subject, message.message_id,
        message.finished_at,
    )  # fmt: skip
    query = (
        select(*columns)
        .where(message.state == "sent")
        .order_by(message.finished_at, message.recipient, message.role)
    )
    items: dict[int, list[Any]] = {}
    with store.reading(engine) as session:
        for row in session.execute(
            select(notice.message_id, notice.key, notice.rung, notice.due, queries.OCCURRENCES.c.body)
            .join(queries.OCCURRENCES, queries.OCCURRENCES.c.key == notice.key)
            .where(notice.message_id.is_not(None))
            .order_by(notice.due, notice.key)
        ):
            items.setdefault(row.message_id, []).append(row)
        sent = session.execute(query).all()
    return [
        {
            "at": mail.finished_at.astimezone(world.timezone).isoformat(timespec="seconds"),
            "to": {
                "institution": names.get(mail.institution, mail.institution),
                "institution_id": mail.institution,
                "role": mail.role,
                "office": mail.office,
                "address": mail.recipient,
                "placeholder": mail.placeholder,
            },
            "subject": mail.subject,
            "items": [
                {"key": item.key, "rung": item.rung, "due": item.due.isoformat()}
                for item in items[mail.id]
            ],
            "message_id": mail.message_id,
            "class": "statutory" if mail.statutory else "ordinary",
            "reason": _reason(items[mail.id], mail.finished_at, world),
        }
        for mail in sent
    ]


def _reason(items: Sequence[Any], sent_at: datetime, world: World) -> str | None:
    """Return why a mail is not what the ladder alone would have sent, None where it is."""
    notes = []
    if len(items) > 1:
        notes.append(f"同一收件人同一天的 {len(items)} 项并为一封")
    for item in items:
        step = _step(item, world)
        if step is None:
            continue
        if opening(_local(sent_at, world), world.timezone) > step.at:
            notes.append(f"{item.key} {item.rung}：原定 {step.at.date()}，推迟到今天")
        elif step.nominal != step.at.date():
            notes.append(f"{item.key} {item.rung}：{step.nominal} 不是工作日，移到今天")
    return "；".join(notes) or None


def _step(item: Any, world: World) -> Any:
    one = postponed(decode(item.body), item.due, world.workdays)
    ladder = steps(one, world.workdays, world.timezone) if one.due == item.due else ()
    return next((step for step in ladder if step.rung == item.rung), None)
