"""A year in two real clients: what is added, changed, moved, done, cancelled, and what fails.

A real service, real verbs, Evolution's data server and vdirsyncer with khal, each at an address of
its own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.oracles.clients import Client, Evolution, Khal, evolution
from tests.oracles.proxy import Proxy, standing_before
from tests.scheduler.house import TABLES
from tests.web.server import Server

pytestmark = pytest.mark.system

TODAY = date.today()  # the service and both clients go by the real clock
SOON, LATER, MOVED = (TODAY + timedelta(days=days) for days in (40, 80, 95))
HEAD = f"""\
id: pair-2025
number: 某卫发〔2025〕1号
title: 结对帮扶通知
issuers: [ju]
issued: 2025-01-10
validity: {{core_until: {TODAY.year + 2}-12-31, clause: 二, phrase: 长期}}
roles:
  supporter: {{name: 支援医院, side: supporter}}
  bureau: {{name: 省局, institution: ju}}
obligations:
"""
DUTY = """\
  - {{id: {id}, title: '{title}', kind: once, clauses: [三], phrase: 按期报送, per: pairing,
     responsible: supporter, recipients: [bureau], rule: {{on: {due}}}}}
"""
UID = "pair-2025/{}/da.xiao/once@duban"
Duties = dict[str, tuple[str, date]]
Told = dict[str, tuple[str, date, str]]


@dataclass
class Stage:
    """A service whose document is edited, and the clients that follow it."""

    folder: Path
    server: Server
    proxy: Proxy
    clients: dict[str, Client]

    def apply(self, duties: Duties) -> None:
        """Edit the document and apply it, as an admin does."""
        write(self.folder, duties)
        saved = self.folder / "saved.json"
        planned = self.server.duban("plan", "--save", str(saved))
        assert planned.returncode == 2, planned.stdout + planned.stderr
        applied = self.server.duban("apply", str(saved))
        assert applied.returncode == 0, applied.stderr
        saved.unlink()

    def done(self, *words: str) -> str:
        """Run a verb and return what it prints."""
        said = self.server.duban(*words)
        assert said.returncode == 0, said.stderr
        return said.stdout.strip()

    def followed_by(self, *programs: str) -> bool:
        """Return whether the admin is told that these were the last to fetch."""
        listed = self.done("token", "list").lower()
        return all(one in listed for one in programs)

    def served(self, text: str) -> None:
        """Wait until the service itself serves a text to every client that has not lost its address."""
        for client in self.clients.values():
            self.proxy.wait(lambda path=client.path: self._has(path, text))  # type: ignore[misc]

    def _has(self, path: str, text: str) -> bool:
        reply = self.server.client.get(path)
        return reply.status_code == 410 or text in reply.text.replace("\r\n ", "")

    def see(self, expected: Told, *names: str) -> None:
        """Let clients look for news, and wait until they show what they should."""
        for name in names or self.clients:
            self.clients[name].refresh()
            self.proxy.wait(lambda client=self.clients[name]: told(client) == expected)  # type: ignore[misc]

    def keep(self, expected: Told, *names: str) -> None:
        """Let clients look for news, and assert that what they show is not touched by the answer."""
        for name in names or self.clients:
            self.clients[name].refresh()
            takes = self.clients[name].takes
            until = time.monotonic() + takes
            while True:
                assert told(self.clients[name]) == expected, name
                if time.monotonic() >= until:
                    break
                time.sleep(takes / 5)


def told(client: Client) -> Told:
    """Return title, day and status of what a client shows of the document, by obligation."""
    found = {}
    for seen in client.shown().values():  # vdirsyncer gives UIDs of its own
        assert seen.end == seen.first + timedelta(days=1)
        assert "按期报送" in seen.description
        link = re.search(r"/items/pair-2025/(\w+)/", seen.description)
        assert link is not None, seen
        found[link[1]] = (seen.summary, seen.first, seen.status)
    return found


def write(folder: Path, duties: Duties) -> None:
    """Write the document of these duties, and its roster."""
    text = HEAD + "".join(
        DUTY.format(id=id_, title=title, due=due) for id_, (title, due) in duties.items()
    )
    file = folder / "workflows" / "pair-2025.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    roster = folder / "rosters" / "pair-2025"
    roster.mkdir(parents=True, exist_ok=True)
    for name, table in TABLES.items():
        (roster / name).write_text(table, encoding="utf-8")


PLAN, REPORT = ("报送工作方案", SOON), ("报送总结", LATER)
OPEN = "CONFIRMED"


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Run the service, the proxy and both clients; each has seen the first two duties."""
    write(folder, {"plan": PLAN, "report": REPORT})
    places = {
        "DUBAN_WORKFLOWS": str(folder / "workflows"),
        "DUBAN_ROSTERS": str(folder / "rosters"),
    }
    with ExitStack() as stack:
        server = stack.enter_context(Server(folder / "data", **places))
        proxy = stack.enter_context(standing_before(server.url))
        stage = Stage(folder, server, proxy, {})
        paths = [
            stage.done("token", "create", "甲市人民医院", "--name", name).removeprefix(server.url)
            for name in ("evolution", "khal")
        ]
        proxy.wait(lambda: all(server.client.get(path).status_code == 200 for path in paths))
        stage.clients["evolution"] = stack.enter_context(
            evolution(folder / "evolution", proxy, paths[0])
        )
        stage.clients["khal"] = Khal(folder / "khal", proxy.url, paths[1])
        yield stage


