"""Who may hand over which message, and what came of it: every change of a message's state.

Each change names the state, owner and attempt that it starts from and touches one row or none
(compare-and-set), so that two processes, or one that was paused past its lease, cannot both act.
All functions take a session inside a transaction; none commits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Result, and_, bindparam, or_, select, update
from sqlmodel import Session

from notifications.waiting import OWN_ROLES, useful_until
from scheduler.facts import SETTLED
from scheduler.queries import MESSAGES, NOTICES, OCCURRENCES
from scheduler.world import World

M = MESSAGES.c
DOUBT = "不能确定邮件服务器是否收下"
LEFT_TO_ADMIN = f"{DOUBT}，等管理员决定"
DONE_MEANWHILE = f"{DOUBT}；其间已办结，不再重发"
ASKED = "管理员要求再发"
REFUSED_AGAIN = f"{DOUBT}，再次交出时被拒"  # failed, yet the first hand-over may have arrived
# How long after a doubtful hand-over the same bytes may go out again (statutory mail only).
REPEAT_AFTER = timedelta(minutes=15)


class Claim(NamedTuple):
    """One message in the hands of one process; ``handed`` counts hand-overs that may have worked.

    ``asked``: the admin wants this try.
    """

    id: int
    attempt: int
    owner: str
    recipient: str
    statutory: bool
    handed: int
    message_id: str
    body: bytes
    rungs: tuple[tuple[str, date], ...]
    composed_at: datetime
    role: str = ""
    asked: bool = False


def _set(session: Session, where: Sequence[Any], **values: Any) -> int:
    done = session.execute(update(MESSAGES).where(*where).values(**values))
    return int(done.rowcount)  # type: ignore[attr-defined]


def _did(done: Result[Any]) -> bool:
    """Return whether a compare-and-set found its row."""
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]


def waiting(session: Session, now: datetime) -> bool:
    """Return whether any message could be claimed, or has a lease that ran out, at ``now``."""
    ripe = and_(M.state.in_(("ready", "in_doubt")), M.next_try_at <= now)
    lost = and_(M.state.in_(("sending", "handing")), M.lease_until <= now)
    return session.execute(select(M.id).where(or_(ripe, lost)).limit(1)).first() is not None


# Made once, for they are asked for every mail. The index leads to the first of a class, however
# many wait behind it.
_DUE = (
    select(M.id, M.state, M.attempt, M.role, M.statutory, M.composed_at)
    .where(M.next_try_at <= bindparam("now"), M.state.in_(("ready", "in_doubt")))
    .limit(1)
    .with_for_update(skip_locked=True)  # SQLite has one writer anyway
)
_NEXT = _DUE.where(M.statutory == bindparam("statutory")).order_by(M.next_try_at, M.id)
# A probe may end in doubt: the service's own mail costs nobody anything, a statutory one that was
# never handed over keeps its repetition, one that was would lose it.
_PROBE = _DUE.order_by(
    M.handed, M.role.in_(tuple(OWN_ROLES)).desc(), M.statutory.desc(), M.next_try_at, M.id
)
_WHOLE = select(
    M.attempt, M.recipient, M.statutory, M.handed, M.message_id, M.body, M.composed_at, M.role,
    M.reason,
).where(M.id == bindparam("message"))
_TAKE = (
    update(MESSAGES)
    .where(M.id == bindparam("its_id"), M.state == bindparam("its_state"))
    .where(M.attempt == bindparam("its_attempt"))
    .values(state="sending", owner=bindparam("by"), lease_until=bindparam("until"),
            attempt=M.attempt + 1)
)  # fmt: skip
_FENCE = (
    update(MESSAGES)
    .where(M.id == bindparam("its_id"), M.owner == bindparam("its_owner"))
    .where(M.attempt == bindparam("its_attempt"), M.state == "sending")
    .where(M.lease_until > bindparam("now"))
    .values(state="handing", handed=M.handed + 1, lease_until=bindparam("until"))
)
_SENT = (
    update(MESSAGES)
    .where(M.id == bindparam("its_id"), M.message_id == bindparam("its_name"))
    .where(M.attempt >= bindparam("its_attempt"), M.handed > 0)
    .where(M.state.in_(("sending", "handing", "in_doubt")))
    .values(state="sent", finished_at=bindparam("now"), reply=bindparam("said"), reason=None,
            next_try_at=None, owner=None, lease_until=None)
)  # fmt: skip
_RUNGS = select(NOTICES.c.rung, NOTICES.c.due).where(NOTICES.c.message_id == bindparam("message"))


class Ripe(NamedTuple):
    """A message whose next try has come."""

    id: int
    state: str
    attempt: int
    role: str
    statutory: bool
    composed_at: datetime


def _next(session: Session, now: datetime, *, probe: bool) -> Ripe | None:
    if probe:
        row = session.execute(_PROBE, {"now": now}).first()
        return Ripe(*row) if row else None
    for statutory in (True, False):
        row = session.execute(_NEXT, {"now": now, "statutory": statutory}).first()
        if row is not None:
            return Ripe(*row)
    return None


def claim(
    session: Session,
    now: datetime,
    owner: str,
    lease: timedelta,
    *,
    waits: Callable[[Ripe], datetime | None] = lambda one: None,
    probe: bool = False,
) -> Claim | None:
    """Take the most urgent message that is due; None if there is none or another was quicker.

    ``waits`` tells until when one may not be tried, if so: it is left to wait until then.
    ``probe``: take that with which it costs least to find out whether the relay works.
    """
    found = _next(session, now, probe=probe)
    while found is not None and (until := waits(found)) is not None:
        wait(session, found, until)
        found = _next(session, now, probe=probe)
    if found is None:
        return None
    its = {"its_id": found.id, "its_state": found.state, "its_attempt": found.attempt}
    if not _did(session.execute(_TAKE, {**its, "by": owner, "until": now + lease})):
        return None
    row = session.execute(_WHOLE, {"message": found.id}).one()
    return Claim(
        found.id, row.attempt, owner, row.recipient, row.statutory, row.handed, row.message_id,
        bytes(row.body), rungs(session, found.id), row.composed_at, row.role, row.reason == ASKED,
    )  # fmt: skip


def rungs(session: Session, message: int) -> tuple[tuple[str, date], ...]:
    """Return rung and due date of each notice of a message."""
    found = session.execute(_RUNGS, {"message": message})
    return tuple((rung, due) for rung, due in found)


def useful(one: Claim, world: World) -> datetime:
    """Return the instant after which a claimed message is no longer worth a try."""
    return useful_until(one.role, one.composed_at, one.rungs, world)


def ripe(session: Session, now: datetime) -> list[Ripe]:
    """Return the messages whose next try has come at ``now``."""
    query = select(M.id, M.state, M.attempt, M.role, M.statutory, M.composed_at).where(
        M.state.in_(("ready", "in_doubt")), M.next_try_at <= now
    )
    return [Ripe(*row) for row in session.execute(query)]


def wait(session: Session, one: Ripe, until: datetime) -> None:
    """Let a message that nobody has taken meanwhile wait until an instant."""
    same = (M.id == one.id, M.state == one.state, M.attempt == one.attempt)
    _set(session, same, next_try_at=until)


def _mine(one: Claim, *states: str) -> tuple[Any, ...]:
    return (M.id == one.id, M.owner == one.owner, M.attempt == one.attempt, M.state.in_(states))


def fence(session: Session, one: Claim, now: datetime, lease: timedelta) -> bool:
    """Pass the point of no return, if the message is still this process's; return whether it is.

    The lease begins anew: it must outlast the wait for the server's answer.
    """
    its = {"its_id": one.id, "its_owner": one.owner, "its_attempt": one.attempt}
    return _did(session.execute(_FENCE, {**its, "now": now, "until": now + lease}))


def sent(session: Session, one: Claim, now: datetime, reply: str) -> bool:
    """Note the receipt. One that comes after the lease still settles the doubt.

    Even where another process is about to repeat the message: it will find that it cannot.
    """
    its = {"its_id": one.id, "its_name": one.message_id, "its_attempt": one.attempt}
    return _did(session.execute(_SENT, {**its, "now": now, "said": reply}))


def put_back(session: Session, one: Claim, until: datetime, reply: str, *, fenced: bool) -> None:
    """Let a message that was surely not accepted wait for its next try.

    If an earlier hand-over of it is in doubt, it stays so.
    """
    before = one.handed  # the refused hand-over does not count
    no_doubt = {"reason": None} if fenced and not before else {}
    _set(
        session, _mine(one, "sending", *(("handing", "in_doubt") if fenced else ())),
        state="in_doubt" if before else "ready", handed=before, next_try_at=until, reply=reply,
        owner=None, lease_until=None, **no_doubt,
    )  # fmt: skip


def fail(session: Session, one: Claim, now: datetime, reply: str, state: str = "failed") -> bool:
    """End a message that will not be accepted, or is no longer of use (``expired``)."""
    reason = REFUSED_AGAIN if one.handed else None
    return _set(
        session, _mine(one, "sending", "handing", "in_doubt"),
        state=state, finished_at=now, reply=reply, reason=reason, next_try_at=None,
        owner=None, lease_until=None,
    ) == 1  # fmt: skip


def doubt(session: Session, one: Claim, now: datetime, reply: str, *, repeatable: bool) -> None:
    """Note a hand-over without an answer, and whether the same bytes may go out once more."""
    again = _may_repeat(one.statutory, one.handed + 1, repeatable)
    _set(
        session, _mine(one, "handing"),
        state="in_doubt", reply=reply, reason=DOUBT if again else LEFT_TO_ADMIN,
        next_try_at=now + REPEAT_AFTER if again else None, lease_until=None,
    )  # fmt: skip


def keep_in_doubt(session: Session, one: Claim, reply: str) -> None:
    """Leave a doubtful message, no longer of use to repeat, to the admin."""
    _set(
        session, _mine(one, "sending"),
        state="in_doubt", reply=reply, reason=LEFT_TO_ADMIN, next_try_at=None,
        lease_until=None,
    )  # fmt: skip


def pointless(session: Session, one: Claim) -> bool:
    """Return whether a message would only be repeated to those who owe nothing of it any more."""
    if not one.handed or one.asked or not one.rungs:
        return False
    owed = (
        select(NOTICES.c.id)
        .join(OCCURRENCES, OCCURRENCES.c.key == NOTICES.c.key)
        .where(NOTICES.c.message_id == one.id, OCCURRENCES.c.status.not_in((*SETTLED, "cancelled")))
    )
    return session.execute(owed.limit(1)).first() is None


def spare(session: Session, one: Claim) -> None:
    """Do not repeat a doubtful message whose duties are done; nobody has to decide anything."""
    _set(
        session, _mine(one, "sending"),
        state="in_doubt", reason=DONE_MEANWHILE, next_try_at=None, owner=None, lease_until=None,
    )  # fmt: skip


def _may_repeat(statutory: bool, handed: int, repeatable: bool) -> bool:
    return repeatable or (statutory and handed < 2)


def recover(session: Session, now: datetime, *, repeatable: bool) -> int:
    """Take back what processes left behind whose lease has run out; return how many.

    What had not passed the point of no return is ready again; the rest is in doubt.
    """
    lost = (M.lease_until <= now,)
    free = {"owner": None, "lease_until": None}
    before = _set(session, (*lost, M.state == "sending", M.handed == 0), state="ready", **free)
    before += _set(session, (*lost, M.state == "sending"), state="in_doubt", **free)
    again = M.id.is_not(None) if repeatable else and_(M.statutory, M.handed < 2)
    # The owner stays: if it lives after all, its receipt settles the doubt.
    repeated = _set(
        session, (*lost, M.state == "handing", again),
        state="in_doubt", reason=DOUBT, next_try_at=now + REPEAT_AFTER, lease_until=None,
    )  # fmt: skip
    held = _set(
        session, (*lost, M.state == "handing"),
        state="in_doubt", reason=LEFT_TO_ADMIN, next_try_at=None, lease_until=None,
    )  # fmt: skip
    return before + repeated + held
