"""How feeds grow with the institutions, and what 300 clients notice of a plan that is applied.

Growth: 10, 100, 1,000 and 10,000 hospitals, each with twenty dates and an address in use. Printed
for each: the CPU seconds of rendering all feeds for the first time, of a look when nothing changed,
of a look after one fact; and, in a process of its own that starts over the same store as a service
does, the CPU seconds and the memory until all feeds are ready to be served. The recorded ratio is
what one feed costs among the most and among a hundred.

Polling: ``duban serve`` with 300 hospitals; 300 clients, each on a connection and an address of its
own, all begin at once, ask again 0.15 s after each answer, and send the ETag that they have. For
ten seconds nothing happens; then the title of all 6,000 occurrences is edited, planned and applied
by the command line, until each client has seen its feed change. Seconds by the clock.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Engine

from benchmarks import subscribed
from benchmarks.rounds import Ratio, record, seconds
from config.settings import load
from scheduler import store
from scheduler.recording import Statement
from scheduler.recording import record as record_fact
from tests.web.server import Server
from web.house import House
from web.watch import Watch

SIZES, DATES, ROUNDS = (10, 100, 1_000, 10_000), 20, 7
CLIENTS, PAUSE, CALM = 300, 0.15, 10.0


def memory() -> float:
    """Return the resident memory of this process in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


def house(engine: Engine, hospitals: int, root: Path) -> House:
    files = subscribed.loaded(hospitals, DATES)
    return House(
        engine=engine, settings=load({"DUBAN_BASE_URL": "https://duban.example"}, root),
        base=subscribed.world(files), now=lambda: subscribed.NOW, wall=lambda: subscribed.NOW,
        load=lambda: files, known=files,
    )  # fmt: skip


def started(url: str, hospitals: int, root: Path) -> dict[str, float]:
    """Return what a service that starts over this store needs until it can serve all feeds."""
    engine = store.connect(url)
    built = house(engine, hospitals, root)
    assert built.world.documents
    before = memory()
    spent = seconds(built.shelf.refresh)
    served = built.shelf.feed("da0")
    assert served is not None
    assert built.shelf.feed(f"da{hospitals - 1}") is not None
    return {"start": spent, "memory": memory() - before}


