"""The store learns from the journal what it forgot: after a restored backup, after a lost answer.

A message that the journal says was handed over is never handed over again by itself: it is sent,
or in doubt until the admin decides. One that it says was refused, and of which the store knows only
that it left, waits for its next try, or has failed. The store remembers how far it knows each file,
and that is restored with it; so what lies beyond is what it forgot, and usually nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sqlalchemy import Engine, insert, select, update
from sqlmodel import Session

from notifications.claims import DOUBT, Claim, rungs
from notifications.desk import Outcome
from notifications.journal import Line, Tail, tails
from notifications.records import point, store_again
from notifications.settling import settle
from notifications.transport import Deferred, Rejected
from scheduler import queries
from scheduler.queries import MESSAGES, chunks, table
from scheduler.store import one_planner, reading, writing
from scheduler.tables import JournalFile
from scheduler.world import World

FILES = table(JournalFile)
LASTING = re.compile(r"5\d\d\b")
WAITING = ("ready", "sending", "handing", "in_doubt", "held")
FORGOTTEN = "恢复自备份：交付日志里写明已经交出"
UNSURE = f"恢复自备份：交付日志里写明交出过，{DOUBT}，等管理员决定"
Verdict = Literal["sent", "in_doubt", "refused"]


@dataclass
class CaughtUp:
    """How many messages the store learned of: as sent, as in doubt, as refused."""

    sent: int = 0
    in_doubt: int = 0
    refused: int = 0


class HandOver(NamedTuple):
    """One hand-over as the journal tells it; either line may lie before what was read."""

    began: Line | None
    ended: Line | None

    @property
    def attempt(self) -> int:
        """Return which try of its message it was."""
        return (self.ended or self.began).attempt  # type: ignore[union-attr]

    @property
    def owner(self) -> str:
        """Return which process made it."""
        return (self.ended or self.began).owner  # type: ignore[union-attr]

    @property
    def refused(self) -> bool:
        """Return whether it surely came to nothing."""
        return self.ended is not None and self.ended.what == "refused"


def unknown(session: Session, folder: Path) -> list[str]:
    """Return the files that the store has read once and that are not in this folder.

    Where machines share no folder, they are the other machines'.
    """
    return sorted(name for name in _known(session) if not (folder / name).is_file())


def catch_up(
    engine: Engine, folders: Iterable[Path], now: datetime, world: World
) -> CaughtUp:
    """Let the store know all that the journals in the folders say, and return what was new to it.

    To be called before anything is planned or composed. Raises OSError where one cannot be read.
    """
    with reading(engine) as session:
        known = _known(session)
    found = [tail for folder in folders for tail in tails(folder, known)]
    if not found:
        return CaughtUp()
    overs = _hand_overs(found)
    with reading(engine) as session:  # as it is now: what the journal says may be younger than that
        news = any(_verdict(row, overs[key]) for key, row in _rows(session, overs).items())
    report = CaughtUp()
    with writing(engine) as session:
        if news:
            one_planner(session)
            rows = _rows(session, overs)
            for key, several in overs.items():
                _learn(session, key, rows[key], several, now, world, report)
        for tail in found:
            _know(session, tail)
    return report


def _known(session: Session) -> dict[str, int]:
    return {row.name: row.size for row in session.execute(select(FILES))}


def _know(session: Session, tail: Tail) -> None:
    """Remember how far a file is known; another process may have got further."""
    queries.insert_ignoring(session, FILES, [{"name": tail.name, "size": 0}])
    session.execute(
        update(FILES)
        .where(FILES.c.name == tail.name, FILES.c.size < tail.size)
        .values(size=tail.size)
    )


def _hand_overs(found: Iterable[Tail]) -> dict[str, list[HandOver]]:
    """Return the hand-overs by message, in the order in which they ended or began."""
    single: dict[tuple[str, str, int], HandOver] = {}
    for tail in found:
        for line in tail.lines:
            same = (line.owner, line.message_id, line.attempt)
            before = single.get(same, HandOver(None, None))
            if line.what == "handing":
                single[same] = before._replace(began=line)
            else:
                single[same] = before._replace(ended=line)
    overs: dict[str, list[HandOver]] = defaultdict(list)
    for (_, message_id, _), over in single.items():
        overs[message_id].append(over)
    return overs


def _rows(session: Session, keys: Iterable[str]) -> dict[str, Any]:
    """Return the messages' rows by Message-ID, None for those that the store does not know."""
    column = MESSAGES.c
    listed = list(keys)
    found: dict[str, Any] = dict.fromkeys(listed)
    for some in chunks(listed):
        query = select(
            column.id, column.message_id, column.state, column.attempt, column.handed,
            column.owner, column.recipient, column.statutory, column.role, column.composed_at,
        ).where(column.message_id.in_(some))
        found.update({row.message_id: row for row in session.execute(query)})
    return found


