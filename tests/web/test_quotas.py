"""The pages of quotas: where each window stands, and activities added and withdrawn there."""

from __future__ import annotations

import re
from datetime import date

from scheduler import activities, evidence
from scheduler.recording import Statement, record
from scheduler.store import reading, writing
from tests.scheduler.house import PLAN, TABLES, WORKFLOW, found
from tests.scheduler.test_quota_report import CITIES, VISITS
from tests.web.service import Service, text
from web import queries

ONE = "/quotas/pair-2025/da.xiao"


def add(admin: Service, **form: str) -> tuple[int, str]:
    answer = admin.post(ONE, **({"obligation": "lecture", "on": "2026-03-05", "count": "1"} | form))
    return answer.status_code, text(answer)


def test_only_who_is_signed_in_sees_them(service: Service) -> None:
    assert service.get("/quotas").status_code == 401
    assert service.post(ONE, obligation="lecture", on="2026-03-05").status_code == 401


def test_the_present_windows_of_all_pairings(admin: Service) -> None:
    page = text(admin.get("/quotas"))
    for part in ("甲市人民医院 → 乙县人民医院", "每月讲座", "按进度 0/1", "登记过活动的 0 对关系"):
        assert part in page
    assert admin.get("/quotas?document=nothing").status_code == 404
    assert admin.get("/quotas/pair-2025/nobody").status_code == 404


def test_an_activity_is_added_and_withdrawn(admin: Service) -> None:
    assert add(admin, count="2", evidence="签到表") == (303, "")
    page = text(admin.get(ONE))
    assert "已达到 2/1" in page
    assert "2026年3月5日（周四） · 2 次（人、项） · 签到表" in page
    assert "登记过活动的 1 对关系" in text(admin.get("/quotas"))
    refused = admin.post(f"{ONE}/withdraw/1", reason=" ")
    assert (refused.status_code, "撤回要写明理由" in text(refused)) == (422, True)
    assert admin.post(f"{ONE}/withdraw/1", reason="记错了").status_code == 303
    page = text(admin.get(ONE))
    assert "按进度 0/1" in page
    assert "已撤回" in page
    assert "理由：记错了" in page


def test_what_is_wrong_is_said_and_nothing_recorded(admin: Service) -> None:
    for form, said in (
        ({"on": "2026-03-07"}, "还没有到"),
        ({"on": "昨天"}, "日期写作"),
        ({"count": "0"}, "次数不能是 0"),
        ({"obligation": "plan"}, "不是频次事项"),
        ({"item": "随便"}, "不分项"),
    ):
        status, page = add(admin, **form)
        assert status == 422, form
        assert said in page
        assert "没有登记" in page
    with reading(admin.house.engine) as session:
        assert activities.listed(session, withdrawn=True) == []


def test_a_withdrawal_under_another_address_is_not_found(admin: Service) -> None:
    add(admin)
    assert admin.post("/quotas/pair-2025/shi/withdraw/1", reason="错").status_code == 404


def test_a_form_from_elsewhere_is_refused(admin: Service) -> None:
    answer = admin.request(
        "POST", ONE, data={"obligation": "lecture", "on": "2026-03-05"},
        headers={"origin": "https://elsewhere.example"},
    )  # fmt: skip
    assert answer.status_code == 403


def test_hostile_words_stay_words(admin: Service) -> None:
    add(admin, evidence="<script>alert(1)</script>")
    assert "<script>" not in admin.get(ONE).text


def test_a_file_that_is_an_activitys_evidence_is_fetched_from_there(admin: Service) -> None:
    now = admin.house.now()
    with writing(admin.house.engine) as session:
        name = evidence.store(session, "签到表.pdf", b"%PDF-1", now, "测试")
        other = evidence.store(session, "别的.pdf", b"%PDF-2", now, "测试")
        done = activities.Done("pair-2025", "lecture", date(2026, 3, 5), "da", "xiao", evidence=name)
        activities.record(session, done, now, "测试", admin.house.world)
    assert f'<a href="/{name}">佐证文件</a>' in admin.get(ONE).text
    assert admin.get(f"/{name}").content == b"%PDF-1"
    assert admin.get(f"/{other}").status_code == 404


def test_nobody_else_fetches_it(service: Service) -> None:
    with writing(service.house.engine) as session:
        now = service.house.now()
        name = evidence.store(session, "签到表.pdf", b"%PDF-1", now, "测试")
        done = activities.Done("pair-2025", "lecture", date(2026, 3, 5), "da", "xiao", evidence=name)
        activities.record(session, done, now, "测试", service.house.world)
    assert service.get(f"/{name}").status_code in (401, 403)


def test_whom_it_is_about_is_named_and_who_keeps_records_comes_first(admin: Service) -> None:
    admin.store.edit(found(WORKFLOW + VISITS, TABLES | CITIES), "2026-03-05 10:00")
    names = re.findall(r'<th scope="row"><a [^>]*>([^<]*)</a>', admin.get("/quotas").text)
    pairs = [f"甲市人民医院 → {name}人民医院" for name in ("丁县", "乙县", "丙县")]
    assert names == [*pairs, "省局 → 甲市卫健委", "省局 → 乙市卫健委"]
    assert add(admin)[0] == 303
    names = re.findall(r'<th scope="row"><a [^>]*>([^<]*)</a>', admin.get("/quotas").text)
    assert names[0] == pairs[1]
    assert "省局 → 乙市卫健委" in text(admin.get("/quotas/pair-2025/shi2"))


def test_a_page_begins_with_the_document_of_which_most_is_recorded(admin: Service) -> None:
    def first(recorded: object) -> str:
        with reading(admin.house.engine) as session:
            return queries.liveliest(session, recorded, ["another", "pair-2025"])

    both = queries.ACTIVITY_DOCUMENTS, queries.FACT_DOCUMENTS
    assert [first(one) for one in both] == ["another", "another"]
    assert add(admin)[0] == 303
    assert [first(one) for one in both] == ["pair-2025", "another"]
    with writing(admin.house.engine) as session:
        record(session, Statement(PLAN, "completed"), admin.now, "测试", admin.house.world)
    assert [first(one) for one in both] == ["pair-2025", "pair-2025"]