def test_two_clients_show_what_is_so_and_keep_it_when_nothing_can_be_had(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        proxy, khal, evolution = stage.proxy, stage.clients["khal"], stage.clients["evolution"]
        assert isinstance(khal, Khal)
        assert isinstance(evolution, Evolution)
        shown = {"plan": (*PLAN, OPEN), "report": (*REPORT, OPEN)}
        stage.see(shown)

        # Added.
        visit = ("下乡巡诊，带\"仪器\"；见附件:1", LATER)
        stage.apply({"plan": PLAN, "report": REPORT, "visit": visit})
        stage.served("下乡巡诊")
        shown["visit"] = (*visit, OPEN)
        stage.see(shown)

        # Another wording.
        plan = ("报送工作方案（修订）", SOON)
        stage.apply({"plan": plan, "report": REPORT, "visit": visit})
        stage.served(plan[0])
        shown["plan"] = (*plan, OPEN)
        stage.see(shown)

        # Moved.
        report = (REPORT[0], MOVED)
        stage.apply({"plan": plan, "report": report, "visit": visit})
        stage.served(f"DTSTART;VALUE=DATE:{MOVED:%Y%m%d}")
        shown["report"] = (*report, OPEN)
        stage.see(shown)

        # Done.
        stage.done("record", UID.format("plan").removesuffix("@duban"), "completed")
        stage.served("✓")
        shown["plan"] = (f"✓ {plan[0]}", SOON, OPEN)
        stage.see(shown)

        # No longer owed.
        stage.apply({"plan": plan, "report": report})
        stage.served("STATUS:CANCELLED")
        shown["visit"] = (f"【取消】{visit[0]}", LATER, "CANCELLED")
        stage.see(shown)

        # Nothing new: told as such to Evolution, which names what it has; vdirsyncer does not.
        stage.keep(shown)
        assert [one.status for one in proxy.asked[-2:]] == [304, 200]
        proxy.wait(lambda: stage.followed_by("evolution", "vdirsyncer"))

        # Another text under the same stamps: Evolution does not look at it.
        same_stamps = stage.server.client.get(evolution.path).content
        proxy.instead = same_stamps.replace("报送总结".encode(), "报送汇总".encode())
        assert proxy.instead != same_stamps
        stage.keep(shown, "evolution")
        proxy.instead = b""

        # The server fails: what was there stays, although there is a change to be had.
        report = ("报送年度总结", MOVED)
        stage.apply({"plan": plan, "report": report})
        stage.served(report[0])
        for status in (503, 500, 502):
            proxy.status = status
            stage.keep(shown)
        # The server dawdles: the change comes with the answer, and until then khal shows what was
        # there. (Evolution's data server itself waits when asked in between, so what it shows
        # meanwhile cannot be told.)
        proxy.status, proxy.slow, begun = 0, True, proxy.begun
        evolution.ask("refresh")
        with khal.refreshing() as looking:
            proxy.wait(lambda: proxy.begun > begun + 1)
            assert told(khal) == shown
            assert looking.poll() is None  # it still waits for the answer
            proxy.release()
        shown["report"] = (*report, OPEN)
        assert told(khal) == shown
        stage.see(shown)

        # The line breaks in the middle of an answer. Evolution takes half of one for an empty
        # calendar; the next whole one mends that.
        stage.done("record", UID.format("report").removesuffix("@duban"), "completed")
        stage.served(f"✓ {report[0]}")
        proxy.cut = True
        stage.keep(shown, "khal")
        evolution.refresh()
        proxy.wait(lambda: told(evolution) == {})
        proxy.cut = False
        shown["report"] = (f"✓ {report[0]}", MOVED, OPEN)
        stage.see(shown)

        # An address that is revoked: its client keeps what it has, the other one goes on.
        stage.done("token", "revoke", "1")
        proxy.wait(lambda: stage.server.client.get(evolution.path).status_code == 410)
        done = UID.format("plan").removesuffix("@duban")
        stage.done("record", done, "returned", "--reason", "补盖章")
        stage.served(f"SUMMARY:{plan[0]}")
        stage.keep(shown, "evolution")
        assert proxy.asked[-1].status == 410
        shown["plan"] = (*plan, OPEN)
        stage.see(shown, "khal")
        stage.done("token", "revoke", "2")
        proxy.wait(lambda: stage.server.client.get(khal.path).status_code == 410)
        stage.keep(shown, "khal")
        assert "Gone" in khal.said

        assert stage.server.stop() == 0
        for path in (evolution.path, khal.path):
            assert path not in stage.server.said
