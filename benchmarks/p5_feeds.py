"""P5: a feed of sixty events over HTTP, against nginx serving a file and against Radicale.

Counted on our side: ``duban serve`` as it is, one process, its engine and its access log included;
a thousand addresses of one hospital in turn, as no single one may be asked so often. On the other:
one worker of nginx (Debian's nginx-light) that serves the very bytes as a file, its access log on
too; and Radicale (``--radicale`` names the Python of an environment that has it) with the same
sixty events as one collection, filesystem storage, its own server. wrk asks on 16 kept connections
from the same machine, without gzip, two seconds a side and round; for 304 with the ETag that the
side gave. Once for each side it is looked whether the answer is what it must be.

The ratio is of answers a second by the clock, and, as wrk takes its share of the same two cores,
also of answers for each second of CPU that the server itself took. What a bare ASGI application
does that sends the same bytes on the same uvicorn, without a log, is the limit of the server that
we chose.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import subscribed
from benchmarks.rounds import Ratio, record
from scheduler import store
from tests.notifications.servers import free_port
from tests.web.server import Server

ROUNDS, SECONDS, CONNECTIONS, ADDRESSES = 9, 2, 16, 1000
TICKS = os.sysconf("SC_CLK_TCK")
ASK = """\
local lines, next = {}, 0
function init(args)
  for path in io.lines(args[1]) do
    lines[#lines + 1] = wrk.format("GET", path, {["If-None-Match"] = args[2], ["Authorization"] = args[3]})
  end
end
function request()
  next = next % #lines + 1
  return lines[next]
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("\\nanswers %d seconds %f wrong %d p50 %d p99 %d\\n", summary.requests,
    summary.duration / 1e6, e.status + e.read + e.connect + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""
NGINX = """\
user root;
daemon off; worker_processes 1; pid {root}/nginx.pid; error_log {root}/nginx.err;
events {{ worker_connections 512; }}
http {{
  access_log {root}/nginx.log; types {{ text/calendar ics; }} sendfile on; keepalive_requests 1000000;
  server {{ listen 127.0.0.1:{port}; root {root}/files; }}
}}
"""


@dataclass(frozen=True)
class Side:
    """A running server: the process whose CPU counts, its address, and what is asked of it."""

    process: int
    base: str
    paths: Path
    headers: Mapping[str, str]

    def first(self, **more: str) -> tuple[int, str, bytes]:
        """Ask once and return status, ETag and body."""
        path = self.paths.read_text().split()[0]
        asked = urllib.request.Request(self.base + path, headers={**self.headers, **more})
        try:
            with urllib.request.urlopen(asked) as got:
                return got.status, got.headers["etag"], got.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers["etag"], b""

    def ask(self, script: Path, tag: str = "") -> tuple[float, float]:
        """Return answers for each second by the clock, and for each second of the server's CPU."""
        before = cpu(self.process)
        words = [
            "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", str(script), self.base, "--",
            str(self.paths), tag, self.headers.get("Authorization", ""),
        ]  # fmt: skip
        said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        spent = cpu(self.process) - before
        found = re.search(r"answers (\d+) seconds ([\d.]+) wrong (\d+)", said)
        if found is None or int(found[3]):
            raise RuntimeError(f"{self.base} did not answer as it should:\n{said}")
        return int(found[1]) / float(found[2]), int(found[1]) / spent


def cpu(process: int) -> float:
    """Return the seconds of CPU that a process and its threads took until now."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def ours(root: Path) -> Iterator[Side]:
    """Run ``duban serve`` with the sixty events."""
    files = root / "own"
    subscribed.folders(files, 10)
    environ = {"DUBAN_WORKFLOWS": str(files / "workflows"), "DUBAN_ROSTERS": str(files / "rosters")}
    with Server(root / "data", **environ) as server:
        engine = store.connect(f"sqlite:///{root / 'data' / 'duban.db'}")
        secrets = subscribed.addresses(engine, ["da0"] * ADDRESSES)
        engine.dispose()
        paths = root / "ours.txt"
        paths.write_text("".join(f"/feeds/{one}.ics\n" for one in secrets))
        yield Side(server.process.pid, server.url, paths, {})


@contextmanager
def running(*words: str, **environ: str) -> Iterator[int]:
    """Run a server until it is not needed any more."""
    with subprocess.Popen(
        words, env=os.environ | environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)


def answering(side: Side) -> Side:
    """Wait until a side answers at all."""
    until = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", int(side.base.rpartition(":")[2]))).close()
            return side
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


@contextmanager
def nginx(root: Path, body: bytes) -> Iterator[Side]:
    """Run nginx with the bytes as a file."""
    port, file = free_port(), root / "files" / "feeds"
    file.mkdir(parents=True)
    (file / f"{'x' * 43}.ics").write_bytes(body)
    (root / "nginx.conf").write_text(NGINX.format(root=root, port=port))
    paths = root / "nginx.txt"
    paths.write_text(f"/feeds/{'x' * 43}.ics\n" * ADDRESSES)
    with running("nginx", "-c", str(root / "nginx.conf"), "-e", str(root / "nginx.err")) as main:
        side = answering(Side(main, f"http://127.0.0.1:{port}", paths, {}))
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        yield Side(int(children[0]), side.base, paths, {})


@contextmanager
def radicale(root: Path, python: str, body: bytes) -> Iterator[Side]:
    """Run Radicale with the same events as a collection."""
    port, paths = free_port(), root / "radicale.txt"
    paths.write_text("/u/c/\n")
    headers = {"Authorization": "Basic " + base64.b64encode(b"u:").decode()}
    words = [
        python, "-m", "radicale", "--server-hosts", f"127.0.0.1:{port}", "--auth-type", "none",
        "--server-max-connections", "32", "--logging-level", "error",
        "--storage-filesystem-folder", str(root / "radicale"),
    ]  # fmt: skip
    with running(*words, RADICALE_CONFIG="") as process:
        side = answering(Side(process, f"http://127.0.0.1:{port}", paths, headers))
        put = urllib.request.Request(
            side.base + "/u/c/", body, {**headers, "Content-Type": "text/calendar"}, method="PUT"
        )
        urllib.request.urlopen(put).close()
        yield side


@contextmanager
def bare(root: Path, body: bytes) -> Iterator[Side]:
    """Run an ASGI application that does nothing but send the bytes."""
    port, paths, file = free_port(), root / "bare.txt", root / "body.ics"
    file.write_bytes(body)
    paths.write_text("/feeds/x.ics\n" * ADDRESSES)
    words = [sys.executable, "-m", "benchmarks.p5_feeds", "--bare", str(port), str(file)]
    with running(*words) as process:
        yield answering(Side(process, f"http://127.0.0.1:{port}", paths, {}))


def serve_bare(port: int, body: bytes) -> None:
    """Serve some bytes, whatever is asked."""
    import uvicorn

    headers = [(b"content-type", b"text/calendar"), (b"content-length", b"%d" % len(body))]

    async def application(_scope: object, _receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": body})  # type: ignore[operator]

    config = uvicorn.Config(
        application, port=port, log_config=None, access_log=False, lifespan="off"
    )
    asyncio.run(uvicorn.Server(config).serve())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--radicale", metavar="PYTHON", help="of an environment with Radicale")
    parser.add_argument("--bare", nargs=2, metavar=("PORT", "FILE"), help="serve a file, barely")
    args = parser.parse_args()
    if args.bare:
        serve_bare(int(args.bare[0]), Path(args.bare[1]).read_bytes())
        return
    if not (shutil.which("wrk") and shutil.which("nginx")):
        raise SystemExit("needs wrk and nginx: apt install wrk nginx-light")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        root = Path(folder)
        root.chmod(0o755)
        script = root / "ask.lua"
        script.write_text(ASK)
        sides = {"duban": stack.enter_context(ours(root))}
        status, _, body = sides["duban"].first()
        assert (status, body.count(b"BEGIN:VEVENT")) == (200, subscribed.EVENTS)
        sides["nginx"] = stack.enter_context(nginx(root, body))
        sides["bare"] = stack.enter_context(bare(root, body))
        if args.radicale:
            sides["radicale"] = stack.enter_context(radicale(root, args.radicale, body))
        asks = {}
        for name, side in sides.items():
            status, tag, got = side.first()
            assert (status, got.count(b"BEGIN:VEVENT")) == (200, subscribed.EVENTS), name
            asks[name, 200] = partial(side.ask, script)
            if name in ("duban", "nginx"):
                assert side.first(**{"If-None-Match": tag})[0] == 304, name
                asks[name, 304] = partial(side.ask, script, tag)
        measure(asks, sides)


def measure(
    asks: Mapping[tuple[str, int], partial[tuple[float, float]]], sides: Mapping[str, Side]
) -> None:
    """Ask all sides in turn, round by round, and record the ratios."""
    found: dict[tuple[str, int], list[tuple[float, float]]] = {name: [] for name in asks}
    for ask in asks.values():
        ask()
    for _ in range(ROUNDS):
        for name, ask in asks.items():
            found[name].append(ask())
    for (side, status), values in found.items():
        middle = sorted(values)[len(values) // 2]
        print(f"{side} {status}: {middle[0]:.0f} answers/s, {middle[1]:.0f} for a second of CPU")
    goals = [
        ("P5 feed of 60 events, 200 / nginx's static file", ("duban", 200), ("nginx", 200)),
        ("P5 feed of 60 events, 304 / nginx's static file", ("duban", 304), ("nginx", 304)),
        ("P5 bare ASGI application, 200 / nginx's static file", ("bare", 200), ("nginx", 200)),
    ]
    if "radicale" in sides:
        goals.append(("P5 feed of 60 events, 200 / Radicale", ("duban", 200), ("radicale", 200)))
    for goal, one, other in goals:
        for kind, what in enumerate(("answers a second", "answers for a second of CPU")):
            pairs = zip(found[one], found[other], strict=True)
            ratio = Ratio(tuple(a[kind] / b[kind] for a, b in pairs))
            record(f"{goal}, {what}", ratio, "uvicorn", "httptools")


if __name__ == "__main__":
    main()
