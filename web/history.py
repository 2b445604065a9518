"""What happened to an item, what was sent about it, and what is to come: lines in their order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from notifications import wording
from notifications.listing import STATES
from scheduler import evidence
from scheduler.ladder import steps
from scheduler.occurrences import Occurrence
from scheduler.tables import Fact, Message, Notice
from web.house import House
from web.rendering import ROLES
from web.requests import Asked, HandedIn

FACTS = {
    "completed": "登记办结",
    "submitted": "登记报送",
    "accepted": "受理",
    "returned": "退回",
    "acknowledged": "登记已知悉",
    "extended": "登记延期",
    "waived": "登记免报",
    "corrected": "更正登记",
}
DAYS = {
    "completed": "办结日", "submitted": "报送日", "accepted": "受理日", "returned": "退回日",
    "waived": "免报日",
}  # fmt: skip
TARGETS = {"responsible": "联络员", "coordinator": "上级协调员", "issuer": "发文机关"}


@dataclass(frozen=True)
class Line:
    """One line of an item's history; ``ahead``: it has not happened yet.

    ``struck`` says why it no longer counts, or is empty. ``number``: that of the fact it tells of.
    """

    at: datetime
    what: str
    detail: str = ""
    ahead: bool = False
    struck: str = ""
    number: int = 0


def lines(
    house: House,
    one: Occurrence,
    status: str,
    told: Sequence[tuple[Notice, Message | None]],
    facts: Sequence[Fact],
    asked: Iterable[Asked],
    handed_in: Iterable[HandedIn],
) -> list[Line]:
    """Return an item's history, the oldest line first; ``one`` with the date that counts now."""
    names = house.institutions()
    by_id = {fact.id or 0: fact for fact in facts}
    return sorted(
        [
            *(_notice(notice, message, names) for notice, message in told),
            *(_fact(fact, by_id) for fact in facts),
            *(
                Line(a.at, "申请延期", f"到 {wording.day(a.until)} · {a.reason} · {a.by}")
                for a in asked
            ),
            *(Line(h.at, "补交佐证", h.by) for h in handed_in),
            *_ahead(house, one, status, {n.rung for n, _ in told if n.due == one.due}),
        ],
        key=lambda line: line.at,
    )


def _notice(notice: Notice, message: Message | None, names: Mapping[str, str]) -> Line:
    to = names.get(notice.institution, notice.institution) + ROLES.get(notice.role, "")
    if message is None:
        outcome = notice.reason or "到时间再写成邮件"
    else:
        outcome = STATES[message.state] + (f"：{message.reason}" if message.reason else "")
    parts = [f"送 {to}" if notice.recipient else "", outcome, notice.note or ""]
    at = message.finished_at if message and message.finished_at else notice.release_at
    return Line(at, wording.rung_name(notice.rung), " · ".join(part for part in parts if part))


def _fact(fact: Fact, known: Mapping[int, Fact]) -> Line:
    until = f"到 {wording.day(fact.until)}" if fact.until else ""
    mention = "附佐证文件" if evidence.stored(fact.evidence) else f"佐证 {fact.evidence}"
    parts = [
        f"{DAYS[fact.kind]} {wording.day(fact.on)}" if fact.on and fact.kind in DAYS else "",
        f"{until}以前不提醒" if until and fact.kind == "acknowledged" else until,
        fact.reason or "",
        f"依据 {fact.basis}" if fact.basis else "",
        mention if fact.evidence else "",
        fact.recorded_by,
    ]
    what = FACTS.get(fact.kind, fact.kind)
    detail = " · ".join(part for part in parts if part)
    return Line(fact.recorded_at, what, detail, struck=_struck(fact, known), number=fact.id or 0)


def _struck(fact: Fact, known: Mapping[int, Fact]) -> str:
    if fact.superseded_by is None:
        return ""
    later = known.get(fact.superseded_by)
    if later is not None and later.kind == "corrected":
        return f"已更正：{later.reason or '未写理由'}"
    word = FACTS.get(later.kind, later.kind) if later else "后来的登记"
    return f"由后来的“{word}”取代"


def _ahead(house: House, one: Occurrence, status: str, planned: Collection[str]) -> Iterable[Line]:
    if status not in ("open", "acknowledged", "returned") or one.kind == "quota":
        return
    now = house.now()
    for step in steps(one, house.world.workdays, house.base.timezone):
        if step.at > now and step.rung not in planned:
            target = f"给{TARGETS[step.to]}；届时已登记办结的不再发"
            yield Line(step.at, wording.rung_name(step.rung), target, ahead=True)
