"""Recording from an item's page: by whom, with which link, and that no machine can do it."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import date
from pathlib import Path

import httpx
import pytest
from sqlmodel import select

from config.contacts import Contact, Contacts
from notifications import links
from notifications.links import Scope
from scheduler import evidence
from scheduler.recording import Statement, record
from scheduler.store import reading, writing
from scheduler.tables import Audit, Evidence, Fact, Message, StoredOccurrence
from scheduler.world import World
from tests.scheduler.house import JUNE, PLAN, WORKDAYS, at
from tests.web.service import URL, Service, later, text
from tests.web.test_pages import send
from web.gate import LARGEST_FILE

PERSON = {"confirmed": "1", "office": "医务科", "day": "20"}
PDF = b"%PDF-1.4\n%evidence\n"
RECEIVED_HERE = World(
    {}, {}, WORKDAYS, placeholders=True,
    contacts=Contacts((), {("ju", "coordinator"): (Contact("ju", "coordinator", "办公室", "b@ju.example"),)}),
)  # fmt: skip


def link(
    service: Service, institution: str = "da", role: str = "liaison", key: str = PLAN,
    until: date = date(2026, 6, 4),
) -> str:  # fmt: skip
    """Return the token that a mail of that role would carry."""
    with writing(service.house.engine) as session:
        return links.sign(links.secret(session), Scope(key, institution, role, until))


def facts(service: Service, key: str = PLAN) -> list[Fact]:
    with reading(service.house.engine) as session:
        return list(session.exec(select(Fact).where(Fact.key == key).order_by(Fact.id)))  # type: ignore[arg-type]


def audits(service: Service, action: str) -> list[Audit]:
    with reading(service.house.engine) as session:
        return list(session.exec(select(Audit).where(Audit.action == action)))


def press(service: Service, token: str, act: str, key: str = PLAN, **said: str) -> httpx.Response:
    """Send the confirmation of a button."""
    return service.post(f"/act/{key}?k={token}", act=act, **said)


@pytest.fixture
def receiving(tmp_path: Path) -> Service:
    """Give a service whose receiver, the bureau, uses it too."""
    return Service(tmp_path, world=RECEIVED_HERE)


def test_the_link_of_a_mail_opens_its_item_without_a_session(service: Service) -> None:
    send(service, "2026-03-06 09:30")
    with reading(service.house.engine) as session:
        mails = {m.institution: m.body for m in session.exec(select(Message))}
    part = email.message_from_bytes(mails["da"], policy=email.policy.default).get_body(("plain",))
    assert part is not None
    address = re.search(rf"{URL}(/items/\S+)", part.get_content())
    assert address is not None
    shown = service.get(address[1])
    assert shown.status_code == 200
    said = text(shown)
    assert "最迟 2026年3月20日（周五）" in said
    assert "这个链接是给甲市人民医院联络员的，6月4日以前有效" in said
    assert "已经报送 已知悉，暂停提醒到… 申请延期 补交佐证" in said
    assert "退出登录" not in said
    assert "set-cookie" not in shown.headers
    assert service.get("/").status_code == 401
    assert service.get(f"/items/{JUNE}").status_code == 401


def test_a_link_opens_nothing_else(service: Service) -> None:
    token = link(service)
    for path in (f"/items/{JUNE}?k={token}", f"/items/{PLAN}?k=x", f"/items/{PLAN}?k={token}x",
                 f"/items/{PLAN}?k={token[:-5]}"):  # fmt: skip
        refused = service.get(path)
        assert refused.status_code == 403
        assert "这个链接打不开这一项" in refused.text
        assert "最近一封提醒邮件里的链接" in refused.text
        assert "甲市" not in refused.text
    for path in (f"/?k={token}", f"/documents?k={token}", f"/outbox/1?k={token}",
                 f"/ledger?k={token}", f"/api/deadlines?k={token}"):  # fmt: skip
        assert service.get(path).status_code == 401


def test_a_link_ends(service: Service) -> None:
    token = link(service)
    later(service, "2026-06-04 23:00")
    assert service.get(f"/items/{PLAN}?k={token}").status_code == 200
    later(service, "2026-06-05 00:00")
    for refused in (service.get(f"/items/{PLAN}?k={token}"), press(service, token, "submitted", **PERSON)):
        assert refused.status_code == 410
        assert "这个链接过期了" in refused.text
    assert facts(service) == []


def test_what_a_person_confirms_is_recorded_with_who_it_was(service: Service) -> None:
    token = link(service)
    asked = press(service, token, "submitted")
    assert asked.status_code == 200
    said = text(asked)
    assert "登记已报送：报送工作方案" in said
    assert "谁在登记 甲市人民医院联络员" in said
    assert "期限是 2026年3月 20 日（周五），请照着写这个日子的两位数字" in said
    assert facts(service) == []
    done = press(service, token, "submitted", **PERSON, on="2026-03-05", reason="按时")
    assert done.status_code == 303
    shown = text(service.get(done.headers["location"]))
    assert "已登记报送" in shown
    assert "甲市人民医院联络员（医务科）" in shown
    fact = facts(service)[0]
    assert (fact.on, fact.recorded_by) == (date(2026, 3, 5), "甲市人民医院联络员（医务科）")
    assert audits(service, "record")[0].who == "甲市人民医院联络员（医务科）"
    assert "已经报送" not in shown


JUNK = [
    {}, {"confirmed": "1"}, {"confirmed": "1", "office": "test", "day": "test"},
    {"confirmed": "1", "office": "test", "day": "20"},
    {"confirmed": "1", "office": "医务科", "day": "21"},
    {"confirmed": "1", "office": "医务科", "day": ""},
    {"confirmed": "1", "office": "医务科" * 20, "day": "20"},
    {"confirmed": "1", "office": "医务科", "day": "20", "website": "http://x"},
    {"confirmed": "1", "office": "1", "day": "1", "on": "1", "until": "1", "reason": "1"},
]  # fmt: skip


@pytest.mark.parametrize("junk", JUNK)
def test_what_a_scanner_submits_changes_nothing(service: Service, junk: dict[str, str]) -> None:
    token = link(service)
    for method in ("GET", "HEAD"):
        assert service.request(method, f"/items/{PLAN}?k={token}").status_code in (200, 405)
    for act in ("submitted", "acknowledged", "ask", "evidence", "waived", "none", ""):
        answer = press(service, token, act, **junk)
        assert answer.status_code in (200, 409, 422), (act, answer.text)
    assert facts(service) == []
    assert audits(service, "ask-extension") == audits(service, "evidence") == []


def test_a_confirmation_keeps_what_was_written(service: Service) -> None:
    answer = press(
        service, link(service), "submitted", **{**PERSON, "day": "02"}, reason="补充<b>说明"
    )
    assert answer.status_code == 422
    assert "还没有登记" in answer.text
    assert "与上面写的日子不符" in answer.text
    assert "补充&lt;b&gt;说明" in answer.text
    assert 'value="医务科"' in answer.text


@pytest.mark.parametrize(
    ("institution", "role", "acts"),
    [
        ("da", "liaison", ["submitted", "acknowledged", "ask", "evidence"]),
        ("xiao", "liaison", ["submitted", "acknowledged", "ask", "evidence"]),
        ("ju", "coordinator", ["extended", "waived"]),
        ("ju", "liaison", []),
        ("shi", "coordinator", []),
    ],
)
def test_the_buttons_are_those_of_the_role(
    service: Service, institution: str, role: str, acts: list[str]
) -> None:
    page = service.get(f"/items/{PLAN}?k={link(service, institution, role)}")
    assert re.findall(r'name="act" value="(\w+)"', page.text) == acts
    assert page.text.count('class="primary"') == bool(acts)
    assert ("只能看这一项" in page.text) is not bool(acts)


def test_nobody_goes_beyond_their_role(service: Service) -> None:
    for institution, role, act in (
        ("da", "liaison", "waived"), ("da", "liaison", "extended"), ("ju", "coordinator", "submitted"),
        ("shi", "coordinator", "waived"), ("da", "liaison", "corrected"),
    ):  # fmt: skip
        refused = press(
            service, link(service, institution, role), act, **PERSON, until="2026-05-01",
            reason="x", basis="y",
        )  # fmt: skip
        assert refused.status_code == 409, act
    assert facts(service) == []


def test_a_report_is_returned_and_accepted_by_its_receiver(receiving: Service) -> None:
    press(receiving, link(receiving), "submitted", **PERSON)
    receiver = link(receiving, "ju", "coordinator")
    page = receiving.get(f"/items/{PLAN}?k={receiver}")
    assert "已报待审" in text(page)
    assert re.findall(r'name="act" value="(\w+)"', page.text) == ["accepted", "returned"]
    assert press(receiving, receiver, "returned", **PERSON).status_code == 422
    assert press(receiving, receiver, "returned", **PERSON, reason="缺公章").status_code == 303
    assert "退回" in text(receiving.get(f"/items/{PLAN}?k={link(receiving)}"))
    press(receiving, link(receiving), "submitted", **PERSON)
    assert press(receiving, receiver, "accepted", **PERSON).status_code == 303
    shown = text(receiving.get(f"/items/{PLAN}?k={receiver}"))
    assert "报送工作方案 已报" in shown
    assert "缺公章" in shown


def test_the_receiver_is_mailed_a_link_with_which_to_decide(receiving: Service) -> None:
    press(receiving, link(receiving), "ask", **PERSON, until="2026-04-10", reason="人手不足")
    press(receiving, link(receiving), "submitted", **PERSON)
    send(receiving, "2026-03-06 10:00")
    with reading(receiving.house.engine) as session:
        (mail,) = [m for m in session.exec(select(Message)) if m.recipient == "b@ju.example"]
    part = email.message_from_bytes(mail.body, policy=email.policy.default).get_body(("plain",))
    assert part is not None
    said = part.get_content()
    assert "待审：甲市人民医院已报送，请受理或退回" in said
    assert "申请延期" not in said  # it was reported meanwhile
    address = re.search(rf"{URL}(/items/{PLAN}\?k=(\S+))", said)
    assert address is not None
    shown = text(receiving.get(address[1]))
    assert "受理 退回" in shown
    assert "待审通知 送 省局协调员" in shown
    assert press(receiving, address[2], "accepted", **PERSON).status_code == 303
    assert facts(receiving)[-1].recorded_by == "省局协调员（医务科）"


def test_a_wish_for_more_time_is_shown_until_it_is_granted(service: Service) -> None:
    token = link(service)
    wrong = press(service, token, "ask", **PERSON, until="2026-03-20", reason="人手不足")
    assert "比原定期限和今天都晚" in wrong.text
    asked = press(service, token, "ask", **PERSON, until="2026-04-10", reason="人手不足")
    assert asked.status_code == 303
    assert facts(service) == []
    coordinator = link(service, "ju", "coordinator")
    shown = text(service.get(f"/items/{PLAN}?k={coordinator}"))
    assert "有一份延期申请： 到 2026年4月10日（周五）。人手不足" in shown
    service.sign_in()
    assert "延期申请 报送工作方案" in text(service.get("/"))
    service.cookies.clear()
    granted = press(
        service, coordinator, "extended", **PERSON, until="2026-04-10", basis="某卫函〔2026〕2号"
    )
    assert granted.status_code == 303
    shown = text(service.get(f"/items/{PLAN}?k={coordinator}"))
    assert "有一份延期申请" not in shown
    assert "2026年4月10日（周五） 已延期，原定 2026年3月20日（周五）" in shown
    assert "延期至4月10日" in shown
    service.sign_in()
    assert "延期申请" not in text(service.get("/"))


def test_what_was_granted_in_its_time_is_taken_down_later(service: Service) -> None:
    service.now = at("2026-05-12 09:30")
    token = link(service, "ju", "coordinator")
    given = PERSON | {"until": "2026-04-24", "basis": "某卫函〔2026〕2号"}
    late = press(service, token, "extended", **given)
    assert "新的期限 2026-04-24 已经过去" in late.text
    assert facts(service) == []
    assert "文件是哪一天的" in late.text
    assert press(service, token, "extended", **given, on="2026-03-18").status_code == 303
    (fact,) = facts(service)
    assert (fact.on, fact.until) == (date(2026, 3, 18), date(2026, 4, 24))
    assert "逾期未报" in text(service.get(f"/items/{PLAN}?k={token}"))


def test_the_admin_may_all_and_corrects(admin: Service) -> None:
    done = admin.post(
        f"/act/{PLAN}", act="waived", confirmed="1", office="办公室", reason="合并"
    )
    assert done.status_code == 303
    page = admin.get(f"/items/{PLAN}")
    assert "corrected" in page.text
    number = str(facts(admin)[0].id)
    done = admin.post(
        f"/act/{PLAN}", act="corrected", confirmed="1", office="办公室", fact=number, reason="记错了"
    )
    assert done.status_code == 303
    page = admin.get(f"/items/{PLAN}")
    assert "<del>登记免报</del>" in page.text
    assert "已更正：记错了" in page.text
    assert facts(admin)[0].recorded_by == "管理员（办公室）"


def test_a_form_from_elsewhere_is_refused(service: Service) -> None:
    token = link(service)
    sent = service.request(
        "POST", f"/act/{PLAN}?k={token}", data={"act": "submitted", **PERSON},
        headers={"origin": "https://evil.example"},
    )  # fmt: skip
    assert sent.status_code == 403
    assert facts(service) == []


def upload(service: Service, token: str, name: str, body: bytes, **said: str) -> httpx.Response:
    return service.request(
        "POST", f"/act/{PLAN}?k={token}", data={**PERSON, "act": "submitted", **said},
        files={"file": (name, body, "application/pdf")}, headers={"origin": URL},
    )  # fmt: skip


def test_evidence_goes_up_and_comes_down_as_it_was(service: Service) -> None:
    token = link(service)
    assert upload(service, token, "..\\工作 方案.pdf", PDF).status_code == 303
    page = service.get(f"/items/{PLAN}?k={token}")
    found = re.search(r'href="(/evidence/[^"]+)"', page.text)
    assert found is not None
    address = found[1].replace("&amp;", "&")
    down = service.get(address)
    assert down.status_code == 200
    assert down.content == PDF
    assert down.headers["content-type"] == "application/pdf"
    assert down.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in down.headers["content-security-policy"]
    said = down.headers["content-disposition"]
    assert said.startswith('attachment; filename="')
    assert "\n" not in said
    assert "filename*=UTF-8''%E5%B7%A5%E4%BD%9C%20%E6%96%B9%E6%A1%88.pdf" in said
    name = address.split("?")[0]
    other = link(service, key=JUNE)
    assert service.get(name).status_code == 401
    assert service.get(f"{name}?item={JUNE}&k={other}").status_code == 404
    assert service.get(f"{name}?item={PLAN}&k={other}").status_code == 403
    assert service.get(f"/evidence/none.pdf?item={PLAN}&k={token}").status_code == 404


def test_evidence_can_follow_later(service: Service) -> None:
    token = link(service)
    empty = press(service, token, "evidence", **PERSON)
    assert "请选一个文件，或写下地址" in empty.text
    assert upload(service, token, "b.pdf", PDF, act="evidence").status_code == 303
    assert press(
        service, token, "evidence", **PERSON, evidence="https://x.example/a?b=1"
    ).status_code == 303
    page = service.get(f"/items/{PLAN}?k={token}")
    assert 'rel="noopener noreferrer">https://x.example/a?b=1' in page.text
    assert "b.pdf" in page.text
    assert facts(service) == []


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("a.exe", b"MZ", "不收这一类文件"),
        ("a.pdf", b"MZ", "内容与名称的后缀不符"),
        ("a.pdf", b"", "文件是空的"),
        ("a.pdf", PDF + b"x" * evidence.LIMIT, "最多 20 MB"),
    ],
)
def test_what_is_no_evidence_is_refused_and_nothing_recorded(
    service: Service, name: str, body: bytes, said: str
) -> None:
    refused = upload(service, link(service), name, body)
    assert refused.status_code == 422
    assert said in refused.text
    assert facts(service) == []
    with reading(service.house.engine) as session:
        assert list(session.exec(select(Evidence))) == []


def test_two_gigabytes_are_refused_before_they_are_read(service: Service) -> None:
    token = link(service)

    async def chunks():  # type: ignore[no-untyped-def]
        sent = 0
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
        while True:
            sent += 1 << 20
            assert sent <= LARGEST_FILE + (2 << 20), "it went on reading"
            yield b"x" * (1 << 20)

    kind = {"content-type": "multipart/form-data; boundary=x", "origin": URL}
    path = f"/act/{PLAN}?k={token}"
    told = service.request(
        "POST", path, content=b"x", headers={**kind, "content-length": str(2 << 30)}
    )
    streamed = service.request("POST", path, content=chunks(), headers=kind)
    for refused in (told, streamed):
        assert refused.status_code == 413
        assert "每个最多 20 MB" in refused.text
    nobody = service.request("POST", f"/act/{PLAN}?k=x", content=chunks(), headers=kind)
    assert nobody.status_code == 403


def test_a_broken_form_is_said_to_be_one(service: Service) -> None:
    kind = {"content-type": "multipart/form-data; boundary=x", "origin": URL}
    path = f"/act/{PLAN}?k={link(service)}"
    assert service.request("POST", path, content=b"junk", headers=kind).status_code in (400, 409)


def test_a_cancelled_item_offers_nothing(service: Service) -> None:
    with writing(service.house.engine) as session:
        row = session.get(StoredOccurrence, PLAN)
        assert row is not None
        row.status = "cancelled"
        session.add(row)
    token = link(service)
    assert "name=\"act\"" not in service.get(f"/items/{PLAN}?k={token}").text
    assert press(service, token, "submitted", **PERSON).status_code == 409


def test_an_item_that_is_gone_is_said_so(service: Service) -> None:
    token = link(service, key="pair-2025/plan/da.gone/once")
    assert service.get(f"/items/pair-2025/plan/da.gone/once?k={token}").status_code == 404


def test_the_engine_s_word_is_on_the_page(service: Service) -> None:
    with writing(service.house.engine) as session:
        said = Statement(PLAN, "completed", on=date(2026, 3, 6))
        record(session, said, service.now, "测试", service.house.world)
    assert "报送工作方案 已报" in text(service.get(f"/items/{PLAN}?k={link(service)}"))
