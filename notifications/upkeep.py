"""Which feeds in use are behind the store, and bringing them up to date.

Looking for what changed is quick and rendering may take long, so they are two jobs. What is behind
is rendered in the background; who asks for one of these is given it rendered at once
(``web/shelf.py``), so that nobody is told what no longer holds, however many there are to do.
Several processes on one store share the work: what one has rendered the others only read.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterable
from datetime import date, datetime

from sqlalchemy import Engine

from notifications import feed_memory, feed_scopes, feed_signal, feeds, tokens
from notifications.feed_signal import Signal
from scheduler.faults import fault
from scheduler.store import reading, writing
from scheduler.world import World

COURTESY = 2.0  # seconds that the background lets those go first for whom somebody waits

log = logging.getLogger("duban.feeds")


class Upkeep:
    """Keeps the feeds in use as the store is.

    ``now`` and ``today`` give the service's aware time and local day, ``world`` the applied one;
    ``take`` is told of an owner whose feed may be another one in the store.
    """

    def __init__(
        self,
        engine: Engine,
        now: Callable[[], datetime],
        today: Callable[[], date],
        world: Callable[[], World],
        take: Callable[[str], object] = str,
    ) -> None:
        self._engine, self._now, self._today, self._world = engine, now, today, world
        self._take = take
        self._base_url: str | None = None  # never another one while the program runs
        self._noticed: Signal | None = None
        self._settled: Signal | None = None
        self._used: set[str] | None = None
        self._owed: dict[str, Signal] = {}  # what each feed that waits is to show
        self._behind: set[str] = set()
        self._told: dict[str, str] = {}  # faults that were logged, by owner
        self._locks: dict[str, threading.Lock] = {}
        self._noticing, self._owing = threading.Lock(), threading.Lock()
        self._asked, self._calm = 0, threading.Event()
        self._calm.set()
        self._stopping = False

    def behind(self, owner: str) -> bool:
        """Return whether an owner's feed may say what no longer holds. Never waits."""
        return owner in self._behind

    def notice(self) -> None:
        """Look for what changed in the store, and remember whose feeds it concerns.

        A new fact, term or event concerns the owners that its occurrences touch; another applied
        version all, and so does a new day. But a day that passes changes hardly anything, so nobody
        waits for it. What could not be rendered is tried again.
        """
        with self._noticing:
            if self._base_url is None:
                self._base_url = self._world().base_url
            with reading(self._engine) as session:
                signal = feed_signal.read(session, self._today(), self._base_url)
                if self._noticed is None:
                    self._noticed = self._settled = feed_signal.shown(session)
                known = self._noticed
                used = tokens.subscribed(session)
                missing = used - feeds.good(session)
                touched = feed_signal.touched(session, known, signal) if known else None
            if known != signal:
                concerned = used
                if touched is not None:
                    concerned = feed_scopes.concerned(used, touched, self._world())
                self._owe(concerned, signal, waits=known is None or not signal.only_later(known))
            self._owe(missing, signal, waits=False)
            if self._used is not None:  # of those who are new nobody has kept a feed
                self._owe(used - self._used, signal, waits=True)
            self._noticed, self._used = signal, used

    def _owe(self, owners: Iterable[str], signal: Signal, *, waits: bool) -> None:
        # In an order of its own in each process: so two seldom render the same one.
        mixed = random.sample(found := sorted(owners), len(found))
        with self._owing:
            self._owed |= dict.fromkeys(mixed, signal)
            if waits:
                self._behind.update(mixed)

    def work(self) -> int:
        """Bring up to date whatever is behind; return how many feeds were rendered.

        Raises what the store raises; what is left is done by the next call, or by another process.
        """
        signal, done = self._noticed, 0
        while not self._stopping and (owner := self._first()) is not None:
            self._calm.wait(COURTESY)
            done += self.bring(owner)
        if signal is not None and signal != self._settled and not self._stopping:
            with writing(self._engine) as session:
                feed_signal.note(session, signal)
                if self._settled is None or self._settled.days != signal.days:
                    used = tokens.subscribed(session)
                    feed_memory.sweep(session, self._today(), used)
            self._settled = signal
        return done

    def stop(self) -> None:
        """Begin no other feed in the background."""
        self._stopping = True

    def _first(self) -> str | None:
        with self._owing:
            return next(iter(self._owed), None)

    def ask(self, owner: str) -> bool:
        """Do what ``bring`` does, for somebody who waits: nothing else is begun meanwhile."""
        self._wait_for(1)
        try:
            return self.bring(owner)
        finally:
            self._wait_for(-1)

    def _wait_for(self, change: int) -> None:
        with self._owing:
            self._asked += change
            (self._calm.clear if self._asked else self._calm.set)()

    def bring(self, owner: str) -> bool:
        """Have one feed as the store is now; return whether it had to be rendered.

        A feed that cannot be rendered keeps its last good bytes; that is noted and logged.
        Raises what the store raises.
        """
        with self._locks.setdefault(owner, threading.Lock()):
            wanted, done = self._owed.get(owner), False
            try:
                done = feeds.renew(self._engine, owner, wanted, self._now(), self._world)
                self._told.pop(owner, None)
            except Exception as error:
                if fault(error) is not None:
                    raise
                said = f"{type(error).__name__}: {error}"
                # So it is tried again, whatever it was, and the admin is told.
                feeds.note_fault(self._engine, owner, error, self._now())
                if self._told.get(owner) != said:  # tried again twice a second: said once
                    log.exception("feed of %s could not be rendered", owner)
                    self._told[owner] = said
            self._take(owner)
            with self._owing:
                if self._owed.get(owner) == wanted:  # else there are news of it already
                    self._owed.pop(owner, None)
                    self._behind.discard(owner)
            return done

    def look(self) -> int:
        """Look for what changed, and bring it up to date; return how many feeds were rendered."""
        self.notice()
        return self.work()
