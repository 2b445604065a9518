"""`duban serve` several times on one store: started at once, paused, killed, cut off, its database
down and back. Each mail goes once, nothing is lost, and no process ends by itself.
"""

from __future__ import annotations

import csv
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from scheduler import queries, store
from scheduler.loading import ROSTERS
from tests.mailserver.running import Running, running
from tests.stores.postgresql import cut
from tests.stores.stopping import Stoppable
from tests.web.server import Server

AT = ("--at", "2019-09-06T08:59:00+08:00", "--rate", "30")
MAILS = 17  # on the morning of 2019-09-06, one a mailbox
LEASE = 300  # seconds of the service's clock: ten real ones
SLOW = {"at": "dot", "do": "delay", "ms": 200, "kept": True}

pytestmark = pytest.mark.system


def contacts(folder: Path) -> Path:
    """Write who is reached in one document: a liaison and a coordinator each."""
    file = folder / "contacts.csv"
    institutions = ROSTERS / "guangxi-2019" / "institutions.csv"
    with (
        institutions.open(encoding="utf-8") as source,
        file.open("w", newline="", encoding="utf-8") as target,
    ):
        writer = csv.writer(target)
        writer.writerow(["institution", "role", "office", "email", "from", "until"])
        for name in (row["id"] for row in csv.DictReader(source)):
            for role in ("liaison", "coordinator"):
                writer.writerow([name, role, "办公室", f"{role}@{name}.example", "", ""])
    return file


def until(true: Callable[[], object], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.1)


class Cluster:
    """Replicas on one database, with a mail server."""

    def __init__(self, folder: Path, url: str, count: int, mail: Running) -> None:
        self.folder, self.url, self.mail = folder, url, mail
        self.environ = {
            "DUBAN_CONTACTS": str(contacts(folder)),
            "DUBAN_SMTP_HOST": "127.0.0.1",
            "DUBAN_SMTP_PORT": str(mail.port),
            "DUBAN_SMTP_TLS": "none",
            "DUBAN_SMTP_TIMEOUT": "5",
            "DUBAN_LEASE": str(LEASE),
        }
        if url.startswith("postgresql"):  # each with a folder of its own
            self.environ["DUBAN_DATABASE_URL"] = url
        else:  # all in the folder with the file
            self.environ["DUBAN_DATA"] = str(folder / "data")
        self.engine = store.connect(url)
        self.replicas = [self.start(number) for number in range(count)]  # all at once

    def start(self, number: int) -> Server:
        own = self.folder / f"replica-{number}"
        own.mkdir(exist_ok=True)
        return Server(own / "data", *AT, **self.environ)

    def states(self) -> Counter[str]:
        column = queries.MESSAGES.c
        try:
            with store.reading(self.engine) as session:
                rows = session.execute(select(column.state, func.count()).group_by(column.state))
                return Counter({row.state: row[1] for row in rows})
        except Exception:
            return Counter(ready=1)  # not there just now

    @property
    def quiet(self) -> bool:
        """Return whether all that was to be sent has left, or waits for the admin."""
        states = self.states()
        return bool(states) and not sum(states[s] for s in ("ready", "sending", "handing"))

    def judge(self) -> Counter[str]:
        """Hold the outbox against what the server has; return how many are in which state."""
        got = Counter(one.message_id for one in self.mail.accepted)
        with store.reading(self.engine) as session:
            messages = session.execute(select(queries.MESSAGES)).all()
            notices = session.execute(select(queries.NOTICES)).all()
            versions = session.execute(select(queries.VERSIONS.c.document)).scalars().all()
        assert len(versions) == len(set(versions)) == 5  # adopted once
        for row in messages:
            times = got.pop(row.message_id, 0)
            said = f"{row.recipient}: {row.state}, {times} times, {row.reply}"
            if row.state == "sent":
                assert times == 1 or (row.statutory and row.handed == times == 2), said
            else:
                assert row.state == "in_doubt", said
                assert times <= 2 if row.statutory else times <= 1, said
        assert not got, "mails that nobody knows"
        places = Counter((n.recipient, n.key, n.rung, n.due) for n in notices)
        assert set(places.values()) == {1}
        assert all((n.message_id is None) is (n.reason is not None) for n in notices)
        return Counter(row.state for row in messages)


