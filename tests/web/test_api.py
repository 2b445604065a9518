"""The API gives the rows of the command, by the same filters."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from scheduler.listing import stored
from scheduler.rows import row
from scheduler.selection import Selection
from tests.notifications.feed_samples import ONE
from tests.scheduler.house import JUNE, PLAN
from tests.web.service import Service, text
from web.api import KINDS, PHASES, Deadline


def rows(service: Service, query: str = "") -> list[dict[str, Any]]:
    answer = service.get(f"/api/deadlines{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def test_by_default_the_next_ninety_days_of_all_but_standing(admin: Service) -> None:
    chosen = Selection(("pair-2025",), date(2026, 3, 6), date(2026, 6, 4), KINDS, PHASES)
    assert rows(admin) == stored(admin.house.engine, chosen)
    assert PLAN in {one["key"] for one in rows(admin)}


def test_the_fields_are_those_of_the_command(admin: Service) -> None:
    fields = list(row(ONE))
    assert list(Deadline.model_fields) == fields
    assert all(list(one) == fields for one in rows(admin))
    for one in rows(admin, "?from=2025-01-01&to=2028-12-31&kind=event&kind=quota&kind=once"):
        Deadline.model_validate(one)


def test_filters(admin: Service) -> None:
    def keys(query: str) -> set[str]:
        return {one["key"] for one in rows(admin, query)}

    assert keys("?kind=once") == {PLAN, "pair-2025/unknown/all/once"}
    assert keys("?from=2026-06-20&to=2026-06-20") == {JUNE}
    assert keys("?kind=quota&institution=丙县人民医院") == set()
    assert PLAN in keys("?kind=once&institution=乙县人民医院")
    assert keys("?kind=once&institution=xiao&phase=open-ended") == set()
    assert keys("?document=pair-2025&to=2026-03-20&kind=once") == {PLAN}
    relations = {one["key"]: one["relation"] for one in rows(admin, "?institution=xiao")}
    assert relations[PLAN] == "assisting"
    assert {one["status"] for one in rows(admin)} == {"open"}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?document=none", "没有编号为“none”的文件"),
        ("?institution=none", "名册里没有“none”"),
        ("?from=2026-05-01&to=2026-04-01", "to 早于 from"),
        ("?from=gestern", "参数不对：from"),
        ("?kind=x", "参数不对：kind，可以写：once, recurring, fuzzy"),
        ("?to=2026-02-30", "参数不对：to"),
    ],
)
def test_wrong_questions_are_told_so(admin: Service, query: str, said: str) -> None:
    answer = admin.get(f"/api/deadlines{query}")
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


def test_the_last_day_of_the_calendar_is_a_day_too(admin: Service) -> None:
    assert rows(admin, "?from=9999-12-31") == []


def test_the_description_needs_no_session_and_the_page_no_other_host(service: Service) -> None:
    schema = service.get("/openapi.json").json()
    assert list(schema["paths"]) == ["/api/deadlines"]
    service.sign_in()
    page = text(service.get("/docs"))
    for word in ("/api/deadlines", "institution", "last_working_day", "列表（文字）"):
        assert word in page
