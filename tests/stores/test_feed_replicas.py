"""Two services on one PostgreSQL: a change made through one is soon served by both, byte for byte."""

from __future__ import annotations

import re
import shutil
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import col

from notifications import tokens
from scheduler import store
from scheduler.tables import OccurrenceParty
from tests.notifications.feed_samples import events
from tests.scheduler.house import at
from tests.web.server import HERE, Server

pytestmark = pytest.mark.system

SOON = 2.0  # seconds after which no replica answers with what was so before a change
SUBSCRIBED = 40  # institutions with an address each
FACTS = (("completed", "✓ "), ("corrected", ""), ("completed", "✓ "), ("corrected", ""))
AT = ("--at", "2019-09-05T10:00:00+08:00", "--rate", "1")


def served(server: Server, path: str) -> httpx.Response:
    got = server.client.get(path, headers={"accept-encoding": "identity"})
    assert got.status_code == 200
    return got


def start(stack: ExitStack, folder: Path, shared: dict[str, str]) -> Server:
    """Start a replica; what it calls its address is the shared one, so ask it by its port."""
    folder.mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = stack.enter_context(Server(folder / "data", *AT, "--port", str(port), **shared))
    server.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
    return server


def both(servers: list[Server], path: str) -> list[tuple[bytes, str, str]]:
    answers = [served(one, path) for one in servers]
    return [(one.content, one.headers["etag"], one.headers["last-modified"]) for one in answers]


def test_a_change_on_one_replica_is_soon_served_by_the_other(
    tmp_path: Path, postgresql: str
) -> None:
    # One address for all of them, as behind a proxy.
    shared = {"DUBAN_DATABASE_URL": postgresql, "DUBAN_BASE_URL": "http://127.0.0.1:1"}
    with ExitStack() as stack:
        servers = []
        for number in range(2):
            servers.append(start(stack, tmp_path / f"replica-{number}", shared))
        recorder = servers[0]
        made = recorder.duban("token", "create", "baise-zhongyi-zhuguan", "--region", "--name", "x")
        assert made.returncode == 0, made.stderr
        path = made.stdout.strip().partition("/feeds/")[2]
        path = f"/feeds/{path}"
        first = both(servers, path)
        assert first[0] == first[1]
        text = first[0][0].decode().replace("\r\n ", "")
        key = re.search(r"UID:(guangxi-2019/resident-staff-list/baise[^@]+)@", text)
        assert key is not None
        last_old, uid = [], f"{key[1]}@duban"
        for kind, mark in FACTS:
            said = recorder.duban(
                "record", key[1], kind, *(["--reason", "误记"] * (kind == "corrected"))
            )
            assert said.returncode == 0, said.stderr
            begun, old = time.monotonic(), 0.0
            for server in reversed(servers):  # the other one first
                while True:
                    asked = time.monotonic() - begun
                    title = str(events(served(server, path).content)[uid]["SUMMARY"])
                    if title.startswith("✓ ") is bool(mark):
                        break
                    old = asked
                    assert old < 30
                    time.sleep(0.05)
            last_old.append(old)
            now = both(servers, path)
            assert now[0] == now[1]
        assert min(last_old) < SOON, last_old  # a busy machine may take longer now and then
        for variant in ("?alarms=1", "?frequent=1&kind=quota", "?kind=quota&frequent=1"):
            found = both(servers, path + variant)
            assert found[0] == found[1]
        assert servers[1].stop() == 0
        again = start(stack, tmp_path / "replica-2", shared)
        assert both([recorder, again], path) == [now[0], now[0]]  # a restart says nothing new


def edited(folder: Path) -> dict[str, str]:
    """Write the bundled documents as somebody's own, for another wording later."""
    for kind, source in (("workflows", "workflows/documents"), ("rosters", "config/rosters")):
        shutil.copytree(HERE / source, folder / kind)
    return {f"DUBAN_{kind.upper()}": str(folder / kind) for kind in ("workflows", "rosters")}


def test_after_an_edit_of_everything_both_soon_serve_the_same(
    tmp_path: Path, postgresql: str
) -> None:
    files = edited(tmp_path / "files")
    shared = {"DUBAN_DATABASE_URL": postgresql, "DUBAN_BASE_URL": "http://127.0.0.1:1", **files}
    with ExitStack() as stack:
        servers = [start(stack, tmp_path / f"replica-{number}", shared) for number in range(2)]
        engine = store.connect(postgresql)
        with store.writing(engine) as session:
            query = select(OccurrenceParty.institution).where(
                col(OccurrenceParty.key).startswith("guangxi-2019/resident-staff-list/")
            )
            owners = sorted(set(session.scalars(query)))[:SUBSCRIBED]
            paths = [
                f"/feeds/{tokens.create(session, owner, 'x', at('2019-09-05 10:00'))[1]}.ics"
                for owner in owners
            ]
        engine.dispose()
        assert len(paths) == SUBSCRIBED
        before = [both(servers, path) for path in paths]
        for file in (tmp_path / "files" / "workflows").glob("*.yaml"):
            text = file.read_text(encoding="utf-8")
            file.write_text(re.sub(r"(\n\s*(?:- )?title: ['\"]?)", r"\1新", text), encoding="utf-8")
        saved = str(tmp_path / "plan.json")
        assert servers[0].duban("plan", "--save", saved).returncode == 2
        said = servers[0].duban("apply", saved)
        assert said.returncode == 0, said.stderr
        begun, last_old = time.monotonic(), 0.0
        for path, old in zip(paths, before, strict=True):
            for server in reversed(servers):
                while True:
                    asked = time.monotonic() - begun
                    if served(server, path).content != old[0][0]:
                        break
                    last_old = asked
                    assert last_old < 30
        # Had they to wait for each other, the last would have come long after the first.
        assert last_old < 5 * SOON
        for path, old in zip(paths, before, strict=True):
            one, other = both(servers, path)
            assert one == other != old[0]
            assert "SUMMARY:新" in one[0].decode()
