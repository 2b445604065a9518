"""Real ``duban serve`` processes over the fictitious province, driven by settings alone."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.delivery.town import DOCUMENT, WORKFLOW, Town
from tests.setup.tree import ROOT

ANSWERS = 180.0  # real seconds; a machine may be busy, and six documents are adopted first
ADMIN = "admin@x.example"


def free_port() -> int:
    """Return a port that nobody listens on, below those that connections get of themselves.

    So nobody takes it while a server that had it is down.
    """
    while True:
        number = random.randint(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", number)):
            return number


def furnish(folder: Path, town: Town) -> dict[str, str]:
    """Write the town's files as an admin has them; return the settings that name them."""
    roster = folder / "rosters" / DOCUMENT
    roster.mkdir(parents=True)
    for name, text in town.tables().items():
        (roster / name).write_text(text, encoding="utf-8")
    workflows = folder / "workflows"
    workflows.mkdir()
    (workflows / f"{DOCUMENT}.yaml").write_text(WORKFLOW, encoding="utf-8")
    contacts = folder / "contacts.csv"
    rows = ["institution,role,office,email,from,until"]
    rows += [
        f"{one.institution},{one.role},{one.office},{one.email},,"
        for one in sorted(town.people(), key=lambda one: (one.institution, one.role))
    ]
    contacts.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return {
        "DUBAN_WORKFLOWS": str(workflows),
        "DUBAN_ROSTERS": str(folder / "rosters"),
        "DUBAN_CONTACTS": str(contacts),
        "DUBAN_MAIL_FROM": "duban@x.example",
        "DUBAN_ADMIN_EMAIL": ADMIN,
    }


def environ(settings: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with these settings and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DUBAN_")}
    return kept | {"PYTHONPATH": str(ROOT), **settings}


def duban(settings: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run another verb beside the processes."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "cli", *words],
        capture_output=True, text=True, env=environ(settings), cwd=ROOT, check=False, timeout=300,
    )  # fmt: skip


def outbox(settings: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what ``duban outbox`` says of every mail and notice."""
    done = duban(settings, "outbox", "--format", "json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@dataclass
class Replica:
    """One place where a process runs, is ended, and is started again, always on the same port.

    ``wrong``: processes that ended by themselves or did not answer, and what they printed that no
    process may print.
    """

    name: str
    folder: Path
    settings: Mapping[str, str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    started: float = 0
    starts: int = 0
    asleep: bool = False
    wrong: list[str] = field(default_factory=list)

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def start(self, at: str, rate: float) -> None:
        """Start a process whose clock begins at an instant, or later if the store is later."""
        with self.log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "cli", "serve", "--port", str(self.port),
                 "--at", at, "--rate", str(rate)],
                stdout=file, stderr=file, env=environ(self.settings), cwd=ROOT,
            )  # fmt: skip
        self.started, self.asleep = time.monotonic(), False
        self.starts += 1

    def answers(self) -> bool:
        """Return whether ``/healthz`` says that the process lives."""
        try:
            address = f"http://127.0.0.1:{self.port}/healthz"
            with urllib.request.urlopen(address, timeout=5) as said:
                return bool(said.status == 200)
        except OSError:
            return False

    def look(self) -> bool:
        """Return whether the process runs; one that ended by itself is noted."""
        if self.process is None:
            return False
        if (code := self.process.poll()) is not None:
            self.wrong.append(f"{self.name} ended by itself with {code}: {self.last_words}")
            self.process = None
            return False
        return True

    def wait(self) -> float | None:
        """Wait until it answers; return how many seconds that took, None where it does not."""
        began = time.monotonic()
        until = began + ANSWERS
        while self.look():
            if self.answers():
                return time.monotonic() - began
            if time.monotonic() > until:
                self.wrong.append(f"{self.name} does not answer: {self.last_words}")
                return None
            time.sleep(0.05)
        return None

    def sleep(self) -> None:
        """Stop the process where it stands."""
        self._send(signal.SIGSTOP)
        self.asleep = True

    def wake(self) -> None:
        """Let it go on."""
        self._send(signal.SIGCONT)
        self.asleep = False

    def kill(self) -> None:
        """End it at once, asleep or not."""
        if self.look():
            assert self.process is not None
            self.process.kill()
            self.process.wait()
            self.process, self.asleep = None, False

    def stop(self) -> None:
        """Ask it to end, as an init system does; it has to do so cleanly."""
        if not self.look():
            return
        assert self.process is not None
        young = not self.answers()  # while it starts, the signal ends it at once
        self.process.terminate()
        try:
            code = self.process.wait(ANSWERS)
        except subprocess.TimeoutExpired:
            self.wrong.append(f"{self.name} did not stop when asked: {self.last_words}")
            self.process.kill()
            code = self.process.wait()
        if code != 0 and not (young and code == -signal.SIGTERM):
            self.wrong.append(f"{self.name} stopped with {code}: {self.last_words}")
        self.process = None

    def _send(self, number: signal.Signals) -> None:
        if self.look():
            assert self.process is not None
            self.process.send_signal(number)

    @property
    def said(self) -> str:
        """Return all that its processes printed."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def last_words(self) -> str:
        return self.said[-1500:]

    @property
    def tracebacks(self) -> list[str]:
        """Return the last lines of each traceback that was printed."""
        found = re.findall(r"Traceback \(most recent.*?(?=\n\S)\n([^\n]+)", self.said, re.DOTALL)
        return [f"{self.name}: {one}" for one in found]
