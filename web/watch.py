"""Looks, twice a second, whether a feed is another one now; looking costs next to nothing."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine

from notifications import feeds
from web.house import House

FLUSH_EVERY = 20  # looks; fetches are written down this seldom


class Watch:
    """Keeps the feeds in use and the shelf up to date with the store."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._seen: tuple[Any, date] | None = None
        self._looks = 0
        self._sqlite = house.engine.dialect.name == "sqlite"
        self._line = _reader(house.engine) if self._sqlite else None

    def look(self) -> None:
        """Render what changed and put it on the shelf."""
        self._looks += 1
        if self._looks % FLUSH_EVERY == 0:
            self._house.shelf.flush()
        seen = (self._version(), self._house.today)
        if seen[0] is not None and seen == self._seen:
            return
        house = self._house
        shelf = house.shelf
        feeds.render_changed(house.engine, house.now(), house.world, take=shelf.take)
        shelf.refresh()
        # What was rendered just now counts as seen only after another look.
        self._seen = seen

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
