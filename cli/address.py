"""What a verb can know of the service that runs beside it: its address and its clock."""

from __future__ import annotations

import socket
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlmodel import Session

from config.settings import Settings
from config.values import DEFAULT
from scheduler import queries

if TYPE_CHECKING:
    from cli.context import Context

ADDRESS, CLOCK, TICK = "base_url", "clock", "tick"
REHEARSAL = "rehearsal"  # the service's clock is not the real one


def is_set(settings: Settings) -> bool:
    """Return whether the admin said what the address is."""
    return settings.sources["base_url"] != DEFAULT


def remember(session: Session, base_url: str, *, rehearsal: bool = False) -> None:
    """Remember where the service listens, and whether it goes by the real clock."""
    for name, value in ((ADDRESS, base_url), (CLOCK, REHEARSAL if rehearsal else "real")):
        if queries.mark(session, name) != value:
            queries.set_mark(session, name, value)


def shared(session: Session, settings: Settings, own: str) -> str:
    """Return the address that links begin with: the one that is set; else that of a service that
    runs on this store already; else ``own``.

    Where nothing is set, several services on one store would each write their own address into the
    same calendars, without end.
    """
    before = queries.mark(session, ADDRESS)
    if is_set(settings) or before is None or before == own or not _listens(before):
        return own
    return before


def _listens(address: str) -> bool:
    parts = urlsplit(address)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=1):
            return True
    except (OSError, ValueError):
        return False


def known(session: Session, context: Context) -> str:
    """Return the address that is set; else where the service last listened; else the default."""
    if is_set(context.settings):
        return context.settings.base_url
    return queries.mark(session, ADDRESS) or context.settings.base_url


def present(session: Session, context: Context) -> datetime:
    """Return the service's present instant: in a rehearsal that of its last round."""
    ticked = queries.mark(session, TICK)
    if ticked is None or queries.mark(session, CLOCK) != REHEARSAL:
        return context.now()
    return datetime.fromisoformat(ticked).astimezone(context.settings.timezone)
