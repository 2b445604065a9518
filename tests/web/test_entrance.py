"""Signing in, and who may see and send what."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.web.service import URL, Service
from web.gate import LARGEST_FORM

PAGES = ("/", "/documents", "/documents/pair-2025", "/items/pair-2025/plan/da.xiao/once",
         "/outbox", "/outbox/1", "/subscriptions", "/docs", "/nowhere")  # fmt: skip


def test_opening_the_link_uses_nothing_up(service: Service) -> None:
    link = service.link()
    for method in ("GET", "HEAD", "GET"):
        shown = service.request(method, link)
        assert shown.status_code in (200, 405)
        assert "set-cookie" not in shown.headers
    assert '<form method="post">' in service.get(link).text
    assert service.get("/").status_code == 401


def test_what_every_mail_links_to_is_open_to_all(service: Service) -> None:
    shown = service.get("/notifications")
    assert shown.status_code == 200
    assert "不能退订" in shown.text
    assert service.get("/notifications/other").status_code == 401


def test_the_button_signs_in_once(service: Service) -> None:
    link = service.link()
    used = service.post(link)
    assert used.status_code == 303
    assert used.headers["location"] == "/"
    cookie = used.headers["set-cookie"].lower()
    for part in ("httponly", "samesite=lax", "secure", "path=/", "max-age=1209600"):
        assert part in cookie
    assert service.get("/").status_code == 200
    service.cookies.clear()
    assert service.post(link).status_code == 410
    assert service.get(link).status_code == 410
    assert service.get("/").status_code == 401


def test_two_at_once_are_one(service: Service) -> None:
    link = service.link()
    found = service.many([("POST", link, {"headers": {"origin": URL}})] * 8)
    assert sorted(one.status_code for one in found) == [303] + [410] * 7


def test_a_link_is_good_for_a_day_and_a_session_for_two_weeks(service: Service) -> None:
    link = service.link()
    service.wall += timedelta(hours=24)
    assert service.post(link).status_code == 410
    service.sign_in()
    service.wall += timedelta(days=14, seconds=-1)
    assert service.get("/").status_code == 200
    service.wall += timedelta(seconds=1)
    assert service.get("/").status_code == 401


def test_a_fast_clock_does_not_end_the_session(admin: Service) -> None:
    admin.now += timedelta(days=400)
    assert admin.get("/documents").status_code == 200


def test_signing_out_ends_the_session_everywhere(admin: Service) -> None:
    kept = dict(admin.cookies)
    left = admin.post("/sign-out")
    assert "已退出" in left.text
    assert 'duban=""' in left.headers["set-cookie"]
    stolen = {"cookie": f"duban={kept['duban']}"}
    assert admin.get("/", headers=stolen).status_code == 401


def test_without_https_the_cookie_is_sent_all_the_same(tmp_path: Path) -> None:
    service = Service(tmp_path, base_url="http://127.0.0.1:8000")
    assert "secure" not in service.post(service.link()).headers["set-cookie"].lower()


@pytest.mark.parametrize("path", PAGES)
def test_pages_need_a_session(service: Service, path: str) -> None:
    refused = service.get(path)
    assert refused.status_code == 401
    assert "请先登录" in refused.text
    assert "甲市" not in refused.text


def test_the_api_needs_a_session_and_says_so_as_json(service: Service) -> None:
    refused = service.get("/api/deadlines")
    assert refused.status_code == 401
    assert refused.json() == {"detail": "请先登录"}


@pytest.mark.parametrize(
    "cookie", ["", "duban=", "duban=" + "A" * 43, "duban=x; duban=y", "=;=", "duban=\x00", "字"]
)
def test_a_wrong_cookie_opens_nothing(service: Service, cookie: str) -> None:
    refused = service.get("/", headers={"cookie": cookie.encode()})  # type: ignore[dict-item]
    assert refused.status_code == 401


def test_a_link_is_not_a_session(service: Service) -> None:
    secret = service.link().rpartition("/")[2]
    assert service.get("/", headers={"cookie": f"duban={secret}"}).status_code == 401


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"origin": URL}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({}, True),  # no browser
        ({"origin": "https://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "https://duban.example.evil.example"}, False),
        ({"sec-fetch-site": "cross-site", "origin": URL}, False),
        ({"sec-fetch-site": "same-site"}, False),
    ],
)
def test_forms_come_only_from_our_own_pages(
    admin: Service, headers: dict[str, str], passes: bool
) -> None:
    data = {"institution": "da", "name": "值班"}
    sent = admin.request("POST", "/subscriptions", data=data, headers=headers)
    assert sent.status_code == (200 if passes else 403)
    assert ("没有改动任何东西" in sent.text) is not passes


def test_a_form_needs_a_session_too(service: Service) -> None:
    assert service.post("/subscriptions", institution="da", name="x").status_code == 401


def test_oversized_forms_are_refused(admin: Service) -> None:
    big = b"name=" + b"x" * LARGEST_FORM

    async def chunks():  # type: ignore[no-untyped-def]
        yield big[:1000]
        yield big[1000:]

    kind = {"content-type": "application/x-www-form-urlencoded", "origin": URL}
    told = admin.request("POST", "/subscriptions", content=big, headers=kind)
    assert told.status_code == 413
    streamed = admin.request("POST", "/subscriptions", content=chunks(), headers=kind)
    assert streamed.status_code == 413


@pytest.mark.parametrize("path", [*PAGES, "/static/style.css", "/openapi.json", "/api/deadlines",
                                  "/readyz", "/sign-in/x"])  # fmt: skip
def test_every_answer_is_guarded(service: Service, path: str) -> None:
    for signed_in in (False, True):
        if signed_in:
            service.sign_in()
        headers = service.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "http" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert ("no-store" in headers.get("cache-control", "")) is not path.startswith("/static/")


def test_over_plain_http_a_browser_can_still_say_where_a_form_comes_from(tmp_path: Path) -> None:
    """Under no-referrer its Origin would be null, and there is no Sec-Fetch-Site."""
    service = Service(tmp_path, base_url="http://10.0.0.5:8000")
    assert service.get("/notifications").headers["referrer-policy"] == "strict-origin"
    said = {"sec-fetch-site": "none"}  # to loopback and over https browsers do say it
    assert service.get("/notifications", headers=said).headers["referrer-policy"] == "no-referrer"
