"""How much first adoptions of documents have brought, so that it is not taken for a burst."""

from __future__ import annotations

from sqlmodel import Session

from scheduler.plan import Changes
from scheduler.queries import mark, set_mark

NAME = "adopted"


def adopted(session: Session) -> int:
    """Return how many occurrences with a reminder due at once all first adoptions brought."""
    return int(mark(session, NAME) or 0)


def note(session: Session, changes: Changes, new: set[str]) -> None:
    """Add what a plan brings of documents that are adopted with it for the first time."""
    brought = sum(m.action == "add" and m.document in new and bool(m.mails) for m in changes.moves)
    if brought:
        set_mark(session, NAME, str(adopted(session) + brought))
