"""The pages in a real browser, on a phone and on a desk: nothing overflows, axe finds nothing."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.web.server import Server

pytestmark = pytest.mark.system

WIDTHS = (390, 1280)
PAGES = (
    "/",
    "/documents",
    "/documents/guangxi-2019",
    "/documents/hubei-2022",
    "/documents/shaoxing-2017",
    "/items/guangxi-2019/resident-staff-list/baise-zhongyi-zhuguan/2019-sep",
    "/?institution=百色市中医药主管部门",
    "/ledger",
    "/ledger?document=guangxi-2019&period=2019",
    "/shifts",
    "/quotas",
    "/outbox",
    "/outbox/1",
    "/subscriptions",
    "/quotas",
    "/quotas/guangxi-2019/nanning-zhongyiyiyuan.mashan-zhongyiyiyuan",
    "/docs",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a service on the morning on which the first reminders are sent, ten minutes a second."""
    data = tmp_path_factory.mktemp("screens") / "data"
    contacts = Path(__file__).parent.parent.parent / "config" / "example" / "contacts.csv"
    arguments = ("--at", "2019-09-06T09:00:00+08:00", "--rate", "600")
    with Server(data, *arguments, DUBAN_CONTACTS=str(contacts)) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give Debian's Chromium."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        yield started
        started.close()


@pytest.fixture(scope="module")
def state(server: Server, browser: Browser) -> Any:
    """Sign in as a person does, and give what the browser remembers."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{server.url}/sign-in/{server.secret}")
        page.click("button")
        page.wait_for_url(f"{server.url}/")
        page.wait_for_function("document.body.innerText.includes('今年按时报送')")
        for _ in range(60):
            page.goto(f"{server.url}/outbox")
            if page.query_selector("a[href='/outbox/1']"):
                break
            page.wait_for_timeout(500)
        return context.storage_state()


def sound(page: Page, width: int, complaints: list[str]) -> None:
    """Assert that a page fits its width, that axe finds nothing, and that nothing was refused."""
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert complaints == []


def press(page: Page, selector: str) -> None:
    """Click what leads to another page, and wait for that."""
    with page.expect_navigation():
        page.click(selector)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_fits_and_is_accessible(
    server: Server, browser: Browser, state: Any, width: int, scheme: Any, tmp_path: Path
) -> None:
    with browser.new_context(
        viewport={"width": width, "height": 900}, storage_state=state, color_scheme=scheme
    ) as context:
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        for path in PAGES:
            answer = page.goto(server.url + path)
            assert answer is not None
            assert answer.ok, path
            sound(page, width, complaints)
            name = re.sub(r"[/?=&]+", "-", path.strip("/")) or "overview"
            shot = tmp_path / f"{name}-{width}.png"
            page.screenshot(path=shot, full_page=True)
            assert shot.stat().st_size > 10_000


@pytest.mark.parametrize("width", WIDTHS)
def test_a_feed_address_is_made_and_revoked_without_script(
    server: Server, browser: Browser, state: Any, width: int
) -> None:
    with browser.new_context(
        viewport={"width": width, "height": 900}, storage_state=state
    ) as context:
        page = context.new_page()
        page.goto(f"{server.url}/subscriptions")
        page.fill("input[name=institution]", "马山县中医医院")
        page.fill("input[name=name]", f"宽 {width} 的屏幕")
        press(page, "text=生成订阅地址")
        address = page.inner_text("code.url")
        assert page.locator(".qr svg").bounding_box()["width"] > 150  # type: ignore[index]
        assert server.client.get(address).status_code == 200
        sound(page, width, [])
        page.goto(f"{server.url}/subscriptions")
        sound(page, width, [])
        with page.expect_navigation():
            page.locator("li", has_text=f"宽 {width} 的屏幕").get_by_role("button").click()
        assert server.client.get(address).status_code == 410


def test_the_keyboard_finds_its_way(server: Server, browser: Browser, state: Any) -> None:
    with browser.new_context(storage_state=state) as context:
        page = context.new_page()
        page.goto(f"{server.url}/")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.innerText") == "跳到正文"
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        focused = "getComputedStyle(document.activeElement)"
        assert page.evaluate(f"{focused}.outlineStyle") == "solid"
        assert page.evaluate(f"parseInt({focused}.outlineWidth)") >= 3


def test_a_page_prints_on_paper(server: Server, browser: Browser, state: Any) -> None:
    with browser.new_context(storage_state=state) as context:
        page = context.new_page()
        page.goto(f"{server.url}/items/{PAGES[5].removeprefix('/items/')}")
        page.emulate_media(media="print")
        assert not page.locator("nav").is_visible()
        assert page.pdf(format="A4").startswith(b"%PDF")


ITEM = PAGES[5].removeprefix("/items/")


def signed(server: Server) -> str:
    """Return the path of the item's link in the mail that its liaison got."""
    for file in (server.data / "mail" / "new").iterdir():
        mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        part = mail.get_body(("plain",))
        assert part is not None
        found = re.search(rf"(/items/{re.escape(ITEM)}\?k=baise\S+)", part.get_content())
        if found:
            return found[1]
    raise AssertionError("no mail links to the item")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_behind_a_mail_s_link(
    server: Server, browser: Browser, state: Any, width: int, scheme: Any
) -> None:
    with browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme
    ) as context:
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(server.url + signed(server))
        sound(page, width, complaints)
        assert page.locator("nav").count() == 0
        for act in ("submitted", "acknowledged", "ask", "evidence"):
            page.goto(server.url + signed(server))
            press(page, f"button[value={act}]")
            sound(page, width, complaints)
            assert not page.locator("input[name=website]").is_visible()
        page.goto(server.url + signed(server) + "x")
        assert "这个链接打不开这一项" in page.inner_text("main")


