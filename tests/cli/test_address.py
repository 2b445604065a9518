"""Services on one store without a set address begin their links alike."""

from __future__ import annotations

import socket
from pathlib import Path

from cli.address import remember, shared
from config.settings import load
from scheduler import store


def test_the_address_of_a_service_that_runs_is_shared_and_that_of_a_gone_one_is_not(
    tmp_path: Path,
) -> None:
    engine = store.connect(f"sqlite:///{tmp_path / 'duban.db'}")
    store.migrate(engine)
    unset = load({}, tmp_path)
    own = "http://127.0.0.1:9"
    with socket.create_server(("127.0.0.1", 0)) as other:
        first = f"http://127.0.0.1:{other.getsockname()[1]}"
        with store.writing(engine) as session:
            assert shared(session, unset, first) == first
            remember(session, first)
        with store.writing(engine) as session:
            assert shared(session, unset, own) == first
            given = load({"DUBAN_BASE_URL": "https://duban.example"}, tmp_path)
            assert shared(session, given, "https://duban.example") == "https://duban.example"
    with store.writing(engine) as session:
        assert shared(session, unset, own) == own
        remember(session, "gar bage")
        assert shared(session, unset, own) == own
