"""Readiness tells what is wrong; figures are given only where asked for."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from notifications import claims, pause
from notifications.gather import gather
from scheduler.queries import MESSAGES
from scheduler.store import writing
from tests.web.service import Service
from web.health import Check, MailServer


def failing(service: Service) -> set[str]:
    answer = service.get("/readyz")
    checks = answer.json()["checks"]
    found = {name for name, check in checks.items() if not check["ok"]}
    assert answer.status_code == (503 if found else 200)
    assert answer.json()["status"] == ("failing" if found else "ok")
    return found


def test_ready_once_it_has_ticked(service: Service) -> None:
    assert failing(service) == {"tick"}
    service.tick("2026-03-06 09:30")
    assert failing(service) == set()


def test_a_stale_tick_fails(service: Service) -> None:
    service.tick("2026-03-06 09:30")
    service.now += timedelta(minutes=10)
    assert failing(service) == set()
    service.now += timedelta(seconds=1)
    assert failing(service) == {"tick"}


def test_a_fast_clock_ages_faster(tmp_path: Path) -> None:
    service = Service(tmp_path, rate=60.0)
    service.tick("2026-03-06 09:30")
    service.now += timedelta(hours=9)
    assert failing(service) == set()


def test_mail_that_does_not_leave_fails(service: Service) -> None:
    service.tick("2026-03-06 09:30")
    with Session(service.house.engine, expire_on_commit=False) as session:
        assert gather(session, service.now, service.house.world).composed == 2
    assert failing(service) == set()
    service.tick("2026-03-06 11:31")
    assert failing(service) == {"outbox"}


def test_a_store_that_is_not_there_fails(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    def broken(*_: object) -> None:
        raise OperationalError("select", {}, Exception("disk I/O error"))

    monkeypatch.setattr("web.health.mark", broken)
    assert failing(service) == {"database"}


def test_a_mail_server_is_asked_once_a_minute(service: Service) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        service.house.settings = replace(
            service.settings, smtp_host="127.0.0.1", smtp_port=port
        )
        mail = MailServer(service.house)
        assert mail() == Check(True, "邮件服务器可以连接")
    assert mail().good  # believed for a while
    closed = MailServer(service.house)()
    assert not closed.good
    assert closed.said.startswith("邮件服务器连不上")


def test_figures_are_off_by_default(service: Service, tmp_path: Path) -> None:
    assert service.get("/metrics").status_code == 404
    watched = Service(tmp_path / "watched", metrics=True)
    watched.tick("2026-03-06 09:30")
    figures = watched.get("/metrics").text
    assert "duban_notices_pending 2\n" in figures
    assert "duban_last_tick_timestamp_seconds 1772760600\n" in figures


def test_mail_that_is_refused_every_hour_is_old_all_the_same(service: Service) -> None:
    service.tick("2026-03-06 09:30")
    with Session(service.house.engine, expire_on_commit=False) as session:
        gather(session, service.now, service.house.world)
    service.tick("2026-03-06 11:31")
    with writing(service.house.engine) as session:
        later = service.now + timedelta(minutes=30)
        session.execute(MESSAGES.update().values(attempt=5, next_try_at=later))
    assert failing(service) == {"outbox"}


def _said(service: Service) -> str:
    said: str = service.get("/readyz").json()["checks"]["outbox"]["said"]
    return said


@pytest.mark.parametrize(
    ("state", "again", "reason", "fails"),
    [
        ("handing", False, None, True),
        ("in_doubt", True, claims.DOUBT, True),  # to be repeated, and was not
        ("in_doubt", False, claims.LEFT_TO_ADMIN, False),
        ("in_doubt", False, claims.DONE_MEANWHILE, False),
        ("in_doubt", True, claims.ASKED, False),  # since a moment
    ],
)
def test_doubt_that_is_not_cleared_up_fails_what_waits_for_the_admin_is_said(
    service: Service, state: str, again: bool, reason: str | None, fails: bool
) -> None:
    service.tick("2026-03-06 09:30")
    with Session(service.house.engine, expire_on_commit=False) as session:
        gather(session, service.now, service.house.world)
    service.tick("2026-03-06 11:31")
    left = reason == claims.LEFT_TO_ADMIN
    with writing(service.house.engine) as session:
        at = service.now if again else None
        session.execute(
            MESSAGES.update().values(state=state, handed=1, next_try_at=at, reason=reason)
        )
    assert failing(service) == ({"outbox"} if fails else set())
    assert ("2 封不能确定邮件服务器是否收下，等管理员决定" in _said(service)) == left
    service.tick("2026-03-06 13:32")
    if reason == claims.ASKED:
        assert failing(service) == {"outbox"}


def test_a_queue_that_stands_still_fails(service: Service) -> None:
    service.tick("2026-03-06 09:30")
    with writing(service.house.engine) as session:
        pause.begin(session, service.now, "连续 3 封交出后没有得到答复")
    assert failing(service) == {"outbox"}
    assert _said(service).startswith("发信已暂停：连续 3 封")
    with writing(service.house.engine) as session:
        pause.end(session, service.now)
    assert failing(service) == set()


def test_a_pause_that_is_over_but_for_a_mail_to_find_it_out_fails_while_mail_waits(
    service: Service,
) -> None:
    service.tick("2026-03-06 09:30")
    with writing(service.house.engine) as session:
        pause.begin(session, service.now - timedelta(minutes=5), "连续 3 封交出后没有得到答复")
    assert failing(service) == set()  # there is nothing to send
    assert _said(service).startswith("发信暂停过，下一封会试出邮件服务器是否已通：连续 3 封")
    with Session(service.house.engine, expire_on_commit=False) as session:
        gather(session, service.now, service.house.world)
    assert failing(service) == {"outbox"}


def test_an_outbox_that_fails_its_proof_fails(service: Service) -> None:
    from notifications import proof
    from scheduler.queries import NOTICES

    service.tick("2026-03-06 09:30")
    with Session(service.house.engine, expire_on_commit=False) as session:
        gather(session, service.now, service.house.world)
    proof.hourly(service.house.engine, service.now, service.house.world)
    assert failing(service) == set()
    with writing(service.house.engine) as session:
        session.execute(NOTICES.update().values(reason="已办结"))
    proof.hourly(service.house.engine, service.now + timedelta(hours=1), service.house.world)
    assert failing(service) == {"proof"}
