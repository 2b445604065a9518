"""What is simulated is what happens: a year of rounds, and `duban serve` on a fast clock, send the
mails that `duban simulate` foretold.
"""

from __future__ import annotations

import csv
import email
import email.message
import email.policy
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from cli.context import opened
from cli.round import Rounds
from cli.simulated import mails
from cli.world import base_world
from notifications import links
from notifications.desk import Desk
from notifications.journal import Journal
from notifications.maildir import Maildir
from notifications.monitor import Monitor
from scheduler import queries, store
from scheduler.applying import adopt_bundled
from scheduler.loading import ROSTERS, Loaded
from scheduler.recording import Statement, record
from scheduler.world import World
from tests.setup.tree import ROOT
from tests.web.server import Server

ZONE = ZoneInfo("Asia/Shanghai")
DOCUMENT = "horqin-2023"
FIRST, LAST = date(2023, 3, 1), date(2024, 2, 29)
LEASE = timedelta(minutes=15)
REPORT = "horqin-2023/quarterly-report/kezuozhong-{}/2023-{}"
FACTS = (
    ("2023-06-20T10:00:00+08:00", REPORT.format("mengyiyuan", "jun"), "completed", None),
    ("2023-09-20T15:30:00+08:00", REPORT.format("renminyiyuan", "sep"), "acknowledged",
     "2023-10-09"),
    ("2023-12-28T09:00:00+08:00", REPORT.format("zhongyiyuan", "dec"), "waived", None),
)  # fmt: skip
RATE = 3600  # an hour of the service's clock in a second
DAYS = (date(2019, 9, 16), date(2019, 9, 23))


class Mail(NamedTuple):
    """A mail as its reader has it; ``body`` is all that its bytes say but for the moment."""

    message_id: str
    recipient: str
    subject: str
    day: date
    links: tuple[str, ...]
    body: bytes


