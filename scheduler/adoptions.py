"""How much first adoptions of documents have brought, so that it is not taken for a burst."""

from __future__ import annotations

from typing import NamedTuple

from sqlmodel import Session

from scheduler.plan import Changes
from scheduler.queries import mark, set_mark

NAME = "adopted"


class Adopted(NamedTuple):
    """How many documents were adopted, and how many reminders were due at once because of it."""

    documents: int = 0
    reminders: int = 0


def adopted(session: Session) -> Adopted:
    """Return what all first adoptions brought."""
    value = mark(session, NAME)
    return Adopted(*map(int, value.split())) if value else Adopted()


def note(session: Session, changes: Changes, new: set[str]) -> None:
    """Add what a plan brings of documents that are adopted with it for the first time."""
    if not new:
        return
    brought = sum(m.action == "add" and m.document in new and bool(m.mails) for m in changes.moves)
    before = adopted(session)
    set_mark(session, NAME, f"{before.documents + len(new)} {before.reminders + brought}")
