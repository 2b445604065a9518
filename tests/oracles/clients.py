"""Two calendar clients that nobody here wrote, set up as people set them up.

``refresh`` lets a client look for news and returns when it has got an answer; what it makes of it
may take a moment. ``shown`` is what it shows, by UID.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Protocol

from tests.oracles.outside import HERE, PYTHON, _day, needed
from tests.oracles.proxy import Proxy
from tests.oracles.readers import Seen, Year


class Client(Protocol):
    """What both can do."""

    path: str
    takes: float  # seconds in which it deals with an answer, generously

    def refresh(self) -> None: ...
    def shown(self) -> Year: ...


class Evolution:
    """Evolution's data server without a screen. It shows a change within a tenth of a second."""

    takes = 1.0

    def __init__(self, driver: subprocess.Popen[str], proxy: Proxy, path: str) -> None:
        self._driver, self._proxy, self.path = driver, proxy, path

    def ask(self, word: str) -> Any:
        """Tell the driver a word and return its answer."""
        assert self._driver.stdin
        assert self._driver.stdout
        print(word, file=self._driver.stdin, flush=True)
        said = self._driver.stdout.readline()
        assert said, "Evolution's driver ended"
        return json.loads(said)

    def refresh(self) -> None:
        # It fetches and takes in the answer in the background; asked again, it begins anew.
        before = self._proxy.answered(self.path)
        self.ask("refresh")
        self._proxy.wait(lambda: self._proxy.answered(self.path) > before)

    def shown(self) -> Year:
        return {
            uid: Seen(summary, description, _day(first), _day(end), status)
            for uid, (summary, description, first, end, status) in self.ask("show").items()
        }


@contextmanager
def evolution(folder: Path, proxy: Proxy, path: str) -> Iterator[Evolution]:
    """Run a data server of the test's own, with its own session bus, subscribed to a path."""
    needed("dbus-run-session")
    folder.mkdir()
    places = {
        name: str(folder)
        for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR")
    }
    with (folder / "log").open("w") as log:
        driver = subprocess.Popen(
            ["dbus-run-session", "--", PYTHON, "-I", str(HERE / "evolution_driver.py"),
             proxy.url + path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "GSETTINGS_BACKEND": "memory",
                 **places},
        )  # fmt: skip
        try:
            client = Evolution(driver, proxy, path)
            # Opening fetches; to ask again before that is over would break it off.
            proxy.wait(lambda: bool(client.shown()))
            yield client
        finally:
            driver.communicate(timeout=60)


class Khal:
    """vdirsyncer, which fetches into a folder, and khal, which shows what lies there."""

    takes = 0.0

    def __init__(self, folder: Path, url: str, path: str) -> None:
        needed("vdirsyncer")
        folder.mkdir()
        self.path, self._folder = path, folder
        self.said = ""
        (folder / "vdirsyncer").write_text(
            f'[general]\nstatus_path = "{folder}/status"\n'
            '[pair feed]\na = "there"\nb = "here"\ncollections = null\n'
            f'[storage there]\ntype = "http"\nurl = "{url}{path}"\n'
            f'[storage here]\ntype = "filesystem"\npath = "{folder}/events"\nfileext = ".ics"\n'
        )
        (folder / "khal").write_text(
            f"[calendars]\n[[feed]]\npath = {folder}/events\n"
            f"[sqlite]\npath = {folder}/khal.db\n"
            "[locale]\ndateformat = %Y-%m-%d\nlongdateformat = %Y-%m-%d\n"
        )
        (folder / "events").mkdir()
        self._run("vdirsyncer", "-c", str(folder / "vdirsyncer"), "discover")

    @property
    def _environ(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self._folder), "LC_ALL": "C.UTF-8"}

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False, env=self._environ,
        )  # fmt: skip

    def refresh(self) -> None:
        with self.refreshing():
            pass

    @contextmanager
    def refreshing(self) -> Iterator[subprocess.Popen[str]]:
        """Let vdirsyncer look for news meanwhile, and wait until it has."""
        with subprocess.Popen(
            ["vdirsyncer", "-c", str(self._folder / "vdirsyncer"), "sync"], env=self._environ,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        ) as looking:  # fmt: skip
            try:
                yield looking
                self.said, _ = looking.communicate(timeout=120)
            finally:
                looking.kill()
        assert "Traceback" not in self.said, self.said

    def shown(self) -> Year:
        columns = ("uid", "title", "description", "start-date", "end-date", "status")
        first = date.today() - timedelta(days=300)
        done = self._run(
            str(Path(sys.executable).with_name("khal")), "-c", str(self._folder / "khal"), "list",
            *(word for name in columns for word in ("--json", name)),
            first.isoformat(), "900d",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = {}
        for line in done.stdout.splitlines():  # a day a line
            for one in json.loads(line):
                last = date.fromisoformat(one["end-date"]) + timedelta(days=1)
                found[one["uid"]] = Seen(
                    one["title"],
                    one["description"],
                    date.fromisoformat(one["start-date"]),
                    last,
                    one["status"].strip(),
                )
        return found
