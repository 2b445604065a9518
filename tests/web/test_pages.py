"""The pages say what must be done, on what footing, and what was sent; nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlmodel import Session

from config.contacts import Contact, Contacts
from notifications import tokens
from notifications.gather import gather
from scheduler import demonstration
from scheduler.queries import MESSAGES
from scheduler.recording import Statement, record
from scheduler.store import reading, writing
from scheduler.world import World
from tests.scheduler.house import BASE, JUNE, PLAN, TABLES, WORKDAYS, WORKFLOW, at, found, loaded
from tests.web.service import URL, Service, text
from web.app import build

HERE = Path(__file__).parent.parent.parent / "web"
HOSTILE = "<script>alert(1)</script>"


def send(service: Service, when: str) -> None:
    """Let the engine plan and compose at an instant."""
    service.tick(when)
    with Session(service.house.engine, expire_on_commit=False) as session:
        gather(session, service.now, service.house.world)


def test_the_first_page_says_what_is_due_on_what_footing(admin: Service) -> None:
    page = text(admin.get("/"))
    assert "2026年3月6日（周五）" in page
    assert "报送工作方案 甲市人民医院；配合：乙县人民医院 · 乙县人民医院 · 报省局" in page
    assert "某卫发〔2025〕1号 三 “2026年3月20日前报送”" in page
    assert "与文件一致" in page
    assert "还没有邮件" in page
    assert "频次周期" in page
    assert "七个工作日内到期" in page


def test_a_document_that_differs_from_what_is_applied_is_named(admin: Service) -> None:
    admin.files = loaded(WORKFLOW.replace("on: 2026-03-20", "on: 2026-03-27"))
    page = text(admin.get("/"))
    assert "1 份文件与已应用的不同： 某卫发〔2025〕1号" in page
    assert "现在仍按已应用的版本提醒" in page
    assert "文件有改动，尚未应用" in page
    assert "文件与已应用的不同" in text(admin.get("/documents/pair-2025"))
    assert "3月27日" not in page


def test_what_is_late_stands_first(admin: Service) -> None:
    admin.now = at("2026-03-24 09:00")
    page = text(admin.get("/"))
    assert page.index("逾期未报 3月20日") < page.index("近期要办")
    with writing(admin.house.engine) as session:
        record(session, Statement(PLAN, "completed"), admin.now, "测试", admin.house.world)
    assert "逾期未报 3月20日" not in text(admin.get("/"))


def test_who_has_no_liaison_is_said(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.sign_in()
    page = text(service.get("/"))
    assert "2 家没有登记联络员" in page
    assert "甲市卫健委" in page
    held = {("da", "liaison"): (Contact("da", "liaison", "医务科", "a@da.example"),)}
    known = World({}, {}, WORKDAYS, contacts=Contacts((), held))
    other = Service(tmp_path / "other", world=known)
    other.sign_in()
    assert "1 家没有登记联络员" in text(other.get("/"))


def test_an_item_says_what_by_when_to_whom_how_and_what_was_sent(admin: Service) -> None:
    send(admin, "2026-03-06 09:30")
    page = text(admin.get(f"/items/{PLAN}"))
    for said in (
        "最迟 2026年3月20日（周五） ，含当日",
        "最后工作日 2026年3月20日（周五）",
        "报给 省局",
        "谁来办 甲市人民医院",
        "配合：乙县人民医院",
        "甲市人民医院 帮扶 乙县人民医院",
        "3月6日 09:30 提醒：提前14天 送 甲市人民医院联络员 · 待发",
        "3月18日 09:00 将发 提醒：提前2个工作日",
        "3月27日 09:00 将发 催办：逾期5个工作日",
        "打开本页不会改变任何状态",
    ):
        assert said in page


def test_facts_stand_in_an_items_history(admin: Service) -> None:
    said = Statement(PLAN, "waived", reason="合并报送", basis="某卫函1号", evidence="https://x.example")
    with writing(admin.house.engine) as session:
        record(session, said, admin.now, "测试", admin.house.world)
    page = text(admin.get(f"/items/{PLAN}"))
    assert "登记免报 免报日 2026年3月6日（周五） · 合并报送 · 依据 某卫函1号" in page
    assert "将发" not in page


def test_what_is_no_longer_there_is_said_so(admin: Service) -> None:
    start = WORKFLOW.index("  - id: plan")
    without = WORKFLOW[:start] + WORKFLOW[WORKFLOW.index("  - id: progress") :]
    admin.store.edit(found(without), "2026-03-06 09:00")
    page = text(admin.get(f"/items/{PLAN}"))
    assert "已取消" in page
    assert "将发" not in page


def test_a_documents_page_lists_its_obligations_and_what_is_unresolved(admin: Service) -> None:
    page = text(admin.get("/documents/pair-2025"))
    for said in ("限期报送与办理", "频次要求", "遇事即办", "有关单位 原文没有列出",
                 "下一期 2026年3月20日（周五）", "联系人变动：登记后 5 个工作日内（这是本系统的约定"):  # fmt: skip
        assert said in page
    assert f'href="/items/{JUNE}"' in admin.get("/documents/pair-2025").text


@pytest.mark.parametrize(
    ("action", "says", "states"),
    [("arrived", "记为已送到 2 封", {"sent"}), ("retry", "再交一次 2 封", {"in_doubt"})],
)
def test_all_mails_in_doubt_are_decided_by_two_presses(
    admin: Service, action: str, says: str, states: set[str]
) -> None:
    def stored() -> list[tuple[str, bool]]:
        with reading(admin.house.engine) as session:
            rows = session.execute(MESSAGES.select())
            return [(row.state, row.next_try_at is not None) for row in rows]

    send(admin, "2026-03-06 09:30")
    assert "不能确定" not in text(admin.get("/outbox"))
    with writing(admin.house.engine) as session:
        session.execute(MESSAGES.update().values(state="in_doubt", handed=1, next_try_at=None))
    assert "2 封不能确定邮件服务器是否收下" in text(admin.get("/outbox"))
    asked = admin.post("/outbox/in-doubt", action=action)
    assert says in text(asked)
    assert stored() == [("in_doubt", False)] * 2
    (numbers,) = re.findall(r'name="numbers" value="([^"]+)"', asked.text)
    assert admin.post("/outbox/in-doubt", action=action, numbers=numbers).status_code == 303
    assert {state for state, _ in stored()} == states
    assert {again for _, again in stored()} == {action == "retry"}
    assert "不能确定邮件服务器是否收下" not in text(admin.get("/outbox"))
    assert "没有不确定的邮件" in text(admin.post("/outbox/in-doubt", action="retry"))
    for wrong in ({"action": "bounced"}, {"action": "retry", "numbers": "1; 2"}):
        assert admin.post("/outbox/in-doubt", **wrong).status_code == 422


def test_the_outbox_lists_mails_and_shows_them_as_received(admin: Service) -> None:
    assert "还没有邮件" in text(admin.get("/outbox"))
    send(admin, "2026-03-06 09:30")
    page = text(admin.get("/outbox"))
    assert "[督办] 甲市人民医院：报送工作方案 3月20日到期" in page
    assert "待发 2" in page
    assert "还没有邮件" not in page
    assert "没有这一状态的邮件" in text(admin.get("/outbox?state=sent"))
    assert "2 条" not in page
    shown = admin.get("/outbox/1")
    assert '<iframe src="/outbox/1/html" title="邮件预览" sandbox>' in shown.text
    assert "报送工作方案" in text(shown)
    mail = admin.get("/outbox/1/html")
    assert "报送工作方案" in mail.text
    assert "sandbox" in mail.headers["content-security-policy"]
    assert "script-src" not in mail.headers["content-security-policy"]


def test_what_reaches_nobody_is_listed(tmp_path: Path) -> None:
    service = Service(tmp_path, world=World({}, {}, WORKDAYS))
    service.sign_in()
    service.tick("2026-03-06 09:30")
    page = text(service.get("/outbox"))
    assert "送不出去的提醒 报送工作方案" in page


def test_a_feed_address_is_shown_once(admin: Service) -> None:
    made = admin.post("/subscriptions", institution="甲市人民医院", name="办公室值班手机")
    assert made.status_code == 200
    secret = re.search(rf"{URL}/feeds/([A-Za-z0-9_-]{{43}})\.ics", made.text)
    assert secret is not None
    assert f'href="webcal://duban.example/feeds/{secret[1]}.ics"' in made.text
    assert "<svg" in made.text
    assert "只显示这一次" in made.text
    assert admin.get(f"/feeds/{secret[1]}.ics").status_code == 200
    listing = admin.get("/subscriptions")
    assert secret[1] not in listing.text
    assert "办公室值班手机" in listing.text
    assert "还没有取过" not in listing.text
    with reading(admin.house.engine) as session:
        assert [row.institution for row in tokens.listed(session)] == ["da"]


def test_an_unknown_institution_gets_no_address(admin: Service) -> None:
    for institution, name in ((HOSTILE, "x"), ("da", "  ")):
        refused = admin.post("/subscriptions", institution=institution, name=name)
        assert refused.status_code == 422
        assert "没有生成地址" in refused.text
        assert HOSTILE not in refused.text
    assert admin.request("POST", "/subscriptions", headers={"origin": URL}).status_code == 422
    with reading(admin.house.engine) as session:
        assert tokens.listed(session) == []


def test_an_address_is_revoked_by_its_button(admin: Service) -> None:
    path = f"/feeds/{admin.subscribe()}.ics"
    assert admin.get(path).status_code == 200
    assert "在用" in admin.get("/subscriptions").text
    done = admin.post("/subscriptions/1/revoke")
    assert done.status_code == 303
    assert admin.get(path).status_code == 410
    assert "已停用" in admin.get("/subscriptions").text
    assert admin.post("/subscriptions/9/revoke").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/items/none", "/items/", "/documents/none", "/outbox/99", "/outbox/x",
     "/outbox?state=none", "/outbox/99/html", "/items/%00", "/documents/..%2F..%2Fetc%2Fpasswd",
     "/static/../app.py", "/static/none.css", "/items/" + "x" * 3000],
)  # fmt: skip
def test_what_is_not_there_is_404_with_a_way_back(admin: Service, path: str) -> None:
    refused = admin.get(path)
    assert refused.status_code == 404
    assert "Traceback" not in refused.text


def test_a_fault_of_ours_says_so_without_details(
    admin: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("web.outbox.queries.message_counts", broken)
    refused = admin.get("/outbox")
    assert refused.status_code == 500
    assert "程序出错了" in refused.text
    assert "secret detail" not in refused.text


def test_texts_of_files_cannot_become_markup(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.sign_in()
    hostile = WORKFLOW.replace("报送工作方案", HOSTILE).replace("2026年3月20日前报送", "x\"><b>x")
    named = {**TABLES, "institutions.csv": TABLES["institutions.csv"].replace("省局", HOSTILE)}
    service.store.edit(found(hostile, named), "2026-03-06 09:00")
    service.files = loaded(hostile, named)
    send(service, "2026-03-06 09:30")
    for path in ("/", f"/items/{PLAN}", "/documents", "/documents/pair-2025", "/outbox",
                 "/outbox/1", "/outbox/1/html", "/subscriptions"):  # fmt: skip
        page = service.get(path)
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "<b>x" not in page.text


def test_no_page_asks_another_host_for_anything(admin: Service) -> None:
    send(admin, "2026-03-06 09:30")
    pages = ["/", f"/items/{PLAN}", "/documents", "/documents/pair-2025", "/outbox", "/outbox/1",
             "/subscriptions", "/docs", "/static/style.css"]  # fmt: skip
    for path in pages:
        page = admin.get(path).text
        asked = re.findall(r"""(?:src|action|url)\s*[=(]\s*["']?([^"')\s>]+)""", page)
        assert all(one.startswith("/") for one in asked), asked
        assert not re.search(r"""<(?:link|script|img|iframe)[^>]*(?:https?:)?//""", page)
        assert "<script" not in page
        assert " style=" not in page  # the policy would drop it
        assert " on" + "click" not in page


def test_templates_and_styles_are_our_own() -> None:
    for path in [*HERE.glob("templates/*.html"), *HERE.glob("static/*")]:
        content = path.read_text()
        assert "{{" not in content or "|safe" not in content.replace(" ", "")
        assert "@import" not in content


def test_the_base_world_is_left_as_it_is() -> None:
    assert BASE.documents == {}


def test_an_invented_store_says_so_on_every_page(admin: Service) -> None:
    assert "演示数据" not in text(admin.get("/"))
    with writing(admin.house.engine) as session:
        demonstration.declare(session, admin.now)
    again = type(admin.house)(
        engine=admin.house.engine, settings=admin.settings, base=admin.house.base,
        now=lambda: admin.now, wall=lambda: admin.wall, load=lambda: admin.files,
    )  # fmt: skip
    admin.house, admin.app = again, build(again)
    for path in ("/", "/documents", "/documents/pair-2025", "/outbox", "/subscriptions", "/nowhere"):
        assert "演示数据" in text(admin.get(path)), path


def test_a_document_without_a_scoring_table_has_no_sheet(admin: Service) -> None:
    assert "自评表" not in text(admin.get("/documents/pair-2025"))
    for address in ("/sheet?document=pair-2025", "/sheet?document=x", "/sheet", "/sheet.xlsx"):
        assert admin.get(address).status_code == 404


@pytest.mark.parametrize(
    ("said", "owner", "name"),
    [
        ({"institution": "甲市卫健委", "region": "1"}, "region:shi", "甲市卫健委（辖区）"),
        ({"document": "pair-2025"}, "document:pair-2025", "某卫发〔2025〕1号"),
        (
            {"document": "pair-2025", "supporter": "甲市人民医院", "recipient": "xiao"},
            "pairing:pair-2025/da.xiao",
            "甲市人民医院—乙县人民医院",
        ),
    ],
)
def test_an_address_for_a_region_a_document_and_a_pairing(
    admin: Service, said: dict[str, str], owner: str, name: str
) -> None:
    made = admin.post("/subscriptions", name="医政科", **said)
    assert name in made.text
    secret = re.search(rf"{URL}/feeds/([A-Za-z0-9_-]{{43}})\.ics", made.text)
    assert secret is not None
    assert f"X-WR-CALNAME:督办 · {name}" in admin.get(f"/feeds/{secret[1]}.ics").text
    assert name in admin.get("/subscriptions").text
    with reading(admin.house.engine) as session:
        assert [row.institution for row in tokens.listed(session)] == [owner]


@pytest.mark.parametrize(
    "said",
    [{}, {"institution": "甲市人民医院", "region": "1"}, {"document": "x"},
     {"document": "pair-2025", "supporter": "da"}, {"institution": "da", "document": "pair-2025"},
     {"document": "pair-2025", "supporter": "xiao", "recipient": "da"}],
)  # fmt: skip
def test_what_names_no_calendar_gets_no_address(admin: Service, said: dict[str, str]) -> None:
    refused = admin.post("/subscriptions", name="医政科", **said)
    assert refused.status_code == 422
    assert "没有生成地址" in refused.text
    assert 'value="医政科"' in refused.text
