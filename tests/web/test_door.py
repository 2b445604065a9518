"""The feeds' route: bytes, validators, refusals (RFC 9110), and what it never says."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from notifications import feed, feed_next, feeds, tokens
from notifications.feed import Variant
from scheduler.recording import Statement, record
from scheduler.store import reading, writing
from scheduler.tables import Feed
from tests.notifications.feed_samples import check_bytes, events
from tests.scheduler.house import PLAN
from tests.web.service import Service
from web.served import Served, takes_gzip


@pytest.fixture
def path(service: Service) -> str:
    return f"/feeds/{service.subscribe()}.ics"


def body_of(service: Service, institution: str = "da") -> bytes:
    with reading(service.house.engine) as session:
        row = session.get(Feed, institution)
    assert row is not None
    return row.body


def test_the_bytes_are_those_of_the_store_with_every_header(service: Service, path: str) -> None:
    got = service.get(path, headers={"accept-encoding": "identity"})
    assert got.status_code == 200
    assert got.content == body_of(service)
    check_bytes(got.content)
    assert got.headers["content-type"] == "text/calendar; charset=utf-8"
    assert got.headers["content-length"] == str(len(got.content))
    assert got.headers["cache-control"] == "private"
    assert got.headers["referrer-policy"] == "no-referrer"
    assert got.headers["x-robots-tag"] == "noindex"
    assert got.headers["vary"] == "Accept-Encoding"
    assert got.headers["etag"].startswith('"')
    assert got.headers["last-modified"] == "Fri, 06 Mar 2026 01:30:00 GMT"
    for absent in ("set-cookie", "content-disposition", "location", "content-encoding"):
        assert absent not in got.headers


def test_head_is_get_without_the_body(service: Service, path: str) -> None:
    plain = {"accept-encoding": "identity"}
    got, head = service.get(path, headers=plain), service.request("HEAD", path, headers=plain)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers == got.headers


def test_gzip_is_another_representation_of_the_same_bytes(service: Service, path: str) -> None:
    plain = service.get(path, headers={"accept-encoding": "identity"})
    packed = service.get(path, headers={"accept-encoding": "br, gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content  # unpacked by the client
    assert int(packed.headers["content-length"]) < len(plain.content)
    assert packed.headers["etag"] != plain.headers["etag"]


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        (b"gzip", True),
        (b"gzip;q=0.5, br", True),
        (b"*", True),
        (b"deflate, GZIP ;q=1.0", True),
        (b"gzip;q=0", False),
        (b"gzip;q=0.000, *", False),
        (b"identity", False),
        (b"xgzip", False),
        (b"", False),
    ],
)
def test_which_accept_encodings_take_gzip(accept: bytes, taken: bool) -> None:
    assert takes_gzip(accept) is taken


@pytest.mark.parametrize(
    "shape",
    ["{}", "W/{}", '"other", {}', '"a,b" ,W/{}', "*", " * "],
)
def test_a_known_validator_is_not_sent_again(service: Service, path: str, shape: str) -> None:
    for encoding in ("identity", "gzip"):
        got = service.get(path, headers={"accept-encoding": encoding})
        headers = {"if-none-match": shape.format(got.headers["etag"]), "accept-encoding": encoding}
        again = service.get(path, headers=headers)
        assert again.status_code == 304
        assert again.content == b""
        for repeated in ("etag", "last-modified", "cache-control", "vary"):
            assert again.headers[repeated] == got.headers[repeated]
        assert "content-type" not in again.headers


@pytest.mark.parametrize("tag", ['"other"', "nonsense", "", '""', '"*"'])
def test_another_validator_gets_the_bytes(service: Service, path: str, tag: str) -> None:
    got = service.get(path)
    since = got.headers["last-modified"]
    headers = {"if-none-match": tag, "if-modified-since": since}
    assert service.get(path, headers=headers).status_code == 200


def test_if_modified_since(service: Service, path: str) -> None:
    def status(since: str) -> int:
        return service.get(path, headers={"if-modified-since": since}).status_code

    assert status(service.get(path).headers["last-modified"]) == 304
    assert status(format_datetime(service.now + timedelta(hours=1))) == 304
    assert status(format_datetime(service.now - timedelta(seconds=1))) == 200
    assert status("gestern") == 200
    assert status("Fri, 06 Mar 2026 01:30:00") == 200


def test_a_fact_is_served_with_new_validators(service: Service, path: str) -> None:
    old = service.get(path)
    with writing(service.house.engine) as session:
        record(session, Statement(PLAN, "completed"), service.now, "测试", service.house.world)
    service.house.upkeep.look()
    service.house.shelf.refresh()
    new = service.get(path, headers={"if-none-match": old.headers["etag"]})
    assert new.status_code == 200
    assert new.headers["last-modified"] > old.headers["last-modified"]
    assert events(new.content)[feed.uid(PLAN)]["SUMMARY"].startswith("✓")


def test_unknown_tokens_are_404_and_revoked_ones_410(service: Service, path: str) -> None:
    assert service.get(path).status_code == 200
    unknown = service.get(f"/feeds/{'A' * 43}.ics")
    assert unknown.status_code == 404
    with writing(service.house.engine) as session:
        tokens.revoke(session, 1, service.now)
    service.house.shelf.refresh()
    revoked = service.get(path)
    assert revoked.status_code == 410
    for refused in (unknown, revoked):
        assert refused.headers["content-type"] == "text/plain; charset=utf-8"
        assert refused.headers["cache-control"] == "no-store"
        assert "BEGIN:VCALENDAR" not in refused.text


@pytest.mark.parametrize(
    "wrong",
    ["", "x.ics", "A" * 42 + ".ics", "A" * 44 + ".ics", "A" * 43, "A" * 43 + ".ICS",
     "%00" * 5 + ".ics", "A" * 43 + ".ics/", "字" * 43 + ".ics"],
)  # fmt: skip
def test_broken_addresses_are_404(service: Service, wrong: str) -> None:
    assert service.get(f"/feeds/{wrong}").status_code in (404, 401)
    assert service.get("/feeds/").status_code == 404


def test_unknown_and_revoked_take_the_same_way(
    service: Service, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writing(service.house.engine) as session:
        tokens.revoke(session, 1, service.now)
    looks: list[str] = []
    learn = service.house.shelf.learn
    monkeypatch.setattr(service.house.shelf, "learn", lambda: looks.append("x") or learn())
    assert service.get(path).status_code == 410
    assert len(looks) == 1
    assert service.get(f"/feeds/{'B' * 43}.ics").status_code == 404
    assert len(looks) == 2


def test_many_wrong_addresses_share_one_look_at_the_store(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    learn = service.house.shelf.learn
    monkeypatch.setattr(service.house.shelf, "learn", lambda: looks.append("x") or learn())
    found = service.many([("GET", f"/feeds/{n:043}.ics", {}) for n in range(50)])
    assert {one.status_code for one in found} == {404}
    assert len(looks) <= 3


def test_an_address_made_by_another_process_works_at_once(service: Service) -> None:
    assert service.get(f"/feeds/{'A' * 43}.ics").status_code == 404
    assert service.get(f"/feeds/{service.subscribe('xiao')}.ics").status_code == 200


def test_only_reading_is_allowed(service: Service, path: str) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"):
        refused = service.request(method, path)
        assert refused.status_code == 405
        assert refused.headers["allow"] == "GET, HEAD"


def test_a_new_address_gets_its_first_feed_at_once(service: Service) -> None:
    with writing(service.house.engine) as session:
        _, secret = tokens.create(session, "da", "值班手机", service.now)
    got = service.get(f"/feeds/{secret}.ics")
    assert got.status_code == 200
    assert feed.uid(PLAN) in events(got.content)


def test_a_new_address_does_not_wait_for_the_first_feeds_of_others(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    render_one = feeds.render_one

    def counted(engine: Engine, owner: str, *rest: Any) -> bytes:
        begun.append(owner)
        return render_one(engine, owner, *rest)

    monkeypatch.setattr(feeds, "render_one", counted)
    with writing(service.house.engine) as session:
        for owner in ("shi", "ju", "region:shi"):
            tokens.create(session, owner, "手机", service.now)
        _, secret = tokens.create(session, "xiao", "手机", service.now)
    asked = [("GET", f"/feeds/{secret}.ics{query}", {}) for query in ("", "", "?alarms=1")]
    assert {one.status_code for one in service.many(asked)} == {200}
    assert begun == ["xiao"]


def test_a_feed_that_could_never_be_built_is_503(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def broken(_session: object, owner: str, *_: object) -> None:
        tried.append(owner)
        raise RuntimeError

    monkeypatch.setattr(feed_next, "upcoming", broken)
    with writing(service.house.engine) as session:
        _, secret = tokens.create(session, "da", "值班手机", service.now)
    for _ in range(3):
        got = service.get(f"/feeds/{secret}.ics")
        assert got.status_code == 503
        assert got.headers["retry-after"] == "60"
        assert b"VCALENDAR" not in got.content
        assert service.get(f"/feeds/{'A' * 43}.ics").status_code == 404
    assert tried == ["da"]  # not for every request


def test_a_variant_is_rendered_once_and_again_when_the_feed_changed(
    service: Service, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[Variant] = []
    real: Callable[[str, Variant], bytes] = service.house.shelf._render

    def counting(institution: str, variant: Variant) -> bytes:
        rendered.append(variant)
        return real(institution, variant)

    monkeypatch.setattr(service.house.shelf, "_render", counting)
    for _ in range(2):
        got = service.get(f"{path}?alarms=1&kind=once&unknown=%FF")
        check_bytes(got.content)
        assert b"VALARM" in got.content
    assert rendered == [Variant(alarms=True, kinds=frozenset({"once"}))]
    assert service.get(f"{path}?cache=1").content == service.get(path).content
    with writing(service.house.engine) as session:
        record(session, Statement(PLAN, "completed"), service.now, "测试", service.house.world)
    service.house.upkeep.look()
    service.house.shelf.refresh()
    assert "✓" in service.get(f"{path}?alarms=1").text
    assert len(rendered) == 2


def test_a_variant_that_cannot_be_built_is_503(
    service: Service, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise RuntimeError

    monkeypatch.setattr(service.house.shelf, "_render", broken)
    assert service.get(f"{path}?alarms=1").status_code == 503
    assert service.get(path).status_code == 200


def test_a_variant_that_cannot_be_built_any_more_stays_as_it_was(
    service: Service, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise RuntimeError

    good = service.get(f"{path}?alarms=1")
    with monkeypatch.context() as patch:
        patch.setattr(service.house.shelf, "_render", broken)
        with writing(service.house.engine) as session:
            record(session, Statement(PLAN, "completed"), service.now, "测试", service.house.world)
        service.house.upkeep.look()
        service.house.shelf.refresh()
        assert "✓" in service.get(path).text
        kept = service.get(f"{path}?alarms=1")
    assert (kept.status_code, kept.content, kept.headers["etag"]) == (
        200, good.content, good.headers["etag"]
    )  # fmt: skip
    assert "✓" in service.get(f"{path}?alarms=1").text


def test_the_last_fetch_is_remembered_without_a_write_per_request(
    service: Service, path: str
) -> None:
    for agent in ("iOS/17", "ICSx5/2.2\x01\x7f" + "x" * 500):
        service.get(path, headers={"user-agent": agent})
    with reading(service.house.engine) as session:
        assert tokens.listed(session)[0].fetched_at is None
    service.house.shelf.flush()
    with reading(service.house.engine) as session:
        (row,) = tokens.listed(session)
    assert row.fetched_at == service.now
    assert row.fetched_by is not None
    assert row.fetched_by.startswith("ICSx5/2.2 x")
    assert len(row.fetched_by) == 200


def test_the_sign_of_life_needs_nothing(service: Service) -> None:
    service.house.engine.dispose()
    assert service.get("/healthz").json() == {"status": "ok"}
    assert service.request("HEAD", "/healthz").content == b""


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=80), st.binary(max_size=40), st.binary(max_size=40))
def test_no_header_breaks_the_answer(none_match: bytes, since: bytes, accept: bytes) -> None:
    from tests.notifications.feed_samples import STAMP

    served = Served.of(b"BEGIN:VCALENDAR", STAMP)
    status, headers, body = served.answer(accept, none_match or None, since or None)
    assert status in (200, 304)
    if status == 200:
        packed = (b"content-encoding", b"gzip") in headers
        assert (gzip.decompress(body) if packed else body) == b"BEGIN:VCALENDAR"
