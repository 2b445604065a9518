"""The 台账: who has reported, who has not, and one button for those who have not."""

from __future__ import annotations

import io
import re
from datetime import date

import pytest
from openpyxl import load_workbook

from scheduler.ledger import workbook
from scheduler.matrix import matrix
from scheduler.recording import Statement, record
from scheduler.store import reading, writing
from tests.scheduler.house import JUNE, PLAN, TABLES, WORKFLOW, at, found
from tests.web.service import Service, text

SECOND = {
    **TABLES,
    "pairings.csv": TABLES["pairings.csv"] + "da.xiao2,da,xiao2,附件第2行,,,,,\n",
}


def say(service: Service, key: str, kind: str = "completed", **more: object) -> None:
    with writing(service.house.engine) as session:
        said = Statement(key, kind, **more)  # type: ignore[arg-type]
        record(session, said, service.now, "测试", service.house.world)


def test_without_a_choice_it_shows_what_is_being_asked_for(admin: Service) -> None:
    page = text(admin.get("/ledger"))
    assert "谁还没有报 · 一次性事项" in page
    assert "应报 1 ，已报 0 ，按期 0" in page
    assert "甲市人民医院 未到期" in page
    assert "有关单位" in page
    assert "提醒没到期的 1 家" in page
    admin.now = at("2026-06-01 09:00")
    assert "2026年6月20日到期" in text(admin.get("/ledger"))


def test_words_and_counts_follow_what_is_recorded(admin: Service) -> None:
    admin.now = at("2026-03-25 09:00")
    assert "甲市人民医院 逾期未报" in text(admin.get("/ledger?period=once"))
    say(admin, PLAN, on=date(2026, 3, 19))
    page = text(admin.get("/ledger?period=once"))
    assert "甲市人民医院 已报" in page
    assert "应报 1 ，已报 1 ，按期 1" in page
    assert "只提醒未报的" not in page
    year = text(admin.get("/ledger?period=2026"))
    assert "甲市卫健委 –" in year
    assert "应报 3 ，已报 1 ，按期 1" in year


def test_several_of_one_institution_stand_in_one_place(admin: Service) -> None:
    admin.store.edit(found(WORKFLOW, SECOND), "2026-03-06 09:20")
    say(admin, PLAN, on=date(2026, 3, 5))
    page = admin.get("/ledger?period=once")
    assert re.search(r"<summary>.*已报.*未到期.*</summary>", page.text)
    assert "丙县人民医院" in text(page)


def test_filters_leave_what_they_say(admin: Service) -> None:
    page = text(admin.get("/ledger?period=2026&obligation=progress"))
    assert "报送单位（1） 报送进展表" in page
    assert "应报 2 ，已报 0 ，按期 0 （按下面的筛选）" in page
    page = text(admin.get("/ledger?period=2026&city=甲市"))
    assert "报送单位（1）" in page
    assert "甲市卫健委" not in page
    assert "没有符合的单位" in text(admin.get("/ledger?period=2026&state=免报"))
    assert "没有符合的单位" in text(admin.get("/ledger?period=2026&city=<b>"))


@pytest.mark.parametrize("query", ["document=none", "period=none", "period=1999", "period=<b>"])
def test_what_is_not_there_is_404(admin: Service, query: str) -> None:
    assert admin.get(f"/ledger?{query}").status_code == 404
    assert admin.get(f"/ledger.xlsx?{query}").status_code == 404


def test_the_workbook_is_that_of_the_command(admin: Service) -> None:
    book = admin.get("/ledger.xlsx?document=pair-2025&period=2026")
    assert book.status_code == 200
    assert book.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    with reading(admin.house.engine) as session:
        whole = matrix(session, admin.house.world, "pair-2025", admin.now, "2026")
    sheet = load_workbook(io.BytesIO(book.content)).active
    same = load_workbook(io.BytesIO(workbook(whole))).active  # but for the second it was made in
    assert sheet is not None
    assert same is not None
    assert list(sheet.values) == list(same.values)
    assert sheet.freeze_panes == "A2"


