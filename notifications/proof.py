"""The hourly proof: each planned notice is in exactly one state, each message in a legal one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Engine, select
from sqlmodel import Session

from notifications import alarms, claims, setback
from notifications.listing import FINAL, WAITING
from scheduler.queries import MESSAGES, NOTICES, audit, mark, set_mark
from scheduler.store import reading, writing
from scheduler.world import World

NAME = "proof"
EVERY = timedelta(hours=1)
SHOWN = 20
# A clock that was set back leaves leases that seem long, for as long as it was wrong.
LONGEST_LEASE = timedelta(hours=6)
LEFT_BEHIND = timedelta(hours=2)  # what ran out is taken back before the proof; that one is stuck


class Notice(NamedTuple):
    """What is needed of a notice."""

    id: int
    recipient: str
    message_id: int | None
    reason: str | None


class Message(NamedTuple):
    """What is needed of a message."""

    id: int
    recipient: str
    role: str
    state: str
    owner: str | None
    lease_until: datetime | None
    handed: int
    next_try_at: datetime | None
    finished_at: datetime | None


class Proof(NamedTuple):
    """What was looked at when (aware), and what was wrong, in Chinese."""

    at: datetime
    notices: int
    messages: int
    wrong: tuple[str, ...]


def violations(
    notices: Iterable[Notice], messages: Mapping[int, Message], now: datetime, rate: float = 1
) -> Iterator[str]:
    """Yield, in Chinese, every notice that is not in exactly one state, every illegal message.

    A notice waits for its mail, or is in one that stands, or has the reason why it is in none.
    ``rate``: how many times as fast as the real one the clock runs; its leases are as much longer.
    """
    for one in notices:
        if one.message_id is None:
            continue  # it waits, or has its reason
        message = messages.get(one.message_id)
        if one.reason is not None:
            yield f"提醒 {one.id} 既在邮件 {one.message_id} 里，又记着未发的原因“{one.reason}”"
        if message is None:
            yield f"提醒 {one.id} 所在的邮件 {one.message_id} 不存在"
        elif message.state == "cancelled":
            yield f"提醒 {one.id} 还留在已作废的邮件 {message.id} 里"
        elif message.recipient != one.recipient:
            yield f"提醒 {one.id} 给 {one.recipient}，却在给 {message.recipient} 的邮件 {message.id} 里"
    for message in messages.values():
        for fault in _illegal(message, now, max(rate, 1)):
            yield f"邮件 {message.id}（{message.state}）{fault}"


def _illegal(one: Message, now: datetime, rate: float) -> Iterator[str]:
    if one.state not in (*WAITING, *FINAL):
        yield "没有这种状态"
        return
    if one.state in ("sending", "handing"):
        if one.owner is None or one.lease_until is None:
            yield "没有占用者或租约"
        elif one.lease_until - now > LONGEST_LEASE * rate:
            yield f"租约到 {one.lease_until.isoformat()}，太远"
        elif now - one.lease_until > LEFT_BEHIND * rate:
            yield f"租约 {one.lease_until.isoformat()} 早已过期，没有收回"
    elif one.lease_until is not None and one.state != "cancelled":
        yield "没有人在办，却有租约"
    if one.state == "ready" and one.next_try_at is None:
        yield "等着发，却没有下次的时间"
    if one.state in ("ready", "held") and one.handed:
        yield "可能交出过，却当作没有交出"
    if one.state in ("handing", "in_doubt", "sent", "bounced") and not one.handed:
        yield "没有交出过"
    if (one.state in FINAL) != (one.finished_at is not None):
        yield "办结的时间与状态不符"


def prove(session: Session, now: datetime, rate: float = 1) -> Proof:
    """Return the proof of a store as it is at ``now``, on a clock that runs ``rate`` times as fast."""
    message, notice = MESSAGES.c, NOTICES.c
    columns = (message[name] for name in Message._fields)
    messages = {row.id: Message(*row) for row in session.execute(select(*columns))}
    rows = session.execute(select(*(notice[name] for name in Notice._fields)))
    notices = [Notice(*row) for row in rows]
    wrong = tuple(violations(notices, messages, now, rate))
    return Proof(now, len(notices), len(messages), wrong)


def last(session: Session) -> Proof | None:
    """Return the last proof, None before the first; at most the first faults."""
    value = mark(session, NAME)
    if value is None:
        return None
    said = json.loads(value)
    at = datetime.fromisoformat(said["at"])
    return Proof(at, said["notices"], said["messages"], tuple(said["wrong"]))


def hourly(
    engine: Engine,
    now: datetime,
    world: World,
    *,
    repeatable: bool = False,
    rate: float = 1,
) -> Proof | None:
    """Prove it if an hour has passed, and remember, log and tell what came of it.

    What every round begins with is done once more before: a machine that slept in the midst of its
    round, or whose clock was set then, would else take for stuck what its next round takes back.
    ``repeatable`` as the transport says, ``rate``: how many times as fast the clock runs.
    """
    with reading(engine) as session:
        before = last(session)
    if before is not None and abs(now - before.at) < EVERY:
        return None
    setback.mend(engine, now, world)
    with writing(engine) as session:
        claims.recover(session, now, repeatable=repeatable)
    with reading(engine) as session:
        found = prove(session, now, rate)
    said = {
        "at": now.isoformat(), "notices": found.notices, "messages": found.messages,
        "wrong": found.wrong[:SHOWN],
    }  # fmt: skip
    detail = f"{found.notices} 条提醒、{found.messages} 封邮件，" + (
        f"{len(found.wrong)} 处有误：{found.wrong[0]}" if found.wrong else "各在唯一的状态里"
    )
    with writing(engine) as session:
        set_mark(session, NAME, json.dumps(said, ensure_ascii=False))
        entry = {"at": now, "who": "duban", "action": "proof", "about": "outbox", "detail": detail}
        audit(session, [entry])
        if found.wrong:
            alarms.unsound(session, now, world, found.wrong)
    return found
