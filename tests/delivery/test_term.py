"""Asked to stop while it has a mail in its hands, a service finishes that one and takes no other."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from scheduler import queries, store
from tests.delivery.test_virtual_year import surroundings
from tests.mailserver.running import Running, running
from tests.web.server import Server

pytestmark = pytest.mark.system

AT = ("--at", "2019-09-18T08:59:00+08:00", "--rate", "60")  # statutory mail for seventeen mailboxes
MAILS = 17
SLOW = {"at": "dot", "do": "delay", "ms": 1500, "kept": True}


def until(true: Callable[[], object], server: Server, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, server.said
        time.sleep(0.05)


def states(folder: Path) -> Counter[str]:
    engine = store.connect(f"sqlite:///{folder / 'data' / 'duban.db'}")
    with store.reading(engine) as session:
        found = Counter(session.execute(select(queries.MESSAGES.c.state)).scalars())
    engine.dispose()
    return found


def service(folder: Path, mail: Running) -> Server:
    environ = surroundings(folder) | {
        "DUBAN_SMTP_HOST": "127.0.0.1",
        "DUBAN_SMTP_PORT": str(mail.port),
        "DUBAN_SMTP_TLS": "none",
    }
    return Server(folder / "data", *AT, **environ)


def test_what_is_in_hand_is_finished_and_nothing_else_begun(tmp_path: Path) -> None:
    with running(tmp_path / "mail", SLOW) as mail:
        with service(tmp_path, mail) as server:
            # A mail is on the server's disk, and its 250 is 1.5 seconds away.
            until(lambda: mail.accepted, server)
            assert server.stop() == 0
            assert "Traceback" not in server.said
        left = states(tmp_path)
        assert set(left) == {"sent", "ready"}  # nothing in doubt, nothing in anybody's hands
        assert left["sent"] == len(mail.accepted)
        assert left["ready"] > 0
        mail.misbehave()
        with service(tmp_path, mail) as server:
            until(lambda: len(mail.accepted) >= left.total(), server)
            until(lambda: not states(tmp_path)["handing"], server)
            assert server.stop() == 0
        assert states(tmp_path)["sent"] == len(mail.accepted) >= MAILS
        assert set(Counter(one.message_id for one in mail.accepted).values()) == {1}