def _verdict(row: Any, several: Sequence[HandOver]) -> Verdict | None:
    """Return what the store has to learn of a message, None where it knows."""
    sent = any(over.ended and over.ended.what == "sent" for over in several)
    unsettled = [over for over in several if over.ended is None or over.ended.what == "doubt"]
    if row is None:
        if not any(over.began for over in several):
            return None
        return "sent" if sent else "in_doubt" if unsettled else None
    # A try is counted in the store before it is made: one it has not counted, it has forgotten.
    doubtful = any(over.attempt > row.attempt for over in unsettled)
    if row.state == "cancelled":  # by an edit or a fact that came before the journal was read
        forgotten = [over for over in several if over.began and over.attempt > row.attempt]
        return None if not forgotten else "sent" if sent else "in_doubt" if doubtful else None
    if row.state not in WAITING:
        return None
    if sent:
        return "sent"
    if doubtful:
        return "in_doubt"
    return "refused" if _refusal(row, several) else None


def _refusal(row: Any, several: Sequence[HandOver]) -> HandOver | None:
    """Return the hand-over that a message is in, or in doubt for, if it was refused.

    Whoever made it may live and be about to say so: the first to tell the store is believed.
    """
    if row.state not in ("handing", "in_doubt"):
        return None
    its = (one for one in several if (one.owner, one.attempt) == (row.owner, row.attempt))
    return next((one for one in its if one.refused), None)


def _learn(
    session: Session, key: str, row: Any, several: Sequence[HandOver], now: datetime,
    world: World, report: CaughtUp,
) -> None:  # fmt: skip
    verdict = _verdict(row, several)
    if verdict is None:
        return
    if verdict == "refused":
        _refused(session, row, several, now, world)
        report.refused += 1
        _note(session, key, verdict, now)
        return
    known = (row.attempt, row.handed) if row else (0, 0)
    forgotten = [over for over in several if over.attempt > known[0] and not over.refused]
    values: queries.Row = {
        "state": verdict, "attempt": max(known[0], *(over.attempt for over in several)),
        "handed": known[1] + len(forgotten), "owner": None, "lease_until": None,
        "next_try_at": None,
    }  # fmt: skip
    ended = [over.ended for over in several if over.ended]
    if verdict == "sent":
        done = next(line for line in reversed(ended) if line.what == "sent")
        values |= {"finished_at": done.at, "reply": done.more.get("reply", "")}
        values["reason"] = FORGOTTEN if forgotten else None
        report.sent += 1
    else:
        values |= {"reply": ended[-1].more.get("reply") if ended else None, "reason": UNSURE}
        report.in_doubt += 1
    if row is None:
        store_again(session, _newest(several), now, **values)
    else:
        same = (MESSAGES.c.id == row.id, MESSAGES.c.state == row.state)
        if row.state == "cancelled":
            values = {"finished_at": None} | values
            point(session, _newest(several), row.id, now)
        session.execute(update(MESSAGES).where(*same).values(**values))
    _note(session, key, verdict, now)


def _newest(several: Sequence[HandOver]) -> Line:
    return [over.began for over in several if over.began][-1]


def _refused(
    session: Session, row: Any, several: Sequence[HandOver], now: datetime, world: World
) -> None:
    """Settle a refused hand-over as its process would have."""
    over = _refusal(row, several)
    reply: str = over.ended.more.get("reply", "") if over and over.ended else ""
    one = Claim(
        row.id, row.attempt, row.owner, row.recipient, row.statutory, row.handed - 1,
        row.message_id, b"", rungs(session, row.id), row.composed_at, row.role,
    )  # fmt: skip
    error = Rejected(reply) if LASTING.match(reply) else Deferred(reply)
    settle(session, Outcome(one, now, reply, error, fenced=True), world, repeatable=False)


def _note(session: Session, key: str, verdict: Verdict, now: datetime) -> None:
    detail = f"{key} {verdict}"
    entry = {"at": now, "who": "duban", "action": "journal", "about": "outbox", "detail": detail}
    session.execute(insert(queries.AUDIT).values(**entry))
