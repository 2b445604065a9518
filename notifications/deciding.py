"""What the admin decides of mails: send them again, they arrived, they came back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select, update
from sqlmodel import Session

from notifications import claims, next_contact
from notifications.listing import STATES
from notifications.waiting import OWN_ROLES, allowed, useful_until
from scheduler.queries import MESSAGES, audit
from scheduler.world import World

FREE = {"owner": None, "lease_until": None}
IN_HAND = "这封信正在交给邮件服务器"
T = TypeVar("T")


class Refused(Exception):
    """What cannot be decided of this mail; ``message`` and ``hint`` are Chinese sentences."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def in_doubt(session: Session, *, waiting: bool) -> list[int]:
    """Return the numbers of the mails in doubt; ``waiting``: of those that wait for the admin.

    Mails to the admin do not: nothing hangs on them, and newer ones say the same.
    """
    column = MESSAGES.c
    query = select(column.id).where(column.state == "in_doubt").order_by(column.id)
    if waiting:
        undecided = column.reason.is_distinct_from(claims.DONE_MEANWHILE)
        query = query.where(column.next_try_at.is_(None), undecided, column.role.not_in(OWN_ROLES))
    return list(session.execute(query).scalars())


def each(
    numbers: Iterable[int], decide: Callable[[int], T]
) -> tuple[dict[int, T], dict[int, Refused]]:
    """Decide the same of several mails; return what came of each, and what was refused of others."""
    done: dict[int, T] = {}
    refused: dict[int, Refused] = {}
    for number in dict.fromkeys(numbers):
        try:
            done[number] = decide(number)
        except Refused as reason:
            refused[number] = reason
    return done, refused


def retry(session: Session, number: int, now: datetime, world: World, by: str) -> datetime:
    """Let the same bytes be handed over once more; return when (aware). Raises Refused.

    Where an earlier hand-over is in doubt, the recipient may get the mail twice.
    """
    row = _found(session, number)
    hints = {
        "sent": ("邮件服务器已经收下这封信，不再发", "对方说没有收到的，先查对方的垃圾邮件"),
        "ready": ("这封信已在等着发，不用再试", "为什么还没有发出，看 duban outbox"),
        "held": ("这封信被扣住，不能单独发", "用 duban outbox release 放行全部扣住的信"),
        "cancelled": ("这封信已作废，内容由别的信送出", "用 duban outbox 找同一收件人较新的信"),
    }
    _demand(row, ("in_doubt", "failed", "bounced", "expired"), hints)
    rungs = claims.rungs(session, number)
    ends = useful_until(row.role, row.composed_at, rungs, world)
    if now >= ends:
        raise Refused(
            f"这封信说的事已过时（{ends.astimezone(world.timezone):%Y-%m-%d} 以前才有用），不再发",
            "打电话告知；已送到的用 duban outbox arrived",
        )
    at = allowed(now, row.role, row.statutory, world)
    state = "in_doubt" if row.handed else "ready"
    values = {"state": state, "next_try_at": at, "finished_at": None, "reason": claims.ASKED}
    _change(session, row, now, by, "retry", values)
    return at


def arrived(session: Session, number: int, now: datetime, by: str) -> None:
    """Note that a mail in doubt did arrive; it is not sent again. Raises Refused."""
    row = _found(session, number)
    hints = {
        "sent": ("这封信本来就记为已交出", ""),
        "ready": ("这封信还没有交给过邮件服务器", ""),
        "held": ("这封信还没有交给过邮件服务器", ""),
        "failed": ("邮件服务器明确拒收了这封信", "换了办法告知的，办结时登记 duban record"),
        "expired": ("这封信没有送出过", "换了办法告知的，办结时登记 duban record"),
    }
    _demand(row, ("in_doubt",), hints)
    values = {"state": "sent", "finished_at": now, "next_try_at": None, "reason": "管理员确认已送到"}
    _change(session, row, now, by, "arrived", values)


def bounced(session: Session, number: int, now: datetime, world: World, by: str) -> int:
    """Note that a mail came back; its notices go to the next contact. Raises Refused.

    Returns how many notices found somebody else.
    """
    row = _found(session, number)
    hints = {
        "failed": ("邮件服务器当时就拒收了，已改送下一位联系人", ""),
        "bounced": ("已经登记过退回", ""),
        "ready": ("这封信还没有交给过邮件服务器", ""),
        "held": ("这封信还没有交给过邮件服务器", ""),
    }
    _demand(row, ("sent", "in_doubt"), hints)
    values = {"state": "bounced", "finished_at": now, "next_try_at": None, "reason": "被退回"}
    _change(session, row, now, by, "bounced", values)
    return next_contact.pass_on(session, number, now, world, "退回了邮件")


def _found(session: Session, number: int) -> Any:
    column = MESSAGES.c
    query = select(
        column.id, column.state, column.attempt, column.role, column.recipient, column.statutory,
        column.handed, column.composed_at,
    ).where(column.id == number)
    row = session.execute(query.with_for_update()).first()
    if row is None:
        raise Refused(f"没有编号 {number} 的邮件", "编号见 duban outbox 的第一列")
    return row


def _demand(row: Any, states: tuple[str, ...], hints: dict[str, tuple[str, str]]) -> None:
    if row.state in states:
        return
    if row.state in ("sending", "handing"):
        raise Refused(IN_HAND, "过一会儿再看 duban outbox")
    message, hint = hints.get(row.state, (f"这封信{STATES[row.state]}，不能这样登记", ""))
    raise Refused(message, hint)


def _change(
    session: Session, row: Any, now: datetime, by: str, action: str, values: dict[str, Any]
) -> None:
    same = (MESSAGES.c.id == row.id, MESSAGES.c.state == row.state)
    done = session.execute(
        update(MESSAGES).where(*same, MESSAGES.c.attempt == row.attempt).values(**FREE, **values)
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]
        raise Refused(IN_HAND, "过一会儿再看 duban outbox")
    detail = f"第 {row.id} 号，{row.recipient}，原为{STATES[row.state]}"
    entry = {"at": now, "who": by, "action": action, "about": "outbox", "detail": detail}
    audit(session, [entry])