@contextmanager
def alive(folder: Path, url: str, count: int, *rules: dict[str, Any]) -> Iterator[Cluster]:
    """Run replicas, all started at the same moment on an empty database, until all are up."""
    with running(folder / "mail", *rules) as mail, ExitStack() as stack:
        group = Cluster(folder, url, count, mail)
        stack.callback(group.engine.dispose)
        for one in group.replicas:
            stack.callback(end, one)
        for one in group.replicas:
            stack.enter_context(one)
        yield group


def end(server: Server) -> None:
    if server.process.poll() is None:
        server.process.send_signal(signal.SIGCONT)
        server.process.kill()
    server.process.wait(10)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        found: str = request.getfixturevalue("postgresql")
        return found
    return f"sqlite:///{tmp_path / 'data' / 'duban.db'}"


def test_started_at_once_one_paused_one_killed_all_mail_goes_once(url: str, tmp_path: Path) -> None:
    count = 3 if url.startswith("postgresql") else 2
    with alive(tmp_path, url, count, SLOW) as group:
        until(lambda: len(group.mail.accepted) >= 2)
        sleeper, victim = group.replicas[0], group.replicas[-1]
        os.kill(sleeper.process.pid, signal.SIGSTOP)
        time.sleep(1)
        if count > 2:
            victim.process.kill()
            victim.process.wait()
        try:
            if count > 2:  # on SQLite it may sleep on the one write lock, and all wait for it
                until(lambda: group.states()["sent"] >= 5)
            time.sleep(LEASE / 30 + 1)  # past its lease
        finally:
            os.kill(sleeper.process.pid, signal.SIGCONT)
        until(lambda: group.quiet)
        states = group.judge()  # what was in the sleeper's and the victim's hands may be in doubt
        assert states.total() == MAILS
        assert states["sent"] >= MAILS - 4 * (count - 1)
        until(lambda: sleeper.client.get("/readyz").status_code == 200)
        for one in group.replicas[: 2 if count > 2 else None]:
            assert one.process.poll() is None
            assert one.stop() == 0
            assert "Traceback" not in one.said


def test_connections_that_are_cut_again_and_again(postgresql: str, tmp_path: Path) -> None:
    with alive(tmp_path, postgresql, 3, SLOW) as group:
        until(lambda: group.mail.accepted)
        for _ in range(12):
            cut(postgresql)
            time.sleep(0.4)
        until(lambda: group.quiet, 120)
        assert group.judge()["sent"] >= MAILS - 4
        for one in group.replicas:
            assert one.process.poll() is None
            until(lambda one=one: one.client.get("/readyz").status_code == 200)


def test_the_database_goes_and_comes_back(tmp_path: Path) -> None:
    with Stoppable() as database, alive(tmp_path, database.url, 2, SLOW) as group:
        one = group.replicas[0]
        address = one.duban("token", "create", "mashan-zhongyiyiyuan", "--name", "x").stdout.strip()
        assert one.client.get(address).status_code == 200
        one.sign_in()
        until(lambda: group.mail.accepted)
        database.stop()
        time.sleep(3)
        assert one.client.get("/healthz").status_code == 200
        assert one.client.get("/readyz").status_code == 503
        assert one.client.get(address).status_code == 200  # from memory
        unknown = one.client.get(f"/feeds/{'A' * 43}.ics")
        assert (unknown.status_code, unknown.headers["retry-after"]) == (503, "60")
        page = one.client.get("/")
        assert (page.status_code, "数据库暂时用不了" in page.text) == (503, True)
        said = one.duban("outbox")
        assert (said.returncode, "数据库连不上" in said.stderr) == (1, True), said.stderr
        database.start()
        until(lambda: group.quiet, 120)
        assert group.judge().total() == MAILS
        for each in group.replicas:
            until(lambda each=each: each.client.get("/readyz").status_code == 200)
            assert "巡查没有完成：数据库连不上" in each.said
            until(lambda each=each: "巡查：已恢复" in each.said)
            assert "Traceback" not in each.said
            assert each.stop() == 0


def test_a_start_waits_for_the_database(tmp_path: Path) -> None:
    with Stoppable() as database:
        database.stop()
        server = Server(tmp_path / "data", DUBAN_DATABASE_URL=database.url)
        until(lambda: "数据库连不上，等它" in server.said)
        database.start()
        with server:
            assert server.client.get("/healthz").status_code == 200
            assert server.stop() == 0