def grown(hospitals: int) -> dict[str, float]:
    """Return the costs with so many hospitals: CPU seconds and MB."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        url = f"sqlite:///{root / 'duban.db'}"
        engine = subscribed.built(url, subscribed.loaded(hospitals, DATES))
        subscribed.addresses(engine, [f"da{n}" for n in range(hospitals)])
        built = house(engine, hospitals, root)
        world = built.world
        found = {"render": seconds(built.upkeep.look)}
        watch = Watch(built)
        watch.look()
        watch.look()
        found["idle"] = min(seconds(watch.look) for _ in range(ROUNDS))
        facts = []
        for n in range(ROUNDS):
            key = f"{subscribed.DOCUMENT}/progress/da{n}/2026-d1"
            with store.writing(engine) as session:
                record_fact(session, Statement(key, "completed"), subscribed.NOW, "测", world)
            facts.append(seconds(watch.look))
        found["fact"] = sorted(facts)[len(facts) // 2]
        watch.close()
        engine.dispose()
        words = [sys.executable, "-m", "benchmarks.feeds_growth", "--start", url, str(hospitals)]
        said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        begun: dict[str, float] = json.loads(said)
        return found | begun


def growing(most: int) -> None:
    costs = {}
    for hospitals in SIZES:
        if hospitals > most:
            break
        costs[hospitals] = one = grown(hospitals)
        print(
            f"{hospitals} institutions: first rendering {one['render']:.2f} s, idle look "
            f"{one['idle'] * 1000:.2f} ms, look after a fact {one['fact'] * 1000:.1f} ms, start "
            f"{one['start']:.2f} s and {one['memory']:.1f} MB",
            flush=True,
        )
    last = max(costs)
    for what in ("render", "start", "memory"):
        ratio = costs[last][what] / last / (costs[100][what] / 100)
        record(f"feeds: {what} for a feed, {last:,} institutions / 100", Ratio((ratio,)))
    ratio = costs[last]["fact"] / costs[100]["fact"]
    record(f"feeds: look after one fact, {last:,} institutions / 100", Ratio((ratio,)))


class Client:
    """One subscriber's program: asks, remembers the ETag, asks again."""

    def __init__(self, secret: str, host: str, port: int) -> None:
        self.path, self.host, self.port = f"/feeds/{secret}.ics", host, port
        self.tag = ""
        self.seen: list[tuple[float, int, float]] = []  # when asked, status, seconds
        self.changed_at: list[float] = []

    async def poll(self, stop: asyncio.Event) -> None:
        """Ask until told to stop."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        while not stop.is_set():
            asked = time.monotonic()
            condition = f"If-None-Match: {self.tag}\r\n" if self.tag else ""
            writer.write(f"GET {self.path} HTTP/1.1\r\nHost: x\r\n{condition}\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            status = int(head.split()[1])
            fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
            await reader.readexactly(int(fields.get("content-length", 0)))
            self.seen.append((asked, status, time.monotonic() - asked))
            if fields.get("etag", self.tag) != self.tag:
                self.tag = fields["etag"]
                self.changed_at.append(time.monotonic())
            await asyncio.sleep(PAUSE)
        writer.close()


def percentiles(taken: list[float]) -> str:
    found = sorted(taken)
    parts = [(p, found[min(len(found) - 1, int(len(found) * p / 100))]) for p in (50, 90, 99, 100)]
    return "  ".join(f"p{p} {value * 1000:.0f} ms" for p, value in parts)


async def crowd(clients: list[Client], server: Server, edit: Path) -> tuple[float, float]:
    """Poll with all clients, apply an edit meanwhile; return when it began and when it was in."""
    stop = asyncio.Event()
    polling = [asyncio.create_task(one.poll(stop)) for one in clients]
    await asyncio.sleep(CALM)
    began = time.monotonic()
    subscribed.folders(edit, CLIENTS, DATES, "报送进展表（新）")
    plan = str(edit / "plan.json")
    for words in (("plan", "--save", plan), ("apply", plan)):
        done = await asyncio.to_thread(server.duban, *words)
        if done.returncode not in (0, 2):
            raise RuntimeError(done.stdout + done.stderr)
    applied = time.monotonic()
    while not all(len(one.changed_at) > 1 for one in clients):
        if time.monotonic() > applied + 300:
            raise RuntimeError("not every feed changed")
        await asyncio.sleep(0.1)
    stop.set()
    await asyncio.gather(*polling)
    return began, applied


def polling() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        own = root / "own"
        subscribed.folders(own, CLIENTS, DATES)
        environ = {f"DUBAN_{name}": str(own / name.lower()) for name in ("WORKFLOWS", "ROSTERS")}
        with Server(root / "data", **environ) as server:
            engine = store.connect(f"sqlite:///{root / 'data' / 'duban.db'}")
            secrets = subscribed.addresses(engine, [f"da{n}" for n in range(CLIENTS)])
            engine.dispose()
            address = urlsplit(server.url)
            clients = [Client(one, address.hostname or "", address.port or 0) for one in secrets]
            while server.client.get(f"/feeds/{secrets[-1]}.ics").status_code != 200:
                time.sleep(0.2)
            began, applied = asyncio.run(crowd(clients, server, own))
    told(clients, began, applied)


def told(clients: list[Client], began: float, applied: float) -> None:
    answers = [one for client in clients for one in client.seen]
    statuses = Counter(status for _, status, _ in answers)
    print(f"300 clients: {len(answers)} answers, {dict(statuses)}")
    assert set(statuses) == {200, 304}, statuses
    calm = [taken for at, _, taken in answers if at < began]
    busy = [taken for at, _, taken in answers if at >= began]
    print(f"  before:            {percentiles(calm)}")
    print(f"  during and after:  {percentiles(busy)}")
    late = sorted(client.changed_at[1] - applied for client in clients)
    print(f"  seen after the end of apply: median {late[150]:.1f} s, last {late[-1]:.1f} s")
    half = {True: sorted(busy), False: sorted(calm)}
    ratio = half[True][len(busy) * 99 // 100] / half[False][len(calm) * 99 // 100]
    record("feeds: p99 of 300 clients while a plan is applied / before", Ratio((ratio,)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--start", nargs=2, metavar=("URL", "N"), help="only start over a store")
    parser.add_argument("--most", type=int, default=SIZES[-1], help="the most institutions")
    parser.add_argument("--only", choices=("growth", "polling"), help="one of the two")
    args = parser.parse_args()
    if args.start:
        url, number = args.start
        print(json.dumps(started(url, int(number), Path(tempfile.gettempdir()))))
        return
    if args.only != "polling":
        growing(args.most)
    if args.only != "growth":
        polling()


if __name__ == "__main__":
    main()
