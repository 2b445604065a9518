"""How old an answer of one replica may be after a change on another: two services, one PostgreSQL.

All institutions of the bundled documents, every region, pairing and document have an address in
use. Facts are recorded one after another, and every feed that a fact concerns is asked for at both
replicas, again and again until it shows it. Then the title of every obligation is edited, twice:
once everybody is asked all the time until all show it, once nobody is, until the store says that
all are rendered. By the clock, from the commit: when the last request began that was answered with
what no longer held, and when the last feed had been received as it is now. The recorded ratios are
that last old answer over the two seconds that are promised.
"""

from __future__ import annotations

import random
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
from sqlalchemy import Engine, Select, select

from benchmarks.feeds_apply import edited
from benchmarks.rounds import Ratio, record
from notifications import feed_scopes, feed_signal, feeds, tokens
from notifications.feed import uid
from notifications.feed_memory import EVENTS, FEEDS
from scheduler import applying, queries, store
from scheduler.loading import Loaded, load
from scheduler.proposing import Candidates, applied_world, propose
from scheduler.queries import OCCURRENCES
from scheduler.recording import Statement
from scheduler.recording import record as record_fact
from scheduler.world import World
from tests.stores.postgresql import database, serving
from tests.web.server import Server

PROMISED, FACTS = 2.0, 20
ADDRESS = "http://127.0.0.1:1"


class Asked:
    """What both replicas answered after a change: when the last old answer was asked for."""

    def __init__(self) -> None:
        self.old, self.new, self.longest = 0.0, 0.0, 0.0

    def until_new(
        self, server: Server, paths: Iterable[str], before: Mapping[str, str], since: float
    ) -> None:
        """Ask for each path until its validator is another one."""
        left = list(paths)
        client = httpx.Client(base_url=server.client.base_url, timeout=60)
        while left:
            for path in list(left):
                asked = time.monotonic()
                tag = client.get(path).headers["etag"]
                answered = time.monotonic()
                self.longest = max(self.longest, answered - asked)
                if tag == before[path]:
                    self.old = max(self.old, asked - since)
                else:
                    left.remove(path)
                    self.new = max(self.new, answered - since)
        client.close()


def tags(server: Server, paths: Iterable[str]) -> dict[str, str]:
    return {path: server.client.get(path).headers["etag"] for path in paths}


