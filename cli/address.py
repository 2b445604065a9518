"""Under which address the service is reached, as far as a verb beside it can know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import Session

from config.settings import Settings
from config.values import DEFAULT
from scheduler import queries

if TYPE_CHECKING:
    from cli.context import Context

MARK = "base_url"


def is_set(settings: Settings) -> bool:
    """Return whether the admin said what the address is."""
    return settings.sources["base_url"] != DEFAULT


def remember(session: Session, base_url: str) -> None:
    """Remember where the service listens, for verbs that run beside it."""
    if queries.mark(session, MARK) != base_url:
        queries.set_mark(session, MARK, base_url)


def known(session: Session, context: Context) -> str:
    """Return the address that is set; else where the service last listened; else the default."""
    if is_set(context.settings):
        return context.settings.base_url
    return queries.mark(session, MARK) or context.settings.base_url
