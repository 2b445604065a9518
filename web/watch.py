"""Looks, twice a second, whether a feed is another one now; looking costs next to nothing.

Looking and rendering are two jobs, so that what changed is noticed while much is rendered.
"""

from __future__ import annotations

import threading
import time
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine

from web.house import House

FLUSH_EVERY = 20  # runs of the second job; fetches are written down this seldom


class Watch:
    """Keeps the feeds in use and the shelf up to date with the store."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._seen: tuple[Any, date] | None = None
        self._works, self._stale = 0, False
        self._looking = threading.Lock()
        house.shelf.watch(self.notice)
        self._sqlite = house.engine.dialect.name == "sqlite"
        self._line = _reader(house.engine) if self._sqlite else None

    def notice(self) -> None:
        """Look for what changed: whose feeds are behind now, and which addresses there are."""
        with self._looking:
            begun = time.monotonic()
            seen = (self._version(), self._house.today)
            if seen[0] is None or seen != self._seen:
                self._house.upkeep.notice()
                self._house.shelf.learn()
                self._stale = True
                # What is rendered from now on counts as seen only after another look.
                self._seen = seen
            self._house.shelf.looked(begun)

    def work(self) -> None:
        """Render what is behind and put it on the shelf, as well as what others rendered."""
        self._works += 1
        if self._works % FLUSH_EVERY == 0:
            self._house.shelf.flush()
        if self._stale:
            self._stale = False
            try:
                self._house.upkeep.work()
                self._house.shelf.refresh()
            except Exception:
                self._stale = True  # for the next time
                raise

    def look(self) -> None:
        """Do both."""
        self.notice()
        self.work()

    def close(self) -> None:
        """Write down the last fetches and let go of the store."""
        self._house.shelf.flush()
        if self._line is not None:
            self._line.close()

    def _version(self) -> Any:
        """Return a number that is another one after any change of the store, or None."""
        if self._line is None:
            return None
        version = self._line.exec_driver_sql("PRAGMA data_version").scalar()
        self._line.rollback()
        return version


def _reader(engine: Engine) -> Connection:
    """Return a connection that keeps no writer waiting, and waits for none."""
    return engine.execution_options(read_only=True).connect()
