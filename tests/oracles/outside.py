"""Readers that are programs of their own: many files at once, so that starting them costs little.

Each takes a folder of feeds and returns, by file name, what a person would see, or Refused.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

from tests.oracles.readers import Refused, Seen, Year

HERE = Path(__file__).parent
NPM = HERE / "npm"
PYTHON = "/usr/bin/python3"  # the one for which Debian installs python3-gi
Answer = Mapping[str, Year | Refused]


def needed(*programs: str) -> None:
    """Assert that programs are there."""
    missing = [name for name in programs if shutil.which(name) is None]
    assert not missing, f"not installed (tools/system-packages.txt): {missing}"


def run(*command: str, **environ: str) -> str:
    """Return what a program prints; raises Refused with what it complains of."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C.UTF-8",
             **environ},
    )  # fmt: skip
    if done.returncode != 0:
        raise Refused(f"{command[0]}: {done.stdout[-500:]}{done.stderr[-2000:]}")
    return done.stdout


def by_libical(folder: Path) -> Answer:
    """Read by libical and hold against its tables of restrictions."""
    return _answers(run(PYTHON, "-I", str(HERE / "libical_reader.py"), *_files(folder)))


def by_ical_js(folder: Path) -> Answer:
    """Read by ical.js, as Thunderbird does."""
    return _by_node("ical.js", folder)


def by_node_ical(folder: Path) -> Answer:
    """Read by node-ical."""
    return _by_node("node-ical", folder)


def _by_node(name: str, folder: Path) -> Answer:
    script = str(NPM / "reader.mjs")
    # Where days begin elsewhere, a date taken for an instant shows as the day before.
    return _answers(
        run("node", script, str(installed()), name, *_files(folder), TZ="America/Los_Angeles")
    )


def installed() -> Path:
    """Return the folder with the packages of the lock file, installed there by npm at need."""
    needed("node", "npm")
    lock = (NPM / "package-lock.json").read_bytes()
    folder = Path(sys.prefix) / "oracles" / hashlib.sha256(lock).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # several workers test at the same time
        if not (folder / "ready").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(NPM / name, folder)
            done = subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=folder, capture_output=True, text=True, timeout=300, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            (folder / "ready").touch()
    return folder


def _files(folder: Path) -> list[str]:
    return [str(path) for path in sorted(folder.glob("*.ics"))]


def _answers(printed: str) -> Answer:
    return {Path(path).stem: _answer(said) for path, said in json.loads(printed).items()}


def _answer(said: Mapping[str, object]) -> Year | Refused:
    if "problem" in said:
        return Refused(str(said["problem"]))
    events = said["events"]
    assert isinstance(events, dict)
    return {
        uid: Seen(summary, description, _day(first), _day(end), status)
        for uid, (summary, description, first, end, status) in events.items()
    }


def _day(text: str) -> date:
    return datetime.strptime(text, "%Y%m%d").date()


OUTSIDE: Mapping[str, Callable[[Path], Answer]] = {
    "libical": by_libical,
    "ical.js": by_ical_js,
    "node-ical": by_node_ical,
}


def spans(year: Year) -> Counter[tuple[date, date, str]]:
    """Return the first and last days and the titles of events, which is what calcurse keeps."""
    return Counter(
        (seen.first, seen.end - timedelta(days=1), seen.summary) for seen in year.values()
    )


_DAY = r"\d\d/\d\d/\d{4}"
_LINE = re.compile(
    rf"({_DAY}) \[1\](?: \{{1D -> ({_DAY})\}})? ?(?:>[0-9a-f]{{40}} )?!?(.*)"
)


def by_calcurse(path: Path, folder: Path) -> Counter[tuple[date, date, str]]:
    """Return first and last days and titles as calcurse keeps them; raises Refused for what it skips.

    What takes several days it keeps as something that is so every day up to the last.
    """
    needed("calcurse")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    said = run("calcurse", "-D", str(folder), "-C", str(folder), "-i", str(path), TMPDIR=str(folder))
    if (skipped := re.search(r"(\d+) skipped", said)) is None or int(skipped[1]):
        raise Refused(said)
    found: Counter[tuple[date, date, str]] = Counter()
    for line in (folder / "apts").read_text(encoding="utf-8").removesuffix("\n").split("\n"):
        match = _LINE.fullmatch(line)
        assert match, line
        first, last, title = match.groups()
        found[_american(first), _american(last or first), title] += 1
    return found


def _american(text: str) -> date:
    return datetime.strptime(text, "%m/%d/%Y").date()
