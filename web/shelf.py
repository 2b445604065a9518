"""What the feed route serves from: tokens by hash and feeds by owner, in memory.

A request is one look-up here. The store is read when something in it changed, and once more before
a request is told that its token is unknown or revoked: another process may just have made it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from notifications import tokens
from notifications.feed import DEFAULT, Variant
from scheduler.store import reading, writing
from scheduler.tables import Feed, Token
from web.served import Served

VARIANTS = 64 << 20  # bytes of variants in memory
PLAIN = 128 << 20  # bytes of feeds kept unpacked; what is beyond is unpacked for who needs it
RETRY = 60.0  # seconds

log = logging.getLogger("duban.feeds")


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

    ``now`` gives the service's aware time, ``render`` a variant's bytes; ``begin`` puts the first
    bytes of an institution into the store.
    """

    def __init__(
        self,
        engine: Engine,
        now: Callable[[], datetime],
        render: Callable[[str, Variant], bytes],
        begin: Callable[[str], object] = lambda institution: None,
    ) -> None:
        self._engine, self._now, self._render, self._begin = engine, now, render, begin
        self._failed: dict[str, float] = {}
        self._addresses: dict[str, Address] = {}
        self._feeds: dict[str, Kept] = {}
        self._plain = 0
        self._seen: object = None
        self._variants: OrderedDict[tuple[str, Variant], tuple[Kept, Served]] = OrderedDict()
        self._choosing = threading.Lock()
        self._fetches: dict[int, tuple[datetime, str]] = {}
        self._reading, self._beginning = threading.Lock(), threading.Lock()
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
            at = max(base.served.modified_at, base.state_at)
            return base, Served.of(self._render(*name), at)
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
        with self._reading:
            self._read()

    def _read(self) -> None:
        with reading(self._engine) as session:
            seen = session.exec(
                select(
                    func.count(col(Token.id)), func.max(Token.id), func.count(col(Token.revoked_at))
                )
            ).one()
            known = session.exec(
                select(Feed.institution, Feed.etag, Feed.state).where(Feed.etag != "")
            )
            feeds = {owner: (etag, state) for owner, etag, state in known}
            if tuple(seen) != self._seen:
                rows = session.exec(
                    select(Token.hash, Token.id, Token.institution, Token.revoked_at)
                )
                self._addresses = {
                    key: Address(number or 0, institution, revoked is not None)
                    for key, number, institution, revoked in rows
                }
                self._seen = tuple(seen)
            self._fetch(session, feeds)
            for name in self._feeds.keys() - feeds.keys():
                self._plain -= len(self._feeds.pop(name).served.body or b"")

    def take(self, owners: Sequence[str]) -> None:
        """Read the feeds of some owners; quicker than ``refresh``, which looks at everything."""
        query = select(Feed.institution, Feed.etag, Feed.state).where(Feed.etag != "")
        with self._reading, reading(self._engine) as session:
            known = session.exec(query.where(col(Feed.institution).in_(owners)))
            self._fetch(session, {owner: (etag, state) for owner, etag, state in known})

    def _fetch(self, session: Session, feeds: Mapping[str, tuple[str, str]]) -> None:
        """Read those feeds that are others than the ones in memory."""
        for name, state in feeds.items():
            kept = self._feeds.get(name)
            if kept is None or (kept.etag, kept.state) != state:
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
        """Return an owner's feed, rendered at once where it never was, so that nobody waits for
        others; what failed is not tried again for a while.
        """
        with self._beginning:
            if owner in self._feeds:
                return self._feeds[owner].served
            if time.monotonic() - self._failed.get(owner, -RETRY) < RETRY:
                return None
            try:
                self._begin(owner)
                self.take([owner])
            except Exception:
                self._failed[owner] = time.monotonic()
                log.exception("feed of %s could not be rendered", owner)
        return self.feed(owner)

    async def fresh(self) -> None:
        """Wait for a reading of the store that begins after this call; many waiters share one."""
        if self._next is None:
            self._next = asyncio.create_task(self._again())
        await asyncio.shield(self._next)

    async def _again(self) -> None:
        async with self._turn:
            self._next = None
            await asyncio.to_thread(self.refresh)
