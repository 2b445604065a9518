"""What every page and answer draws on: the store, the applied world, the files, the clock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import Session

from config.settings import Settings
from notifications import feed_scopes, feeds
from notifications.feed import Variant
from notifications.upkeep import Upkeep
from scheduler import demonstration, queries
from scheduler.loading import Loaded
from scheduler.proposing import applied_world, differing
from scheduler.store import reading
from scheduler.world import World
from web.shelf import Shelf

THEME = "theme.css"


@dataclass
class House:
    """One running service.

    ``now`` gives the service's aware time, which may run ahead of the real one; ``wall`` the real
    one, by which sessions expire. ``base`` is the world without documents; ``load`` reads the
    files, ``watched`` are the folders they lie in, and ``known`` is what was read of them before.
    ``mail`` says in Chinese where mail goes.
    """

    engine: Engine
    settings: Settings
    base: World
    now: Callable[[], datetime]
    wall: Callable[[], datetime]
    load: Callable[[], Loaded]
    watched: tuple[Path, ...] = ()
    mail: str = ""
    rate: float = 1.0
    metrics: bool = False
    known: Loaded | None = None
    upkeep: Upkeep = field(init=False)
    shelf: Shelf = field(init=False)

    def __post_init__(self) -> None:
        self.upkeep = Upkeep(
            self.engine, self.now, lambda: self.today, lambda: self.world,
            lambda owner: self.shelf.take(owner),
        )  # fmt: skip
        self.shelf = Shelf(self.engine, self.now, self._variant, self.upkeep)
        self._guard = threading.RLock()
        self._world: tuple[int, World] | None = None
        self._files: tuple[object, Loaded] | None = None
        if self.known is not None:
            self._files = (_seen(self.watched), self.known)

    @property
    def theme(self) -> Path:
        """Return where a house's own colours lie, if it has any."""
        return self.settings.data / THEME

    @cached_property
    def invented(self) -> bool:
        """Return whether all of the store is a demonstration."""
        with reading(self.engine) as session:
            return demonstration.ends(session) is not None

    @property
    def today(self) -> date:
        """Return the service's local day."""
        return self.now().astimezone(self.base.timezone).date()

    @property
    def world(self) -> World:
        """Return the applied documents and rosters; read again when a version was applied."""
        with self._guard, reading(self.engine) as session:
            newest = queries.newest_version(session)
            if self._world is None or self._world[0] != newest:
                self._world = (newest, replace(self._applied(session), version=newest))
            return self._world[1]

    def _applied(self, session: Session) -> World:
        files = self.files
        if differing(session, files):
            return applied_world(session, self.base)
        # The same texts were read once already; reading them again would only cost time.
        return replace(self.base, documents=files.documents, rosters=files.rosters)

    @property
    def files(self) -> Loaded:
        """Return documents and rosters as the files have them; read again when one changed."""
        seen = _seen(self.watched)
        with self._guard:
            if self._files is None or self._files[0] != seen:
                self._files = (seen, self.load())
            return self._files[1]

    def differing(self) -> tuple[str, ...]:
        """Return the documents whose files differ from what is applied."""
        loaded = self.files
        with reading(self.engine) as session:
            return differing(session, loaded)

    def name(self, institution: str) -> str:
        """Return the printed name of an institution, or of another owner of feeds."""
        return feed_scopes.owner(institution, self.world).name

    def institutions(self) -> dict[str, str]:
        """Return the names of all institutions of the applied rosters, by id, in their order."""
        rosters = self.world.rosters.values()
        return {one.id: one.name for roster in rosters for one in roster.institutions.values()}

    def ids(self, text: str) -> set[str]:
        """Return the ids that a name, alias or id has in the applied rosters."""
        found = (roster.find(text.strip()) for roster in self.world.rosters.values())
        return {one.id for one in found if one is not None}

    def find(self, text: str) -> str | None:
        """Return the id of the institution that a name, alias or id means, or None."""
        for roster in self.world.rosters.values():
            found = roster.find(text.strip())
            if found is not None:
                return found.id
        return None

    def _variant(self, institution: str, variant: Variant) -> bytes:
        return feeds.render_variant(
            self.engine, institution, variant, self.now(), lambda: self.world
        )


def _seen(folders: tuple[Path, ...]) -> object:
    """Return a value that is another one when a file below the folders is."""
    found = []
    for folder in folders:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
            try:
                stat = path.stat()
            except OSError:
                continue
            found.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(found)
