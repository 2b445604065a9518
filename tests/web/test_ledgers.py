"""An authority's 台账 behind the link of its mail: whom it shows, that it only shows, that it ends."""

from __future__ import annotations

import io
import re
from datetime import date

import pytest
from openpyxl import load_workbook
from sqlmodel import select

from notifications import links
from notifications.links import Scope
from scheduler.store import reading, writing
from scheduler.tables import Audit, Message, Notice
from tests.notifications.post import text_of
from tests.scheduler.house import PLAN, TABLES, WORKFLOW, at, found
from tests.web.service import URL, Service, later, text
from tests.web.test_pages import send

# A second city with a hospital of its own, and the desk of the issuing office.
TWO = {
    **TABLES,
    "institutions.csv": TABLES["institutions.csv"]
    + "shi2,丁市卫健委,authority,,,,ju,,,,,,,\n"
    + "ding,丁市人民医院,hospital,,丁市,,shi2,,,,,,,\n"
    + "chu,医政处,office,,,,,,,ju,,,,\n",
    "pairings.csv": TABLES["pairings.csv"] + "ding.xiao2,ding,xiao2,附件第2行,,,,,\n",
}
UNTIL = date(2026, 6, 4)


@pytest.fixture
def two(service: Service) -> Service:
    service.store.edit(found(WORKFLOW, TWO), "2026-03-06 09:20")
    return service


def link(
    service: Service, institution: str, *, of: str = "", until: date = UNTIL, key: str = ""
) -> str:
    """Return the token of a coordinator's mail."""
    with writing(service.house.engine) as session:
        scope = Scope(key or links.ledger(of or institution), institution, "coordinator", until)
        return links.sign(links.secret(session), scope)


def test_every_address_in_a_mail_opens_without_a_session(service: Service) -> None:
    send(service, "2026-03-06 09:00")
    with reading(service.house.engine) as session:
        mails = {m.institution: m for m in session.exec(select(Message))}
    mine = text_of(mails["da"])
    assert re.search(rf"本单位台账：{URL}/ledgers/da\?k=\S+", mine)
    addresses = set(re.findall(rf"{URL}(/\S*)", mine))
    assert len(addresses) >= 3
    for address in addresses:
        assert service.get(address).status_code == 200, address
    ledger = text(service.get(next(one for one in addresses if "/ledgers/" in one)))
    assert "甲市人民医院" in ledger
    assert "甲市卫健委" not in re.sub(r"<option.*?</option>", "", ledger)


def test_who_has_nothing_to_report_is_told_so(service: Service) -> None:
    page = service.get(f"/ledgers/xiao?k={link(service, 'xiao')}")
    assert page.status_code == 200
    assert "乙县人民医院在现行文件里没有按期报送的事项" in text(page)
    assert "谁还没有报" not in text(page)


def test_a_day_of_another_year_has_its_year(service: Service) -> None:
    token = link(service, "da", until=date(2027, 1, 20))
    assert "2027年1月20日以前有效" in text(service.get(f"/ledgers/da?k={token}"))
    assert "，6月4日以前有效" in text(service.get(f"/ledgers/da?k={link(service, 'da')}"))


def test_the_button_of_an_escalation_opens_it(service: Service) -> None:
    send(service, "2026-03-27 09:00")
    with reading(service.house.engine) as session:
        mails = {m.institution: m for m in session.exec(select(Message))}
        told = text_of(mails["shi"])
        mine = text_of(mails["da"]) if "da" in mails else ""
    address = re.search(rf"查看台账：{URL}(/ledgers/shi\S+)", told)
    assert address is not None
    assert "查看台账" not in mine
    shown = service.get(address[1])
    assert shown.status_code == 200
    said = text(shown)
    assert "甲市卫健委 谁还没有报 · 2026年全年" in said
    assert "甲市人民医院 逾期未报" in said
    assert "这个链接是给甲市卫健委协调员的，6月25日以前有效，只能查看" in said
    assert "set-cookie" not in shown.headers


