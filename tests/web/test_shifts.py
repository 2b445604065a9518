"""The page of stationing: what it shows, what its forms record, and how it looks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from scheduler import queries, shifts
from scheduler.stationing import Finding, Span
from scheduler.store import reading
from tests.scheduler.house import at, found
from tests.scheduler.test_rotating import ROTATING
from tests.web.server import Server
from tests.web.service import Service, text
from web.shift_bars import days, lines

FORM = {
    "document": "pair-2025", "year": "2026", "pairing": "da.xiao", "first": "2026-02-01",
    "last": "2026-07-31", "people": "5", "staff": "内科", "persons": "A01，A02",
}  # fmt: skip
PAGE = "/shifts?document=pair-2025&year=2026"


@pytest.fixture
def rotating(admin: Service) -> Service:
    admin.store.edit(found(ROTATING), "2026-01-09 11:00")
    return admin


def terms(service: Service) -> list[tuple[str, str, int, tuple[str, ...]]]:
    with reading(service.house.engine) as session:
        held = shifts.standing(session, service.house.world)
    return [(str(t.from_), str(t.until), t.people, t.persons) for t in held]


def test_the_first_page_tells_of_handovers_and_gaps(rotating: Service) -> None:
    rotating.post("/shifts", **FORM)
    rotating.now = at("2026-07-20 09:00")
    before = text(rotating.get("/"))
    coming = before.partition("近期要办")[2].partition("2026年一览")[0]
    assert "驻点期满轮换" in coming
    assert "驻点空档" in coming
    rotating.now = at("2026-08-10 09:00")
    page = rotating.get("/")
    assert "驻点空档" in page.text.partition("2026年一览")[2]
    said = text(page)
    assert "1 对帮扶关系今天无人驻点" in said
    listed = said.partition("驻点空档（1）")[2].partition("近期要办")[0]
    for words in ("甲市人民医院 → 乙县人民医院", "已空 9 天", "8月1日起没有人驻点，下一批尚未登记"):
        assert words in listed
    assert 'href="/items/pair-2025/stationing/da.xiao/gap-2026-08-01"' in page.text
    assert "驻点空档（1）" in text(rotating.get("/?institution=甲市卫健委"))
    item = text(rotating.get("/items/pair-2025/stationing/da.xiao/gap-2026-08-01"))
    assert "空档自 2026年8月1日（周六）" in item
    assert "最迟" not in item.partition("经过")[0]
    term = text(rotating.get("/items/pair-2025/stationing/da.xiao/term-2026-02-01"))
    assert "起 2026年2月1日" in term
    assert "最后一天 2026年7月31日" in term
    assert "无人驻点" not in text(rotating.get("/?institution=丙县人民医院"))


def test_a_gap_leaves_the_first_page_when_somebody_is_there(rotating: Service) -> None:
    rotating.post("/shifts", **FORM)
    rotating.now = at("2026-08-10 09:00")
    rotating.post("/shifts", **(FORM | {"first": "2026-09-01", "last": "2026-12-31"}))
    assert "8月1日起没有人驻点，9月1日才有下一批" in text(rotating.get("/"))
    rotating.now = at("2026-09-01 09:00")
    assert "无人驻点" not in text(rotating.get("/"))
    rotating.now = at("2027-01-01 09:00")  # somebody was there up to yesterday
    assert "今天起空档" in text(rotating.get("/"))
    rotating.now = at("2026-08-10 09:00")
    rotating.post("/shifts", **(FORM | {"first": "2026-08-05", "last": "2026-08-31"}))
    assert "无人驻点" not in text(rotating.get("/"))


def test_it_needs_a_session(service: Service) -> None:
    assert service.get("/shifts").status_code == 401
    assert service.post("/shifts", **FORM).status_code == 401
    assert service.post("/shifts/1/withdraw", **FORM).status_code == 401


def test_an_empty_page_says_what_will_appear(rotating: Service) -> None:
    said = text(rotating.get(PAGE))
    assert "2026年还没有登记驻点期" in said
    assert "还没有登记的 1 对（不提醒）" in said


def test_a_term_is_recorded_shown_and_withdrawn(rotating: Service) -> None:
    answer = rotating.post("/shifts", **FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}&done=added")
    assert terms(rotating) == [("2026-02-01", "2026-08-01", 5, ("A01", "A02"))]
    page = rotating.get(f"{PAGE}&done=added")
    said = text(page)
    for words in (
        "已登记。", "甲市人民医院 → 乙县人民医院", "有人 49.59%", "下次期满 2026年7月31日（周五）",
        "接替的还没有登记", "空档 1月1日至1月31日", "空档 8月1日至12月31日", "换班 7月31日",
        "2026-02-01 至 2026-07-31，5人，内科（A01、A02）",
    ):  # fmt: skip
        assert words in said
    assert 'class="term" x="31" y="4" width="181"' in page.text
    assert 'class="gap" x="212" y="4" width="153"' in page.text
    answer = rotating.post(
        "/shifts/1/withdraw", document="pair-2025", year="2026", reason="登记有误"
    )
    assert answer.status_code == 303
    assert terms(rotating) == []


def test_what_follows_is_stored_at_once(rotating: Service) -> None:
    rotating.post("/shifts", **FORM)
    prefix = "pair-2025/stationing/da.xiao/"
    with reading(rotating.house.engine) as session:
        assert f"{prefix}handover-2026-07-31" in queries.keys_like(session, prefix)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"pairing": "no"}, "没有选帮扶关系"),
        ({"pairing": ""}, "没有选帮扶关系"),
        ({"first": ""}, "起日没有写"),
        ({"last": "2026-02-30"}, "最后一天没有写，或写法不对"),
        ({"last": "2026-01-30"}, "早于起日"),
        ({"last": "2200-12-31"}, "年份从 1949 到 2200"),
        ({"people": "三"}, "人数不是整数"),
        ({"people": ""}, "人数不是整数"),
        ({"people": "0"}, "人数不能是 0"),
        ({"persons": "某某某"}, "姓名、电话和证件号不进本系统"),
    ],
)
def test_what_is_wrong_is_said_and_the_form_keeps_what_was_written(
    rotating: Service, wrong: dict[str, str], said: str
) -> None:
    answer = rotating.post("/shifts", **(FORM | wrong))
    assert answer.status_code == 422
    assert said in text(answer)
    assert "没有登记。" in text(answer)
    assert terms(rotating) == []
    if "staff" not in wrong:
        assert 'value="内科"' in answer.text


def test_a_withdrawal_needs_a_reason_and_a_term(rotating: Service) -> None:
    rotating.post("/shifts", **FORM)
    for number, reason in ((1, " "), (9, "误")):
        answer = rotating.post(
            f"/shifts/{number}/withdraw", document="pair-2025", year="2026", reason=reason
        )
        assert answer.status_code == 422
        assert "没有撤回" in text(answer)
    assert len(terms(rotating)) == 1


def test_what_is_not_there_is_not_found(rotating: Service) -> None:
    assert rotating.get("/shifts?document=no").status_code == 404
    assert rotating.get("/shifts?document=pair-2025&year=1").status_code == 404
    assert rotating.post("/shifts", **(FORM | {"document": "no"})).status_code == 404


def test_a_form_from_elsewhere_is_refused(rotating: Service) -> None:
    answer = rotating.request(
        "POST", "/shifts", data=FORM, headers={"origin": "https://elsewhere.example"}
    )
    assert answer.status_code == 403
    assert terms(rotating) == []


def test_days_are_said_with_both_ends() -> None:
    one, other, next_ = date(2026, 3, 1), date(2026, 9, 1), date(2027, 1, 1)
    assert days(Span(one, other)) == "3月1日至8月31日"
    assert days(Span(one, date(2026, 3, 2))) == "3月1日"
    assert days(Span(one, date(2027, 1, 2))) == "3月1日至2027年1月1日"
    gap = Finding("gap", other, next_, "没有登记派驻人员", False)
    assert [line.tone for line in lines([gap], one)] == ["calm"]
    handover = Finding("handover", one, date(2026, 3, 2), "", True)
    assert [line.tone for line in lines([handover], one)] == ["wait"]
    assert [line.tone for line in lines([handover], next_)] == ["calm"]


# In a real browser, with the bundled documents.

WIDTHS = (390, 1280)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a service on a day in 2023 with a few terms in Hubei recorded."""
    data = tmp_path_factory.mktemp("shifts") / "data"
    with Server(data, "--at", "2023-08-10T09:00:00+08:00") as running:
        table = data.parent / "terms.csv"
        table.write_text(
            "document,supporter,recipient,from,until,people,persons\n"
            "hubei-2022,shiyan-taiheyiyuan,yunyang-renminyiyuan,2023-01-01,2023-07-01,5,A1\n"
            "hubei-2022,shiyan-taiheyiyuan,yunyang-renminyiyuan,2023-07-01,2024-01-01,6,\n"
            "hubei-2022,shiyan-renminyiyuan,yunxi-renminyiyuan,2023-01-10,2023-05-01,4,A2\n"
            "hubei-2022,shiyan-renminyiyuan,yunxi-renminyiyuan,2023-04-15,2023-08-01,5,\n",
            encoding="utf-8",
        )
        done = running.duban("shift", "import", str(table))
        assert done.returncode == 0, done.stderr
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        yield started
        started.close()


@pytest.fixture(scope="module")
def state(server: Server, browser: Browser) -> Any:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{server.url}/sign-in/{server.secret}")
        page.click("button")
        page.wait_for_url(f"{server.url}/")
        return context.storage_state()


@pytest.mark.system
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_is_accessible_and_works_without_script(
    server: Server, browser: Browser, state: Any, width: int, scheme: Any, tmp_path: Path
) -> None:
    with browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, storage_state=state
    ) as context:
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"{server.url}/shifts?document=hubei-2022&year=2023")
        page.locator("details summary", has_text="登记的").first.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert complaints == []
        page.screenshot(path=tmp_path / f"shifts-{width}.png", full_page=True)
        page.emulate_media(media="print")
        assert not page.locator("nav").is_visible()
        assert page.pdf(format="A4").startswith(b"%PDF")
        page.emulate_media(media="screen")
        page.select_option("select[name=pairing]", index=1 + width % 40 + (scheme == "dark") * 20)
        page.fill("input[name=first]", "2023-09-01")
        page.fill("input[name=last]", "2024-02-29")
        page.fill("input[name=people]", "5")
        with page.expect_navigation():
            page.get_by_role("button", name="登记", exact=True).click()
        assert "已登记。" in page.inner_text("main")