def test_a_person_reports_without_script_and_prints_the_page(
    server: Server, browser: Browser, state: Any
) -> None:
    link = signed(server)
    with browser.new_context(
        viewport={"width": 390, "height": 900}, java_script_enabled=False
    ) as context:
        page = context.new_page()
        page.goto(server.url + link)
        press(page, "text=已经报送")
        page.fill("input[name=office]", "医政科")
        page.fill("input[name=day]", "19")
        page.set_input_files(
            "input[type=file]", {"name": "名单.pdf", "mimeType": "", "buffer": b"%PDF-1.4"}
        )
        press(page, "button.primary")
        assert "还没有登记" in page.inner_text("main")
        page.fill("input[name=day]", "20")
        page.set_input_files(
            "input[type=file]", {"name": "名单.pdf", "mimeType": "", "buffer": b"%PDF-1.4"}
        )
        press(page, "button.primary")
        assert "已登记" in page.inner_text("[role=status]")
        assert "医政科" in page.inner_text("ul.history")
        with page.expect_download() as waiting:
            page.click("text=名单.pdf")
        assert waiting.value.suggested_filename == "名单.pdf"
        assert page.pdf(format="A4").startswith(b"%PDF")
    seal = link.rpartition(".")[2]
    assert f"/items/{ITEM}?k=" in server.said  # the access log has the address, without the token
    assert seal not in server.said


def test_those_who_have_not_reported_are_reminded_from_the_ledger(
    server: Server, browser: Browser, state: Any
) -> None:
    with browser.new_context(
        viewport={"width": 390, "height": 900}, storage_state=state, java_script_enabled=False
    ) as context:
        page = context.new_page()
        page.goto(f"{server.url}/ledger?document=guangxi-2019&period=2019-nov")
        press(page, "button[name=everything]")  # nothing of it is due within seven working days
        assert "提醒未报的" in page.inner_text("h1")
        press(page, "button.primary")
        assert "已安排提醒" in page.inner_text("[role=status]")
        page.goto(f"{server.url}/ledger?document=guangxi-2019&period=2019-nov")
        assert page.pdf(format="A4", landscape=True).startswith(b"%PDF")
