"""What can be done on an item's page, by whom, and what has to be said for it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from scheduler.ladder import climbs
from scheduler.occurrences import Occurrence
from web.acting import Actor
from web.house import House
from workflows.kinds import LADDER_KINDS

OWING = ("submitted", "completed", "acknowledged", "ask", "evidence")
RECEIVING = ("accepted", "returned")
DECIDING = (*RECEIVING, "extended", "waived")
UNDONE = ("open", "acknowledged", "returned")


@dataclass(frozen=True, slots=True)
class Act:
    """One button. ``asks``: what its confirmation has to fill in, ``must`` what it cannot leave out.

    ``button`` opens the confirmation, ``does`` is on the button there, ``effect`` says what
    follows, ``past`` what has been done afterwards.
    """

    name: str
    button: str
    does: str
    effect: str
    past: str
    asks: tuple[str, ...] = ()
    must: tuple[str, ...] = ()


ACTS = {
    act.name: act
    for act in (
        Act(
            "submitted", "已经报送", "登记已报送",
            "登记以后不再提醒。接收单位用本系统的，等它受理；没有用的，就算办结。",
            "已登记报送", ("on", "file", "evidence", "reason"),
        ),
        Act(
            "completed", "已经办结", "登记已办结", "登记以后不再提醒。",
            "已登记办结", ("on", "file", "evidence", "reason"),
        ),
        Act(
            "acknowledged", "已知悉，暂停提醒到…", "登记已知悉",
            "到那一天为止不再提醒；之后没有办结的，继续提醒。",
            "已登记知悉", ("until", "reason"), ("until",),
        ),
        Act(
            "ask", "申请延期", "提交延期申请",
            "申请记在经过里，给接收单位的协调员和管理员看。准了才算延期，在此之前照常提醒。",
            "已提交延期申请", ("until", "reason"), ("until", "reason"),
        ),
        Act(
            "evidence", "补交佐证", "交上佐证", "佐证列在这一项下面，状态不变。",
            "已收下佐证", ("file", "evidence"),
        ),
        Act(
            "accepted", "受理", "登记受理", "受理以后这一项办结，按报送的日子算是否按时。",
            "已登记受理", ("reason",),
        ),
        Act(
            "returned", "退回", "登记退回", "退回以后这一项重新提醒，邮件里写明理由。",
            "已登记退回", ("reason",), ("reason",),
        ),
        Act(
            "extended", "同意延期", "登记延期",
            "提醒和日历改按新的期限；原定的日子仍写在旁边，两个都算。",
            "已登记延期", ("until", "basis", "on", "reason"), ("until", "basis"),
        ),
        Act(
            "waived", "免报", "登记免报", "登记以后不再提醒，也不计入应报。",
            "已登记免报", ("reason", "basis"), ("reason",),
        ),
        Act(
            "corrected", "更正一次登记", "登记更正",
            "被更正的登记划去，留在经过里；状态按余下的登记重算。",
            "已登记更正", ("fact", "reason"), ("reason",),
        ),
    )
}  # fmt: skip


def offered(
    actor: Actor, one: Occurrence, status: str, house: House, said: Collection[str]
) -> list[Act]:
    """Return the buttons for an actor as an item stands, the first of them the main one.

    ``said``: the kinds of the facts that stand.
    """
    may = set(permitted(actor, one, house))
    if actor.admin and said:
        may.add("corrected")
    return [act for act in ACTS.values() if act.name in may and _fits(act.name, one, status)]


def permitted(actor: Actor, one: Occurrence, house: House) -> tuple[str, ...]:
    """Return the names of what an actor may do to an item at all."""
    if actor.admin:
        return tuple(ACTS)
    may: tuple[str, ...] = ()
    if actor.owes(one):
        may += OWING
    if actor.receives(one, house):
        may += DECIDING if actor.role == "coordinator" else RECEIVING
    return may


def _fits(name: str, one: Occurrence, status: str) -> bool:
    if status == "cancelled":
        return False
    dated = one.due is not None and one.kind in LADDER_KINDS
    report = "submitted" if one.recipients else "completed"
    if name in ("submitted", "completed"):
        owed = dated or one.kind == "target" or climbs(one)
        return name == report and owed and status in (*UNDONE, "history")
    if name == "acknowledged":
        return status in UNDONE and (dated or climbs(one))
    if name in ("ask", "extended"):
        return status in UNDONE and dated
    if name == "evidence":
        return status in (*UNDONE, "submitted", "completed", "history")
    if name == "accepted":
        return status == "submitted"
    if name == "returned":
        return status in ("submitted", "completed") and bool(one.recipients)
    if name == "waived":
        return status in (*UNDONE, "history") and dated
    return True
