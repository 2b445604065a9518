"""What the feed route serves from: tokens by hash and feeds by owner, in memory.

A request is one look-up here. The store is read when something in it changed, and once more before
a request is told that its token is unknown or revoked: another process may just have made it. Who
asks for a feed that is behind the store waits until it is rendered, but not too long.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from notifications import tokens
from notifications.feed import DEFAULT, Variant
from notifications.upkeep import Upkeep
from scheduler.faults import twice
from scheduler.store import reading, writing
from scheduler.tables import Feed, Token
from web.served import Served

VARIANTS = 64 << 20  # bytes of variants in memory
PLAIN = 128 << 20  # bytes of feeds kept unpacked; what is beyond is unpacked for who needs it
RETRY = 60.0  # seconds until a request begins a feed again that could not be rendered
AGAIN = 2.0  # seconds until one does after the store could not be reached
PATIENCE = 20.0  # seconds that a request waits for a feed; what it said before is the last resort
BLIND = 1.5  # seconds without a look at the store, as after a pause of the process
GLANCE = 2.0  # seconds that a request waits for one then
AT_ONCE = 2  # feeds that are rendered for requests at the same time

log = logging.getLogger("duban.feeds")

_COUNTED = select(func.count(col(Token.id)), func.max(Token.id), func.count(col(Token.revoked_at)))
_STORED = select(Feed.institution, Feed.etag, Feed.state).where(Feed.etag != "")


class Address(NamedTuple):
    """A token as a request finds it."""

    number: int
    institution: str
    revoked: bool


class Kept(NamedTuple):
    """A feed in memory; ``state`` and ``state_at`` (aware) are those of all its variants."""

    served: Served
    etag: str
    state: str
    state_at: datetime


class Shelf:
    """The feeds in memory.

    ``now`` gives the service's aware time, ``render`` a variant's bytes; ``upkeep`` keeps the feeds
    in the store, and tells which are behind.
    """

    def __init__(
        self,
        engine: Engine,
        now: Callable[[], datetime],
        render: Callable[[str, Variant], bytes],
        upkeep: Upkeep,
    ) -> None:
        self._engine, self._now, self._render, self._upkeep = engine, now, render, upkeep
        self._failed: dict[str, float] = {}
        self._addresses: dict[str, Address] = {}
        self._feeds: dict[str, Kept] = {}
        self._plain = 0
        self._seen: object = None
        self._live: set[str] = set()
        self._variants: OrderedDict[tuple[str, Variant], tuple[Kept, Served]] = OrderedDict()
        self._choosing = threading.Lock()
        self._fetches: dict[int, tuple[datetime, str]] = {}
        self._reading, self._learning = threading.Lock(), threading.Lock()
        self._rendering = ThreadPoolExecutor(AT_ONCE, "asked-feed")
        self._coming: dict[str, asyncio.Future[object]] = {}
        self._look: Callable[[], object] = lambda: None
        self._looked = math.inf  # monotonic; until somebody looks, nobody has to
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None

    def find(self, secret: str) -> Address | None:
        """Return the address that a secret opens, or None."""
        return self._addresses.get(tokens.digest(secret))

    def feed(self, institution: str) -> Served | None:
        """Return an institution's last good feed, or None while there is none."""
        kept = self._feeds.get(institution)
        return kept.served if kept else None

    def variant(self, institution: str, variant: Variant) -> Served | None:
        """Return a subscriber's choice of an owner's feed, the last good one where it fails now.

        Raises what rendering raises where there never was one.
        """
        base = self._feeds.get(institution)
        if base is None or variant == DEFAULT:
            return base.served if base else None
        name = institution, variant
        with self._choosing:  # many who ask for the same one have it rendered once
            kept = self._variants.pop(name, None)
            if kept is None or kept[0] is not base:
                kept = self._chosen(name, base, kept)
            self._variants[name] = kept
            size = sum(len(one.packed) + len(one.body or b"") for _, one in self._variants.values())
            while size > VARIANTS and len(self._variants) > 1:
                _, (_, gone) = self._variants.popitem(last=False)
                size -= len(gone.packed) + len(gone.body or b"")
        return kept[1]

    def _chosen(
        self, name: tuple[str, Variant], base: Kept, old: tuple[Kept, Served] | None
    ) -> tuple[Kept, Served]:
        """Return a variant rendered, or the old one, which is tried again at the next request."""
        try:
            body = twice(lambda: self._render(*name))
            if name[1].frequent:  # the first time that somebody asks, the store has more after it
                self.take(name[0])
                base = self._feeds.get(name[0], base)
            return base, Served.of(body, max(base.served.modified_at, base.state_at))
        except Exception:
            if old is None:
                raise
            log.exception("a variant of the feed of %s could not be rendered", name[0])
            return old

    def note(self, address: Address, agent: str) -> None:
        """Remember a fetch until the next ``flush``."""
        self._fetches[address.number] = (self._now(), agent)

    def flush(self) -> None:
        """Write the remembered fetches to the store."""
        fetches, self._fetches = self._fetches, {}
        if fetches:
            try:
                with writing(self._engine) as session:
                    tokens.note_fetches(session, fetches)
            except Exception:
                self._fetches = fetches | self._fetches  # for the next time
                raise

    def refresh(self) -> None:
        """Read what changed in the store."""
        self.learn()
        with self._reading, reading(self._engine) as session:
            known = session.exec(_STORED).all()
            self._fetch(session, known)
            for name in self._feeds.keys() - {owner for owner, _, _ in known}:
                self._plain -= len(self._feeds.pop(name).served.body or b"")

    def learn(self) -> None:
        """Read which addresses there are, if there are others than before."""
        with self._learning, reading(self._engine) as session:
            seen = session.exec(_COUNTED).one()
            if seen != self._seen:
                rows = session.exec(
                    select(Token.hash, Token.id, Token.institution, Token.revoked_at)
                )
                self._addresses = {
                    key: Address(number or 0, institution, revoked is not None)
                    for key, number, institution, revoked in rows
                }
                self._seen = seen
                live = {one.institution for one in self._addresses.values() if not one.revoked}
                newcomers, self._live = live - self._live, live
                with self._reading:  # what is left of them from earlier nobody has kept
                    for owner in newcomers & self._feeds.keys():
                        self._plain -= len(self._feeds.pop(owner).served.body or b"")

    def take(self, owner: str) -> None:
        """Read an owner's feed; quicker than ``refresh``, which looks at everything."""
        self._failed.pop(owner, None)
        with self._reading, reading(self._engine) as session:
            self._fetch(session, session.exec(_STORED.where(col(Feed.institution) == owner)).all())

    def _fetch(self, session: Session, stored: Iterable[tuple[str, str, str]]) -> None:
        """Read those feeds that are others than the ones in memory."""
        for name, *state in stored:
            kept = self._feeds.get(name)
            if kept is None or [kept.etag, kept.state] != state:
                row = session.get(Feed, name)
                if row is not None and row.etag:
                    self._put(row, kept)
                    session.expunge(row)

    def _put(self, row: Feed, old: Kept | None) -> None:
        served = old.served if old else None
        if old is None or served is None or old.etag != row.etag:
            self._plain -= len(served.body or b"") if served else 0
            lean = self._plain + len(row.body) > PLAIN
            served = Served.of(row.body, row.modified_at, lean=lean)
            self._plain += len(served.body or b"")
        at = row.state_at or row.modified_at
        self._feeds[row.institution] = Kept(served, row.etag, row.state, at)

    def begin(self, owner: str) -> Served | None:
        """Return an owner's feed as the store has it now, the last good one where that fails.

        What failed is not tried again for a while.
        """
        if not self._failing(owner):
            try:
                twice(lambda: self._upkeep.ask(owner))
                if owner not in self._feeds:
                    self._failed[owner] = time.monotonic() + RETRY
            except Exception as error:
                log.error("the feed of %s cannot be renewed: %s", owner, type(error).__name__)
                self._failed[owner] = time.monotonic() + AGAIN
        return self.feed(owner)

    def _failing(self, owner: str) -> bool:
        return time.monotonic() < self._failed.get(owner, 0.0)

    def watch(self, look: Callable[[], object]) -> None:
        """Remember how to look for news at once; it tells ``looked``. Raises what the store raises."""
        self._look = look

    def looked(self, begun: float) -> None:
        """Remember when the last look that ended well began, a monotonic time in seconds."""
        self._looked = begun

    def ready(self, owner: str) -> Served | None:
        """Return an owner's feed if it is as the store is; else ``current`` has to be asked."""
        if self._upkeep.behind(owner) or self._blind():
            return None
        return self.feed(owner)

    def _blind(self) -> bool:
        return time.monotonic() - self._looked > BLIND

    def _glance(self) -> None:
        try:
            self._look()
        except Exception as error:  # the regular look tells of it
            log.info("no look at the store: %s", type(error).__name__)

    async def current(self, owner: str) -> Served | None:
        """Return an owner's feed as the store has it now; many who ask share one rendering.

        Where that fails or takes too long, the last good one, None if there never was one.
        """
        if self._blind():
            await self._shared("", self._glance, GLANCE, None)  # not behind what is being rendered
        until = time.monotonic() + PATIENCE
        # What was rendered may have been read from the store before the latest news: then again.
        while (left := until - time.monotonic()) > 0:
            if owner in self._feeds and not self._upkeep.behind(owner):
                break
            await self._shared(owner, lambda: self.begin(owner), left, self._rendering)
            if self._failing(owner):
                break
        return self.feed(owner)

    async def _shared(
        self,
        name: str,
        work: Callable[[], object],
        patience: float,
        threads: ThreadPoolExecutor | None,
    ) -> None:
        """Wait for some work in a thread, which all who want the same share."""
        coming = self._coming.get(name)
        if coming is None:
            loop = asyncio.get_running_loop()
            coming = self._coming[name] = loop.run_in_executor(threads, work)
            coming.add_done_callback(lambda _: self._coming.pop(name, None))
        await asyncio.wait({coming}, timeout=patience)

    async def fresh(self) -> None:
        """Wait until the addresses were read again after this call; many waiters share one reading."""
        if self._next is None:
            self._next = asyncio.create_task(self._again())
        await asyncio.shield(self._next)

    async def _again(self) -> None:
        async with self._turn:
            self._next = None
            await asyncio.to_thread(self.learn)