def test_the_button_reminds_those_who_owe_after_a_confirmation(admin: Service) -> None:
    off = text(admin.post("/ledger/remind", document="pair-2025", period="2026-jun"))
    assert "欠着的都还没有到该催的时候" in off
    assert "另有 1 项没有列入：离到期还有七个工作日以上，最早的 6月20日到期" in off
    june = {"document": "pair-2025", "period": "2026-jun", "everything": "1"}
    asked = admin.post("/ledger/remind", **june)
    assert asked.status_code == 200
    assert "提醒未报的 1 家" in text(asked)
    assert "甲市卫健委 报送进展表 6月20日 未到期" in text(asked)
    assert [n for n in admin.store.notices(JUNE) if n.rung == "remind"] == []
    refused = admin.post("/ledger/remind", document="pair-2025", period="2026-jun", confirmed="1")
    assert refused.status_code == 409
    assert "还没有到该催的时候" in refused.text
    assert admin.store.notices(JUNE) == []
    done = admin.post("/ledger/remind", **june, confirmed="1")
    assert done.status_code == 303
    assert len(admin.store.notices(JUNE)) == 1
    assert admin.store.notices(PLAN) == []
    assert "已安排提醒 1 家" in text(admin.get(done.headers["location"]))
    again = admin.post("/ledger/remind", **june, confirmed="1")
    assert again.status_code == 409
    assert "今天已经催过这一期" in again.text
    assert admin.post("/ledger/remind", document="none", period="2026").status_code == 404


def test_it_needs_the_session(service: Service) -> None:
    for path in ("/ledger", "/ledger.xlsx"):
        assert service.get(path).status_code == 401
    assert service.post("/ledger/remind", document="pair-2025", period="2026").status_code == 401


def test_a_house_has_its_own_colours(admin: Service) -> None:
    assert "theme.css" not in admin.get("/").text
    assert admin.get("/static/theme.css").status_code == 404
    admin.settings.data.mkdir(parents=True, exist_ok=True)
    (admin.settings.data / "theme.css").write_text(":root { --late: #a00; }", encoding="utf-8")
    page = admin.get("/").text
    assert page.index("/static/style.css") < page.index("/static/theme.css")
    admin.cookies.clear()
    served = admin.get("/static/theme.css")
    assert served.text == ":root { --late: #a00; }"
    assert served.headers["content-type"].startswith("text/css")


def test_the_first_page_can_be_that_of_one_institution(admin: Service) -> None:
    page = text(admin.get("/?institution=甲市人民医院"))
    assert "甲市人民医院 2026年3月6日（周五）" in page
    assert "报送工作方案" in page
    assert "报送进展表" not in page.partition("近期要办")[2].partition("2026年一览")[0]
    other = text(admin.get("/?institution=丙县人民医院"))
    assert "本周没有要报的" in other
    assert "报送工作方案" not in other.partition("近期要办")[2].partition("文件")[0]
    wrong = admin.get("/?institution=<b>无")
    assert "名册里没有“&lt;b&gt;无”" in wrong.text
    assert "报送工作方案" in wrong.text


def test_figures_count_what_is_late_waiting_and_in_time(admin: Service) -> None:
    admin.now = at("2026-03-24 09:00")
    assert "1 逾期未报" in figures(admin)
    say(admin, PLAN, on=date(2026, 3, 20))
    assert "0 逾期未报" in figures(admin)
    assert "1 / 1 今年按时报送" in figures(admin)
    say(admin, PLAN, "corrected", reason="记错")
    say(admin, PLAN, on=date(2026, 3, 21))
    assert "0 / 1 今年按时报送" in figures(admin)
    say(admin, JUNE, on=date(2026, 3, 22))
    assert "1 / 2 今年按时报送" in figures(admin)


def figures(service: Service) -> str:
    page = service.get("/").text
    found = re.findall(r"<dt>([^<]+)</dt><dd[^>]*>([^<]+)</dd></div>", page)
    return " ".join(f"{number} {name}" for name, number in found)
