"""The key that signs links is made once on both databases, and the pages read both alike."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from notifications import links
from notifications.links import Scope
from scheduler import store
from tests.scheduler.house import JUNE, PLAN
from tests.stores.crowd import together
from tests.web.service import Service, text


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        found: str = request.getfixturevalue("postgresql")
        return found
    return f"sqlite:///{tmp_path / 'duban.db'}"


def signing_key(url: str) -> str:
    """Return the key, as the first mail of a process asks for it."""
    engine = store.connect(url)
    with store.writing(engine) as session:
        found = links.secret(session)
    engine.dispose()
    return found


def test_processes_that_begin_at_once_have_one_key(url: str) -> None:
    store.migrate(engine := store.connect(url))
    engine.dispose()
    found = together(3, signing_key, url)
    assert len(set(found)) == 1
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", found[0])


def test_what_is_reported_by_a_link_stands_on_every_page(url: str, tmp_path: Path) -> None:
    service = Service(tmp_path, url=url)
    with store.writing(service.house.engine) as session:
        scope = Scope(PLAN, "da", "liaison", date(2026, 6, 4))
        token = links.sign(links.secret(session), scope)
    person = {"confirmed": "1", "office": "医务科", "day": "20"}
    path = f"/act/{PLAN}?k={token}"
    wish = service.post(path, act="ask", until="2026-04-10", reason="人手不足", **person)
    assert wish.status_code == 303
    service.sign_in()
    page = text(service.get("/"))
    assert "延期申请 报送工作方案" in page
    assert "本周没有要报的" in page
    service.cookies.clear()
    assert service.post(path, act="submitted", **person).status_code == 303
    service.sign_in()
    page = text(service.get("/?institution=甲市人民医院"))
    assert "1 / 1" in service.get("/").text
    assert "延期申请" not in page
    for period in ("once", "2026"):
        assert "甲市人民医院 已报" in text(service.get(f"/ledger?period={period}"))
    june = {"document": "pair-2025", "period": "2026-jun", "everything": "1"}
    asked = service.post("/ledger/remind", **june, confirmed="1")
    assert asked.status_code == 303
    assert [one.rung for one in service.store.notices(JUNE)] == ["remind"]
    service.house.engine.dispose()
    service.store.engine.dispose()
