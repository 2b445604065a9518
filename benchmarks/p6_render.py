"""P6: a feed of a thousand events of which one changed, and how soon a recorded fact is served.

Rendering, seconds of CPU. Counted on our side: from the thousand occurrences and the events as they
were last shown, both in memory, to the feed's new bytes (titles and digests of all thousand, one
event rendered anew, all put in order and joined). On the other: ``icalendar``'s ``to_ical()`` of a
calendar that holds the same thousand events as ready components; its bytes must be ours. A second
figure has icalendar make the components too; a third has our whole way instead, from a fact in the
store to the feed in the store.

Served: ``duban serve`` as it is; a fact is recorded by another process's connection, and a client
asks every 10 ms until the ETag is another one. Seconds by the clock, from before the commit.
"""

from __future__ import annotations

import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import icalendar
from sqlalchemy import Engine

from benchmarks import subscribed
from benchmarks.rounds import Ratio, compare, growth, record, seconds
from notifications import feed, feed_assembly, feed_changes, feed_next, feed_scopes, feeds
from notifications.feed_entries import entries
from scheduler import store
from scheduler.recording import Statement
from scheduler.recording import record as record_fact
from scheduler.world import World
from tests.web.server import Server

OWNER, WIDE, FACTS = "sheng", f"document:{subscribed.DOCUMENT}", 21
HOSPITALS = 250


class Changed:
    """A feed with so many events of which one is another one than the store remembers."""

    def __init__(self, engine: Engine, of: World, text: str = OWNER) -> None:
        self.engine, self.world, self.text, self.times, self.facts = engine, of, text, 0, 0
        self.day = feed_next.today(subscribed.NOW, of)
        self.owner = feed_scopes.owner(text, of)
        feeds.render_one(engine, text, subscribed.NOW, of)
        with store.reading(engine) as session:
            found = feed_next.upcoming(session, text, subscribed.NOW, of)
            self.before = dict(found.events)
            self.entries = entries(session, text, self.day, of).entries

    def another(self) -> list[feed.Entry]:
        """Return the entries with one of them done, or open again, as at each call."""
        self.times += 1
        first = self.entries[len(self.entries) // 2]
        changed = replace(first, status="completed", source=f"{first.source}{self.times}")
        return [changed if one is first else one for one in self.entries]

    def ours(self) -> bytes:
        """Return the new bytes from the rows' values and the events before."""
        now = subscribed.NOW + timedelta(days=1)
        events = feed_changes.advance(
            self.owner, self.another(), self.before, now, self.day, self.world.base_url
        )
        return feed_assembly.assembled(self.owner, events.values(), self.day)

    def whole(self) -> float:
        """Return the CPU seconds from a fact in the store to the new feed in the store."""
        self.facts += 1
        key = self.entries[len(self.entries) // 2].occurrence.key
        kind = ("corrected", "completed")[self.facts % 2]
        at = subscribed.NOW + timedelta(minutes=self.facts)
        with store.writing(self.engine) as session:
            record_fact(session, Statement(key, kind, reason="误记"), at, "测", self.world)
        return seconds(lambda: feeds.render_one(self.engine, self.text, at, self.world))


def built(ready: icalendar.Calendar) -> bytes:
    """Return the bytes of a calendar, every component of which icalendar makes anew."""
    whole = icalendar.Calendar()
    for name, value in ready.items():
        whole[name] = value
    for one in ready.subcomponents:
        made = icalendar.Event()
        for name, value in one.items():
            made.add(name, value.dt if hasattr(value, "dt") else value, parameters=value.params)
        whole.add_component(made)
    return bytes(whole.to_ical())


def changed(root: Path, hospitals: int) -> Changed:
    files = subscribed.loaded(hospitals, 4)
    engine = subscribed.built(f"sqlite:///{root / f'{hospitals}.db'}", files)
    return Changed(engine, subscribed.world(files))


def rendering(root: Path) -> None:
    one = changed(root, HOSPITALS)
    body = one.ours()
    assert body.count(b"BEGIN:VEVENT") == HOSPITALS * 4
    ready = icalendar.Calendar.from_ical(body)
    assert ready.to_ical() == built(ready) == body, "icalendar writes other bytes"
    sides: dict[str, Callable[[], object]] = {
        "to_ical() of ready components": ready.to_ical,
        "making and to_ical()": partial(built, ready),
    }
    base = partial(seconds, one.ours)
    for name, ratio in compare(base, {k: partial(seconds, v) for k, v in sides.items()}).items():
        record(f"P6 icalendar, {name} / 1,000 events, 1 changed", ratio, "icalendar")
    for kind, other in (
        ("an institution", one),
        ("a document", Changed(one.engine, one.world, WIDE)),
    ):
        found = compare(other.whole, {"": partial(seconds, ready.to_ical)})
        goal = f"P6 icalendar, to_ical() of ready components / from store to store, feed of {kind}"
        record(goal, found[""], "icalendar")
    growth(
        "P6 10, 100, 1,000 events, 1 changed:",
        lambda times: changed(root, round(2.5 * times) or 1).ours,
    )


def etag(address: str) -> str:
    with urllib.request.urlopen(address) as got:
        return str(got.headers["etag"])


def serving(root: Path) -> None:
    """Record facts one after the other and measure until each is served."""
    subscribed.folders(root / "own", 10)
    environ = {
        f"DUBAN_{name}": str(root / "own" / name.lower()) for name in ("WORKFLOWS", "ROSTERS")
    }
    with Server(root / "data", **environ) as server:
        engine = store.connect(f"sqlite:///{root / 'data' / 'duban.db'}")
        (secret,) = subscribed.addresses(engine, ["da0"])
        address = f"{server.url}/feeds/{secret}.ics"
        files = subscribed.loaded(10)
        taken = []
        for number in range(FACTS):
            before = etag(address)
            key = f"{subscribed.DOCUMENT}/progress/da0/{date.today().year + number // 15}-d{number % 15}"
            began = time.perf_counter()
            with store.writing(engine) as session:
                record_fact(
                    session, Statement(key, "completed"), subscribed.NOW.now(subscribed.ZONE),
                    "测", subscribed.world(files),
                )  # fmt: skip
            while etag(address) == before:
                time.sleep(0.01)
            taken.append(time.perf_counter() - began)
            time.sleep(0.13 * (number % 7))  # at every place between two looks
        engine.dispose()
    record("P6 from a recorded fact to the served feed: seconds", Ratio(tuple(taken)))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        rendering(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        serving(Path(folder))


if __name__ == "__main__":
    main()
