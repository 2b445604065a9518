"""The first page and the doctor say when mail stands still, is held, or fails its proof."""

from __future__ import annotations

import pytest
from sqlmodel import Session

from cli.__main__ import main
from notifications import fuse, pause, proof
from notifications.gather import gather
from scheduler.queries import NOTICES
from scheduler.store import writing
from tests.web.service import Service, text


@pytest.fixture
def troubled(service: Service) -> Service:
    service.tick("2026-03-06 09:30")
    with writing(service.house.engine) as session:
        pause.begin(session, service.now, "535 no")
        fuse.trip(session, service.now, service.house.world, "到今天为止要提醒 60 项")
    with Session(service.house.engine, expire_on_commit=False) as session:
        gather(session, service.now, service.house.world)
    with writing(service.house.engine) as session:
        session.execute(NOTICES.update().values(reason="已办结"))
    proof.hourly(service.house.engine, service.now, service.house.world)
    return service


def test_the_first_page_says_so(troubled: Service) -> None:
    troubled.sign_in()
    said = text(troubled.get("/"))
    assert "发信已暂停：535 no" in said
    assert "普通提醒已扣住：到今天为止要提醒 60 项" in said
    assert "duban outbox release" in said
    assert "发件箱核对有误 2 处" in said


def test_without_trouble_it_says_nothing(service: Service) -> None:
    service.tick("2026-03-06 09:30")
    proof.hourly(service.house.engine, service.now, service.house.world)
    service.sign_in()
    said = text(service.get("/"))
    assert "扣住" not in said
    assert "核对有误" not in said


def test_the_doctor_says_so(
    troubled: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DUBAN_DATA", str(troubled.settings.data))
    monkeypatch.setenv("DUBAN_DATABASE_URL", str(troubled.house.engine.url))
    main(["doctor"])
    said = capsys.readouterr().out
    assert "■ 普通提醒已扣住" in said
    assert "2 处有误" in said
    assert "又记着未发的原因“已办结”" in said
