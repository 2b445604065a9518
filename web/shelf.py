"""What the feed route serves from: tokens by hash and feeds by institution, in memory.

A request is one look-up here. The store is read when something in it changed, and once more before
a request is told that its token is unknown or revoked: another process may just have made it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine, func
from sqlmodel import col, select

from notifications import tokens
from notifications.feed import DEFAULT, Variant
from scheduler.store import reading, writing
from scheduler.tables import Feed, Token
from web.served import Served

VARIANTS_KEPT = 256
RETRY = 60.0  # seconds

log = logging.getLogger("duban.feeds")


class Address(NamedTuple):
    """A token as a request finds it."""

    number: int
    institution: str
    revoked: bool


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
        self._feeds: dict[str, Served] = {}
        self._tags: dict[str, str] = {}
        self._seen: object = None
        self._variants: OrderedDict[tuple[str, Variant], tuple[Served, Served]] = OrderedDict()
        self._fetches: dict[int, tuple[datetime, str]] = {}
        self._reading = threading.Lock()
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None

    def find(self, secret: str) -> Address | None:
        """Return the address that a secret opens, or None."""
        return self._addresses.get(tokens.digest(secret))

    def feed(self, institution: str) -> Served | None:
        """Return an institution's last good feed, or None while there is none."""
        return self._feeds.get(institution)

    def variant(self, institution: str, variant: Variant) -> Served | None:
        """Return a subscriber's choice of an institution's feed; raises what rendering raises."""
        base = self.feed(institution)
        if base is None or variant == DEFAULT:
            return base
        kept = self._variants.get((institution, variant))
        if kept is not None and kept[0] is base:
            return kept[1]
        made = Served.of(self._render(institution, variant), base.modified_at)
        self._variants[institution, variant] = (base, made)
        while len(self._variants) > VARIANTS_KEPT:
            self._variants.popitem(last=False)
        return made

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
        """Read what changed in the store; a new address gets its first feed at once."""
        with self._reading:
            feeds = self._read()
            wanted = {one.institution for one in self._addresses.values() if not one.revoked}
            begun = [self._begun(one) for one in sorted(wanted - feeds)]
            if any(begun):
                self._read()

    def _read(self) -> set[str]:
        with reading(self._engine) as session:
            seen = session.exec(
                select(
                    func.count(col(Token.id)), func.max(Token.id), func.count(col(Token.revoked_at))
                )
            ).one()
            feeds = dict(session.exec(select(Feed.institution, Feed.etag)).all())
            if tuple(seen) != self._seen:
                rows = session.exec(
                    select(Token.hash, Token.id, Token.institution, Token.revoked_at)
                )
                self._addresses = {
                    key: Address(number or 0, institution, revoked is not None)
                    for key, number, institution, revoked in rows
                }
                self._seen = tuple(seen)
            for name in [name for name, tag in feeds.items() if self._tags.get(name) != tag]:
                row = session.get(Feed, name)
                if row is not None:
                    self._feeds[name] = Served.of(row.body, row.modified_at)
                    self._tags[name] = row.etag
            for name in self._feeds.keys() - feeds.keys():
                del self._feeds[name], self._tags[name]
        return set(feeds)

    def _begun(self, institution: str) -> bool:
        """Render an institution's first feed; what failed is not tried again for a while."""
        if time.monotonic() - self._failed.get(institution, -RETRY) < RETRY:
            return False
        try:
            self._begin(institution)
        except Exception:
            self._failed[institution] = time.monotonic()
            log.exception("feed of %s could not be rendered", institution)
            return False
        return True

    async def fresh(self) -> None:
        """Wait for a reading of the store that begins after this call; many waiters share one."""
        if self._next is None:
            self._next = asyncio.create_task(self._again())
        await asyncio.shield(self._next)

    async def _again(self) -> None:
        async with self._turn:
            self._next = None
            await asyncio.to_thread(self.refresh)
