"""Whether a planned notice still holds when it is about to be written. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from notifications.pending import Earlier
from scheduler.facts import DONE, SETTLED, Standing
from scheduler.ladder import ASIDE, REMIND, SUBMITTED
from scheduler.occurrences import Occurrence
from scheduler.pacing import Kept
from scheduler.queries import NOT_TOLD
from scheduler.tables import Notice
from scheduler.telling import MOVED

COLLAPSED = "已并入后一档"


def over(
    notice: Notice,
    one: Occurrence,
    status: str,
    newest: int,
    past: Sequence[Earlier],
    today: date,
) -> str | None:
    """Return why a notice is not to be sent any more, None while it still holds.

    ``newest`` is the number of the newest waiting rung of the same occurrence and mailbox, ``past``
    what is in a mail already. That a date has changed is no rung, and is told whatever rung comes
    with it.
    """
    if status in DONE:
        return "已办结" if status == "completed" else "已免报"
    if status == "submitted":
        return "已报送，等待受理"
    if one.due != notice.due:
        return "期限已改"
    if notice.rung not in ASIDE and (notice.id or 0) < max(newest, _told(notice, past)):
        return COLLAPSED
    if notice.rung != REMIND and not notice.rung.startswith("after") and notice.due < today:
        return "期限已过"
    return None


def answered(notice: Notice, said: Standing) -> str | None:
    """Return why its receiver need not look at a report or a wish any more, None while it waits."""
    if notice.rung == SUBMITTED:
        if said.status == "submitted":
            return None
        words = {"completed": "已办结", "waived": "已免报", "returned": "已退回"}
        return words.get(said.status, "不再待审")
    if said.status in SETTLED:
        return "已报送或办结"
    if said.extended_to is not None and said.extended_to > notice.due:
        return "已答复"
    return None


def enough(notice: Notice, one: Occurrence, kept: Kept | None) -> str | None:
    """Return why nothing is to be said of a quota's window any more, None while it is short.

    ``kept``: what is counted for it now. What somebody asked for is said all the same.
    """
    if one.kind != "quota" or notice.rung in ASIDE:
        return None
    if kept is None:
        return "没有登记过活动"
    if kept.tally.short:
        return None
    return "已补足" if notice.rung.startswith("after") else "已赶上进度"


def _told(notice: Notice, past: Sequence[Earlier]) -> int:
    """Return the number of the newest rung that the mailbox was told: a held one may come later."""
    return max(
        (
            e.notice
            for e in past
            if e.recipient == notice.recipient and e.due == notice.due and e.rung not in ASIDE
            # What came from the journal has its number from then, whatever its rung.
            if e.state not in NOT_TOLD and not e.restored
        ),
        default=0,
    )


def told_before(notice: Notice, past: Sequence[Earlier]) -> date | None:
    """Return the date that a recipient was told before it changed."""
    dates = [e.due for e in past if e.recipient == notice.recipient and e.due != notice.due]
    return dates[-1] if dates else None


def outcome(one: Earlier) -> str:
    """Return what became of a notice that was planned before, as a mail tells it."""
    if one.doubtful and one.state in ("failed", "expired"):
        return "in_doubt"  # refused at last, but it may have been accepted before
    return one.state or "nobody"


def basis(note: str | None) -> str | None:
    """Return on what authority a date moved: the dates themselves are said beside it."""
    return (note or "").partition(MOVED)[0].rstrip("，") or None