def contacts(folder: Path) -> Path:
    """Write a list in which everybody of every document can be reached."""
    file = folder / "contacts.csv"
    found = {}
    for tables in sorted(ROSTERS.iterdir()):
        with (tables / "institutions.csv").open(encoding="utf-8") as rows:
            found.update(dict.fromkeys(row["id"] for row in csv.DictReader(rows)))
    with file.open("w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target)
        writer.writerow(["institution", "role", "office", "email", "from", "until"])
        for one in found:
            for role in ("liaison", "coordinator", "leader"):
                writer.writerow([one, role, "办公室", f"{role}@{one}.example", "", ""])
    return file


def surroundings(folder: Path) -> dict[str, str]:
    return {
        "DUBAN_DATA": str(folder / "data"),
        "DUBAN_CONTACTS": str(contacts(folder)),
        "DUBAN_BASE_URL": "https://duban.example",
        "DUBAN_MAIL_FROM": "duban@x.example",
    }


def facts(folder: Path) -> Path:
    file = folder / "facts.jsonl"
    lines = [
        {"at": at, "key": key, "fact": kind, "reason": "测试"} | ({"until": until} if until else {})
        for at, key, kind, until in FACTS
    ]
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return file


def simulated(environ: dict[str, str], outbox: Path, *words: str) -> list[dict[str, Any]]:
    command = [
        sys.executable, "-m", "cli", "simulate", *words, "--outbox", str(outbox), "--format", "json",
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, env=clean() | environ, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("DUBAN_")}


def read(folder: Path) -> dict[str, Mail]:
    """Return the mails of a Maildir by Message-ID."""
    return {mail.message_id: mail for mail in map(parsed, (folder / "new").iterdir())}


def parsed(file: Path) -> Mail:
    raw = file.read_bytes()
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    part = mail.get_body(("plain",))
    assert part is not None
    said = part.get_content()
    return Mail(
        mail["Message-ID"], mail["To"].addresses[0].addr_spec, mail["Subject"],
        mail["Date"].datetime.astimezone(ZONE).date(),
        tuple(re.findall(r"/items/([^\s?]+)", said)), unsealed(mail),
    )  # fmt: skip


def unsealed(mail: email.message.Message) -> bytes:
    """Return what a mail's bytes say, without the moment and what each store signs its links with."""
    # Mails of one morning leave at one instant in a simulation, and one after the other in truth.
    heads = [f"{name}: {' '.join(sorted(value.split()))}" for name, value in mail.items()
             if name != "Date"]  # fmt: skip
    parts = [part.get_content() for part in mail.walk() if not part.is_multipart()]  # type: ignore[attr-defined]
    return re.sub(r"(-\d\d\.)[\w-]{43}", r"\1", "\n".join([*heads, *parts])).encode()


def instants() -> Iterator[datetime]:
    """Yield when rounds are run: several a day, at the opening, and when something is recorded."""
    said = {datetime.fromisoformat(at).astimezone(ZONE) for at, *_ in FACTS}
    day = FIRST
    while day <= LAST:
        hours = {datetime(day.year, day.month, day.day, h, tzinfo=ZONE) for h in (0, 9, 14, 18, 22)}
        yield from sorted(hours | {at for at in said if at.date() == day})
        day += timedelta(days=1)


def lived(environ: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Run the rounds of `duban serve` through a year; return what its store says was sent."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    context = opened()
    base = base_world(context)
    loaded = Loaded(
        {DOCUMENT: context.loaded.documents[DOCUMENT]},
        {DOCUMENT: context.loaded.rosters[DOCUMENT]},
        context.loaded.workdays, (), {DOCUMENT: context.loaded.texts[DOCUMENT]},
    )  # fmt: skip
    engine = store.connect(f"sqlite:///{folder / 'duban.db'}", durable=False)
    store.migrate(engine)
    now = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=ZONE)
    with store.writing(engine) as session:
        adopt_bundled(session, loaded, now, base)
        queries.set_mark(session, links.MARK, links.REHEARSAL)
    world = replace(base, documents=loaded.documents, rosters=loaded.rosters)
    rounds = Rounds(
        engine, lambda: now, lambda: world, Maildir(folder / "mail"), "me", LEASE,
        Desk(Journal(folder / "journal", "me")), Monitor(None),
    )  # fmt: skip
    waiting = [(datetime.fromisoformat(at), key, kind, until) for at, key, kind, until in FACTS]
    for now in instants():  # the rounds look at it
        while waiting and waiting[0][0] <= now:
            _say(engine, waiting.pop(0), world)
        rounds.run()
    found = mails(engine, world)
    engine.dispose()
    return found


def _say(engine: Any, said: tuple[datetime, str, str, str | None], world: World) -> None:
    at, key, kind, until = said
    statement = Statement(key, kind, until=date.fromisoformat(until) if until else None,
                          reason="测试")  # fmt: skip
    with store.writing(engine) as session:
        record(session, statement, at, "测试", world)


def test_a_simulated_year_is_the_year_that_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = surroundings(tmp_path)
    words = ("--document", DOCUMENT, "--from", str(FIRST), "--to", str(LAST))
    foretold = simulated(
        environ, tmp_path / "foretold", *words, "--facts", str(facts(tmp_path))
    )
    happened = lived(environ, tmp_path, monkeypatch)
    assert len(foretold) > 200
    assert happened == foretold  # at, to, subject, items with rung and due, Message-ID, class, why
    assert {mail["class"] for mail in happened} == {"statutory", "ordinary"}
    said = {file.name: file.read_bytes() for file in (tmp_path / "foretold" / "new").iterdir()}
    sent = {file.name: file.read_bytes() for file in (tmp_path / "mail" / "new").iterdir()}
    assert len(said) == len(foretold)
    assert sent == said  # byte for byte


@pytest.mark.system
def test_serve_on_a_fast_clock_sends_what_was_foretold(tmp_path: Path) -> None:
    environ = surroundings(tmp_path)
    first, last = DAYS
    simulated(environ, tmp_path / "foretold", "--from", str(first), "--to", str(last))
    foretold = read(tmp_path / "foretold")
    assert len(foretold) > 40
    maildir = tmp_path / "data" / "mail" / "new"
    # The documents are applied in no hurry, for that takes a while of real time.
    with Server(tmp_path / "data", "--at", f"{first}T00:00:00+08:00", **environ) as server:
        assert server.stop() in (0, -signal.SIGTERM)  # it may not listen for signals yet
    at = ("--at", f"{first}T07:00:00+08:00", "--rate", str(RATE))
    ends = ((last - first).days * 24 + 12) * 3600 / RATE  # to the evening of the last day
    with Server(tmp_path / "data", *at, **environ) as server:
        until = time.monotonic() + ends + 120
        while not maildir.is_dir() or len(list(maildir.iterdir())) < len(foretold):
            assert time.monotonic() < until, server.said
            time.sleep(0.5)
        assert server.stop() == 0
    assert read(tmp_path / "data" / "mail") == foretold
