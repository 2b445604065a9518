"""The page of a new address: ready-made variants, a file of the present state, words per client."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest

from tests.notifications.feed_samples import check_bytes
from tests.scheduler.house import BASE, loaded
from tests.web.service import URL, Service, text
from web.subscribe_page import choices, documents

DOWNLOAD = "/subscriptions/1/calendar.ics"


def test_every_ready_made_address_gives_its_variant(admin: Service) -> None:
    made = admin.post("/subscriptions", institution="甲市人民医院", name="办公室值班手机")
    found = re.findall(rf">({URL}/feeds/[A-Za-z0-9_-]{{43}}\.ics\S*)</code>", made.text)
    plain, *variants = (one.removeprefix(URL).replace("&amp;", "&") for one in found)
    assert [one.partition("?")[2] for one in variants] == ["alarms=1", "frequent=1"]
    assert b"VALARM" not in admin.get(plain).content
    assert b"VALARM" in admin.get(variants[0]).content
    for one in variants:
        assert f'href="webcal://duban.example{one}"' in made.text
        check_bytes(admin.get(one).content)


def test_the_page_says_for_each_client_how_and_how_often(admin: Service) -> None:
    page = text(admin.post("/subscriptions", institution="da", name="x"))
    for client in ("iPhone", "ICSx⁵", "Outlook", "Thunderbird", "Google", "Nextcloud"):
        assert client in page
    assert "企业微信、钉钉、飞书目前没有已知的办法订阅外部地址" in page
    assert "<script" not in admin.post("/subscriptions", institution="da", name="x").text


def test_the_present_state_is_a_file_to_keep(admin: Service) -> None:
    path = f"/feeds/{admin.subscribe()}.ics"
    got = admin.get(DOWNLOAD)
    assert got.status_code == 200
    assert got.content == admin.get(path, headers={"accept-encoding": "identity"}).content
    assert got.headers["content-type"].startswith("text/calendar")
    said = got.headers["content-disposition"]
    assert said.startswith("attachment;")
    assert unquote(said).endswith("督办-甲市人民医院.ics")
    assert got.headers["cache-control"] == "no-store"
    assert DOWNLOAD in admin.get("/subscriptions").text


def test_a_file_is_for_who_is_signed_in_and_of_an_address_in_use(service: Service) -> None:
    service.subscribe()
    assert service.get(DOWNLOAD).status_code == 401
    service.sign_in()
    assert service.get("/subscriptions/9/calendar.ics").status_code == 404
    assert service.get("/subscriptions/x/calendar.ics").status_code == 404
    assert service.post("/subscriptions/1/revoke").status_code == 303
    assert service.get(DOWNLOAD).status_code == 404


def test_a_file_of_what_was_never_rendered_is_503(
    admin: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_owner: str) -> None:
        raise RuntimeError

    monkeypatch.setattr(admin.house.upkeep, "ask", broken)
    admin.post("/subscriptions", institution="da", name="x")
    refused = admin.get(DOWNLOAD)
    assert refused.status_code == 503
    assert "VCALENDAR" not in refused.text


def test_one_document_is_offered_where_there_are_several() -> None:
    files = loaded()
    (name,) = files.documents
    two = {name: files.documents[name], "other": files.documents[name]}
    rosters = {name: files.rosters[name], "other": files.rosters[name]}
    world = type(BASE)(two, rosters, BASE.workdays)
    queries = [one.address.partition("?")[2] for one in choices("https://x", "da", world)]
    assert queries == ["alarms=1", "frequent=1", f"document={name}", "document=other"]
    assert documents("region:shi", world) == [name, "other"]
    assert documents("nobody", world) == documents(f"document:{name}", world) == []
    assert documents(f"pairing:{name}/da.xiao", world) == []