def test_it_shows_those_below_and_nobody_else(two: Service) -> None:
    year = "document=pair-2025&period=2026"
    mine = text(two.get(f"/ledgers/shi?{year}&k={link(two, 'shi')}"))
    assert "甲市人民医院" in mine
    assert "甲市卫健委" in mine
    for other in ("丁市", "有关单位"):
        assert other not in mine
    theirs = text(two.get(f"/ledgers/shi2?{year}&k={link(two, 'shi2')}"))
    assert "丁市人民医院 未到期" in theirs
    assert "甲市" not in theirs
    for issuing in ("ju", "chu"):
        whole = text(two.get(f"/ledgers/{issuing}?{year}&k={link(two, issuing)}"))
        for name in ("甲市人民医院", "丁市人民医院", "甲市卫健委", "有关单位"):
            assert name in whole
    own = text(two.get(f"/ledgers/da?{year}&k={link(two, 'da')}"))
    assert "报送单位（1）" in own


def test_it_filters_and_exports_under_the_same_link(two: Service) -> None:
    token = link(two, "shi")
    page = two.get(f"/ledgers/shi?k={token}")
    assert f'name="k" value="{token}"' in page.text
    assert "没有符合的单位" in text(two.get(f"/ledgers/shi?period=2026&state=免报&k={token}"))
    address = re.search(r'href="(/ledgers/shi/book\.xlsx[^"]+)"', page.text)
    assert address is not None
    book = two.get(address[1].replace("&amp;", "&"))
    assert book.status_code == 200
    sheet = load_workbook(io.BytesIO(book.content)).active
    assert sheet is not None
    assert [row[1].value for row in sheet.iter_rows(min_row=2)] == ["甲市人民医院"]


def test_it_is_only_to_look_at(two: Service) -> None:
    token = link(two, "shi")
    page = two.get(f"/ledgers/shi?period=2026&k={token}")
    assert "/items/" not in page.text
    assert 'method="post"' not in page.text
    assert "提醒未报的" not in page.text
    for path in (f"/items/{PLAN}?k={token}", f"/evidence/x.pdf?item={PLAN}&k={token}"):
        assert two.get(path).status_code == 403
    for path in ("/ledger", "/ledger.xlsx", "/"):
        assert two.get(f"{path}?k={token}").status_code == 401
    assert two.post(f"/ledgers/shi?k={token}", document="pair-2025").status_code == 405
    asked = two.post(f"/ledger/remind?k={token}", document="pair-2025", period="2026", confirmed="1")
    assert asked.status_code == 401
    acted = two.post(f"/act/{PLAN}?k={token}", act="waived", confirmed="1", reason="x")
    assert acted.status_code == 403
    with reading(two.house.engine) as session:
        assert session.exec(select(Notice)).all() == []
        assert [a for a in session.exec(select(Audit)) if a.action in ("remind", "record")] == []


def test_a_link_is_good_for_its_own_and_ends(two: Service) -> None:
    good = link(two, "shi")
    wrong = (
        f"/ledgers/shi2?k={good}", f"/ledgers/ju?k={good}", f"/ledgers/shi?k={good}x",
        "/ledgers/shi?k=", f"/ledgers/shi?k={link(two, 'shi', key=PLAN)}",
        f"/ledgers/shi?k={link(two, 'shi2', of='shi')}", f"/ledgers/shi/book.xlsx?k={good[:-1]}",
    )  # fmt: skip
    for path in wrong:
        refused = two.get(path)
        assert refused.status_code in (401, 403), path
        assert "甲市" not in refused.text
    assert "这个链接打不开这份台账" in two.get(f"/ledgers/shi2?k={good}").text
    assert two.get("/ledgers/shi").status_code == 401
    later(two, "2026-06-05 00:00")
    for path in ("/ledgers/shi", "/ledgers/shi/book.xlsx"):
        ended = two.get(f"{path}?k={good}")
        assert ended.status_code == 410
        assert "这个链接过期了" in ended.text


def test_what_there_is_not_gives_way_to_what_is_being_asked_for(two: Service) -> None:
    token = link(two, "shi2")
    for asked in ("document=none", "period=1999", "period=<b>", ""):
        page = two.get(f"/ledgers/shi2?{asked}&k={token}")
        assert page.status_code == 200, asked
        assert "丁市人民医院" in page.text
    nowhere = two.get(f"/ledgers/gone?k={link(two, 'gone')}")
    assert nowhere.status_code == 200
    assert "没有按期报送的事项" in nowhere.text
    assert two.get(f"/ledgers/gone/book.xlsx?k={link(two, 'gone')}").status_code == 403


def test_the_admin_can_look_at_it_too(two: Service) -> None:
    two.sign_in()
    two.now = at("2026-03-25 09:00")
    page = two.get("/ledgers/shi")
    assert "甲市人民医院 逾期未报" in text(page)
    assert f'href="/items/{PLAN}"' in page.text
