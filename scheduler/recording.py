"""A fact is recorded: what someone says of an occurrence, with all that follows from it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, select

from scheduler import queries, recalling
from scheduler.applying import settle
from scheduler.facts import DONE, KINDS
from scheduler.store import one_planner
from scheduler.tables import Fact, StoredOccurrence
from scheduler.world import World

WORDS = {"completed": "已完成", "acknowledged": "已知悉", "waived": "免报"}


class Refused(Exception):
    """A fact that cannot be recorded; ``message`` and ``hint`` are Chinese sentences."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Statement:
    """What is said: ``on`` the local day it is about, ``until`` (included) for how long."""

    key: str
    kind: str
    on: date | None = None
    until: date | None = None
    reason: str | None = None
    basis: str | None = None
    evidence: str | None = None


def record(session: Session, said: Statement, now: datetime, by: str, world: World) -> str:
    """Store a fact in the caller's transaction and return the occurrence's new status.

    Status, next notice, audit log and mails that wait follow in the same transaction. Raises
    Refused where the occurrence or what is said of it does not allow it.
    """
    one_planner(session)
    today = now.astimezone(world.timezone).date()
    found = session.get(StoredOccurrence, said.key)
    if found is None:
        raise Refused(f"没有这一事项：{said.key}", _nearest(session, said.key))
    check(said, found.status, today)
    fact = Fact(
        key=said.key,
        kind=said.kind,
        on=said.on or today,
        until=said.until if said.kind == "acknowledged" else None,
        reason=said.reason,
        basis=said.basis,
        evidence=said.evidence,
        recorded_at=now,
        recorded_by=by,
    )
    session.add(fact)
    session.flush()
    _supersede(session, fact)
    session.expunge_all()  # from here on the rows change by statements
    recalling.recall(session, [said.key], now, f"事项{WORDS[said.kind]}，另拟新信")
    settle(session, [said.key], now, world)
    detail = "；".join(
        str(part)
        for part in (said.kind, fact.on, fact.until, said.basis, said.reason, said.evidence)
        if part
    )
    entry = {"at": now, "who": by, "action": "record", "about": said.key, "detail": detail}
    queries.audit(session, [entry])
    return queries.statuses(session, [said.key])[said.key]


def check(said: Statement, status: str, today: date) -> None:
    """Raise Refused where a statement does not fit an occurrence of that status on a local day."""
    if said.kind not in KINDS:
        raise Refused(f"不认识的记录“{said.kind}”", f"可以写：{'、'.join(KINDS)}")
    if status == "cancelled":
        raise Refused("这一事项已取消，不能再登记", "事项因改动文件或名册而取消，看 duban plan")
    if said.on is not None and said.on > today:
        raise Refused(f"日期 {said.on} 还没有到", "写已经发生的日期，或不写（即今天）")
    if said.kind == "waived" and not (said.reason or "").strip():
        raise Refused("登记免报要写理由", "加上 --reason，有文号的再加 --basis")
    if said.kind != "acknowledged":
        if said.until is not None:
            raise Refused("只有“已知悉”可以写 --until", "去掉 --until")
        return
    if said.until is None:
        raise Refused("登记已知悉要写静默到哪一天", "加上 --until YYYY-MM-DD")
    if said.until < today:
        raise Refused(f"静默截止日 {said.until} 已经过去", "写今天或以后的日期")
    if status in DONE:
        raise Refused("这一事项已办结，无须登记知悉", "")
    if status == "history":
        raise Refused("这一事项的期限早于启用日，本来就不提醒", "已办结的可登记 completed")


def _supersede(session: Session, fact: Fact) -> None:
    """Let a fact take the place of earlier ones of its kind, and of what contradicts it."""
    earlier = session.exec(
        select(Fact).where(
            Fact.key == fact.key, Fact.superseded_by == None, Fact.id != fact.id  # noqa: E711
        )
    )
    for other in earlier:
        both_done = fact.kind in DONE and other.kind in DONE
        if other.kind == fact.kind or both_done:
            other.superseded_by = fact.id
    session.flush()


def _nearest(session: Session, key: str) -> str:
    document, _, rest = key.partition("/")
    keys = queries.keys_like(session, f"{document}/{rest.partition('/')[0]}/") or queries.keys_like(
        session, f"{document}/"
    )
    near = difflib.get_close_matches(key, keys[:5_000], 3, 0.5)
    return f"相近的有：{'、'.join(near)}" if near else "用 duban deadlines --store 查看编号"


def from_json(line: Mapping[str, object]) -> Statement:
    """Return the statement of one line of a facts file; ValueError in Chinese says what is wrong."""
    known = {"at", "key", "fact", "on", "until", "basis", "reason", "evidence"}
    if unknown := sorted(line.keys() - known):
        raise ValueError(f"不认识的键 {'、'.join(unknown)}")
    words: dict[str, str | None] = {}
    for name in ("key", "fact", "basis", "reason", "evidence"):
        value = line.get(name)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{name} 应为文字")
        words[name] = value
    if not words["key"] or not words["fact"]:
        raise ValueError("要有 key 和 fact")
    return Statement(
        words["key"],
        words["fact"],
        _day(line, "on"),
        _day(line, "until"),
        words["reason"],
        words["basis"],
        words["evidence"],
    )


def _day(line: Mapping[str, object], name: str) -> date | None:
    value = line.get(name)
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{name} 应为 YYYY-MM-DD") from None
