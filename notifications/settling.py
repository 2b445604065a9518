"""What came of a try, told to the store: the message's state, the pause, the next contact."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy import select
from sqlmodel import Session

from notifications import alarms, claims, next_contact, pause
from notifications.desk import Outcome
from notifications.transport import Fenced, InDoubt, Rejected, RelayFault, Unreachable
from notifications.waiting import allowed, backoff
from scheduler.queries import MESSAGES
from scheduler.world import World

REFUSALS = 5  # so many recipients with the same refusal in a row are the relay's doing
REFUSALS_WITHIN = timedelta(hours=1)
SILENCES = 3  # so many recipients in a row without an answer are, too; each may have cost a repeat


class Settled(NamedTuple):
    """Where a message ended for now, and whether the round goes on; ``paused``: why the queue
    stands still."""

    where: Literal["sent", "put_back", "failed", "in_doubt", "elsewhere"]
    stop: bool = False
    paused: str | None = None


def settle(session: Session, outcome: Outcome, world: World, *, repeatable: bool) -> Settled:
    """Store what came of a try; another process's message is left alone."""
    one, now, error = outcome.one, outcome.at, outcome.error
    if error is None:
        claims.sent(session, one, now, outcome.reply)
        pause.end(session, now)
        return Settled("sent")
    if isinstance(error, Fenced):
        return Settled("elsewhere")
    if isinstance(error, InDoubt):
        claims.doubt(session, one, now, error.reply, repeatable=repeatable)
        paused = None if repeatable else _unanswered(session, outcome, world)
        return Settled("in_doubt", paused is not None, paused)
    if isinstance(error, RelayFault):
        claims.put_back(session, one, now, error.reply, fenced=outcome.fenced)
        return Settled("put_back", True, _stand_still(session, outcome, error.reply, world))
    if isinstance(error, Rejected):
        return _refused(session, outcome, world)
    until = allowed(
        now + backoff(one.attempt, one.message_id), one.role, one.statutory, world
    )
    until = min(until, claims.useful(one, world))  # when it ends there, that is said there
    claims.put_back(session, one, until, error.reply, fenced=outcome.fenced)
    # The others would only wait for the same server.
    return Settled("put_back", isinstance(error, Unreachable))


def _refused(session: Session, outcome: Outcome, world: World) -> Settled:
    one, now = outcome.one, outcome.at
    refusal = _signature(outcome.reply, one.recipient)
    stopped = pause.current(session)
    if stopped and stopped.reason == refusal:
        claims.put_back(session, one, now, outcome.reply, fenced=outcome.fenced)
        return Settled("put_back", True, pause.begin(session, now, refusal).reason)
    ended = claims.fail(session, one, now, outcome.reply)
    if ended:
        next_contact.pass_on(session, one.id, now, world)
    paused = None
    if _same_refusals(session, refusal, now - REFUSALS_WITHIN, REFUSALS):
        paused = _stand_still(session, outcome, refusal, world)
    return Settled("failed" if ended else "elsewhere", paused is not None, paused)


def _unanswered(session: Session, outcome: Outcome, world: World) -> str | None:
    """Return why the queue stands still after a hand-over in doubt, None where it goes on."""
    now = outcome.at
    many = pause.silence(session, now, outcome.one.recipient)
    stopped = pause.current(session)
    if stopped is not None:
        return pause.begin(session, now, stopped.reason).reason
    if many < SILENCES:
        return None
    said = f"连续 {many} 封交出后没有得到答复，不能确定邮件服务器是否收下（{outcome.reply}）"
    stopped = pause.begin(session, now, said)
    alarms.silent(session, now, world, stopped.reason)
    return stopped.reason


def _stand_still(session: Session, outcome: Outcome, reason: str, world: World) -> str:
    """Pause the queue; the admin is told when that is new."""
    new = pause.current(session) is None
    stopped = pause.begin(session, outcome.at, reason)
    if new:
        alarms.paused(session, outcome.at, world, stopped.reason)
    return stopped.reason


def _same_refusals(session: Session, reply: str, since: datetime, count: int) -> bool:
    """Return whether the last ``count`` outcomes since an instant are this refusal, each elsewhere.

    A mail that was sent in between ends the series.
    """
    query = (
        select(MESSAGES.c.state, MESSAGES.c.reply, MESSAGES.c.recipient)
        .where(MESSAGES.c.state.in_(("sent", "failed")), MESSAGES.c.finished_at >= since)
        .order_by(MESSAGES.c.finished_at.desc(), MESSAGES.c.id.desc())
        .limit(count)
    )
    rows = session.execute(query).all()
    alike = {
        row.recipient
        for row in rows
        if row.state == "failed" and _signature(row.reply, row.recipient) == reply
    }
    return len(alike) >= count


def _signature(reply: str | None, recipient: str) -> str:
    """Return a refusal without the address it names, so that equal ones can be told."""
    return (reply or "").replace(recipient, "").strip()