def ask(servers: list[Server], paths: list[str], commit: Callable[[], object]) -> Asked:
    """Ask both replicas from the commit on; every path has to change."""
    before, asked = tags(servers[0], paths), Asked()
    for server in servers:
        assert tags(server, paths) == before
    commit()
    since = time.monotonic()
    threads = [
        threading.Thread(
            target=asked.until_new, args=(server, random.sample(paths, len(paths)), before, since)
        )
        for server in servers
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert tags(servers[0], paths) == tags(servers[1], paths)
    return asked


def owners(world: World) -> list[str]:
    rosters = world.rosters
    institutions = sorted({one for roster in rosters.values() for one in roster.institutions})
    return [
        *institutions,
        *(f"region:{i}" for i in institutions if len(feed_scopes.members(i, world)) > 1),
        *(f"pairing:{name}/{pair.id}" for name, r in rosters.items() for pair in r.pairings),
        *(f"document:{name}" for name in world.documents),
    ]


def now() -> datetime:
    return datetime.now(UTC)


def apply(engine: Engine, files: Loaded, world: World) -> None:
    with store.writing(engine) as session:
        proposal = propose(
            session, Candidates(files.documents, files.rosters, files.texts), now(), world
        )
        applying.carry_out(session, proposal, now(), "测")


def settled(engine: Engine) -> None:
    """Wait until the store says that all feeds in use are rendered."""
    while True:
        with store.reading(engine) as session:
            shown = feed_signal.shown(session)
            newest = queries.newest_version(session), queries.newest_fact(session)
            missing = tokens.subscribed(session) - feeds.good(session)
            if not missing and shown is not None and (shown.version, shown.fact) == newest:
                return
        time.sleep(0.05)


def fact(engine: Engine, key: str, kind: str, world: World) -> None:
    with store.writing(engine) as session:
        record_fact(session, Statement(key, kind, reason="误记"), now(), "测", world)


def facts(
    engine: Engine, servers: list[Server], world: World, path_of: Mapping[str, str]
) -> list[Asked]:
    """Record facts that the usual form of the feeds shows, one after another."""
    with store.reading(engine) as session:
        query = select(OCCURRENCES.c.key).where(
            OCCURRENCES.c.due >= now().date(), OCCURRENCES.c.kind == "recurring"
        )
        keys = random.Random(7).sample(sorted(session.scalars(query)), FACTS)
        owners_of = {key: list(session.scalars(showing(key))) for key in keys}
    return [
        ask(
            servers,
            [path_of[owner] for owner in owners_of[key]],
            partial(fact, engine, key, "completed", world),
        )
        for key in keys
    ]


def showing(key: str) -> Select[str]:
    """Return the query of the owners in whose usual form an occurrence stands."""
    return select(EVENTS.c.owner).where(EVENTS.c.uid == uid(key), ~EVENTS.c.frequent)


def dated(engine: Engine) -> list[str]:
    """Return the owners whose feed in its usual form has events."""
    with store.reading(engine) as session:
        rows = session.execute(select(FEEDS.c.institution, FEEDS.c.body))
        return sorted(owner for owner, body in rows if b"UID:info/" not in body)


def replicas(stack: ExitStack, root: Path, url: str) -> list[Server]:
    """Start two services that share a store and, as behind a proxy, an address."""
    found = []
    for number in range(2):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        (root / str(number)).mkdir()
        shared = {"DUBAN_DATABASE_URL": url, "DUBAN_BASE_URL": ADDRESS}
        data = root / str(number) / "data"
        server = stack.enter_context(Server(data, "--port", str(port), **shared))
        server.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)
        found.append(server)
    return found


def main() -> None:
    files = load()
    assert not files.faulty
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(database(stack.enter_context(serving())))
        engine = store.connect(url)
        servers = replicas(stack, root, url)
        with store.reading(engine) as session:
            world = applied_world(session, World({}, {}, files.workdays, base_url=ADDRESS))
        with store.writing(engine) as session:
            path_of = {
                one: f"/feeds/{tokens.create(session, one, '测', now())[1]}.ics"
                for one in owners(world)
            }
        begun = time.monotonic()
        settled(engine)
        print(
            f"first rendering of {len(path_of)} feeds: {time.monotonic() - begun:.1f} s", flush=True
        )
        said = facts(engine, servers, world, path_of)
        for what in ("old", "new", "longest"):
            times = sorted(getattr(one, what) for one in said)
            print(
                f"{FACTS} facts, {what}: median {times[FACTS // 2]:.2f} s, most {times[-1]:.2f} s"
            )
        record(
            "feeds: last old answer after a fact / 2 s",
            Ratio(tuple(one.old / PROMISED for one in said)),
        )
        new = edited(files)
        paths = [path_of[owner] for owner in dated(engine)]
        asked = ask(servers, paths, lambda: apply(engine, new, world))
        print(
            f"everything edited, {len(paths)} feeds asked for: last old answer asked for after "
            f"{asked.old:.2f} s, all new after {asked.new:.1f} s, longest answer {asked.longest:.2f} s"
        )
        record("feeds: last old answer after a big apply / 2 s", Ratio((asked.old / PROMISED,)))
        settled(engine)
        apply(engine, edited(new), world)
        since = time.monotonic()
        settled(engine)
        print(
            f"everything edited, nobody asks: all rendered after {time.monotonic() - since:.1f} s"
        )


if __name__ == "__main__":
    main()
