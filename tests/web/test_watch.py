"""Feeds follow the store, on SQLite and on PostgreSQL, and every page reads from both."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session

from notifications import feed_assembly, feed_next, feeds, tokens
from notifications.gather import gather
from scheduler.recording import Statement, record
from scheduler.store import reading, writing
from tests.scheduler.house import PLAN, WORKFLOW, found
from tests.stores.postgresql import cluster, postgresql
from tests.web.service import Service
from web import shelf
from web.watch import FLUSH_EVERY, Watch

__all__ = ["cluster", "postgresql"]


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """Give a service on each kind of store, the admin signed in."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgresql")
    service = Service(tmp_path, url=url)
    service.sign_in()
    yield service
    service.house.engine.dispose()


def done(service: Service) -> None:
    with writing(service.house.engine) as session:
        record(session, Statement(PLAN, "completed"), service.now, "测试", service.house.world)


def test_a_fact_of_another_process_is_served_after_one_look(both: Service) -> None:
    path = f"/feeds/{both.subscribe()}.ics"
    watch = Watch(both.house)
    watch.look()
    assert "✓" not in both.get(path).text
    done(both)
    watch.look()
    assert "✓" in both.get(path).text
    watch.close()


def test_who_asks_is_never_told_what_no_longer_holds_while_others_are_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(tmp_path)
    paths = {owner: f"/feeds/{service.subscribe(owner)}.ics" for owner in ("da", "xiao", "shi")}
    watch = Watch(service.house)
    watch.look()
    service.store.edit(found(WORKFLOW.replace("title: 报送", "title: 报")), "2026-03-06 09:00")
    rendered: list[str] = []
    render_one = feeds.render_one

    def slow(engine: Engine, owner: str, *rest: Any) -> bytes:
        rendered.append(owner)
        if len(rendered) == 1:  # in the background; two others are asked for meanwhile
            for other in paths.keys() - {owner}:
                for query in ("", "?alarms=1"):
                    assert "报进展表" in service.get(paths[other] + query).text
        return render_one(engine, owner, *rest)

    monkeypatch.setattr(feeds, "render_one", slow)
    watch.look()
    assert sorted(rendered) == sorted(paths)  # each once
    assert all("报进展表" in service.get(path).text for path in paths.values())
    watch.close()


def test_many_who_ask_for_one_that_is_behind_share_its_rendering(
    both: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [f"/feeds/{both.subscribe(owner)}.ics" for owner in ("da", "xiao", "da")]
    watch = Watch(both.house)
    watch.look()
    rendered: list[str] = []
    render_one = feeds.render_one
    monkeypatch.setattr(
        feeds, "render_one", lambda *given: rendered.append(given[1]) or render_one(*given)
    )
    done(both)
    watch.notice()
    answers = both.many([("GET", path, {}) for path in paths * 5])
    assert all("✓" in answer.text for answer in answers)
    assert sorted(rendered) == ["da", "xiao"]
    watch.work()
    assert sorted(rendered) == ["da", "xiao"]
    watch.close()


def test_who_has_waited_long_enough_gets_the_last_good_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(tmp_path)
    path = f"/feeds/{service.subscribe()}.ics"
    watch = Watch(service.house)
    watch.look()
    go_on = threading.Event()
    render_one = feeds.render_one

    def stuck(*given: Any) -> bytes:
        assert go_on.wait(30)
        return render_one(*given)

    monkeypatch.setattr(shelf, "PATIENCE", 0.2)
    monkeypatch.setattr(feeds, "render_one", stuck)
    done(service)
    watch.notice()
    old = service.get(path)
    assert (old.status_code, "✓" in old.text) == (200, False)
    go_on.set()
    watch.work()
    assert "✓" in service.get(path).text
    watch.close()


def test_a_connection_that_is_cut_once_makes_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(tmp_path)
    path = f"/feeds/{service.subscribe()}.ics"
    watch = Watch(service.house)
    watch.look()
    service.get(f"{path}?alarms=1")
    upcoming, assembled = feed_next.upcoming, feed_assembly.assembled

    def cut(real: Any) -> Any:
        times: list[int] = []

        def once(*given: Any) -> Any:
            times.append(1)
            if len(times) == 1:
                raise PoolTimeout("the connection was cut")
            return real(*given)

        return once

    monkeypatch.setattr(feed_next, "upcoming", cut(upcoming))
    done(service)
    watch.notice()
    assert "✓" in service.get(path).text
    monkeypatch.setattr(feed_assembly, "assembled", cut(assembled))
    assert "✓" in service.get(f"{path}?alarms=1").text
    watch.close()


def test_who_asks_after_a_pause_of_the_process_makes_it_look_first(
    both: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/feeds/{both.subscribe()}.ics"
    watch = Watch(both.house)
    watch.look()
    assert "✓" not in both.get(path).text
    done(both)
    assert "✓" not in both.get(path).text  # it has looked just now
    monkeypatch.setattr(shelf, "BLIND", -1.0)
    answers = both.many([("GET", path, {})] * 4)
    assert all("✓" in one.text for one in answers)

    def away() -> None:
        raise PoolTimeout("no connection to be had")

    monkeypatch.setattr(both.house.upkeep, "notice", away)
    done_again = both.get(path)
    assert (done_again.status_code, "✓" in done_again.text) == (200, True)
    watch.close()


def test_what_was_read_before_the_latest_news_is_rendered_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(tmp_path)
    path = f"/feeds/{service.subscribe()}.ics"
    watch = Watch(service.house)
    watch.look()
    service.store.edit(found(WORKFLOW.replace("title: 报送", "title: 报")), "2026-03-06 09:00")
    watch.notice()
    keep = feeds._keep

    def late(*given: Any) -> bool:
        monkeypatch.setattr(feeds, "_keep", keep)
        done(service)
        watch.notice()
        return keep(*given)

    monkeypatch.setattr(feeds, "_keep", late)
    assert "✓" in service.get(path).text
    watch.close()


def test_a_new_address_never_finds_what_was_left_of_an_old_one(both: Service) -> None:
    path = f"/feeds/{both.subscribe()}.ics"
    watch = Watch(both.house)
    watch.look()
    assert "✓" not in both.get(path).text
    with writing(both.house.engine) as session:
        tokens.revoke(session, 1, both.now)
    # A process that was about to render it still does so, for nobody.
    feeds.render_one(both.house.engine, "da", both.now, both.house.world)
    watch.look()
    done(both)
    watch.look()
    with writing(both.house.engine) as session:
        _, secret = tokens.create(session, "da", "手机", both.now)
    assert "✓" in both.get(f"/feeds/{secret}.ics").text
    watch.close()


def test_a_store_that_is_away_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(tmp_path)
    path = f"/feeds/{service.subscribe()}.ics"
    watch = Watch(service.house)
    watch.look()
    tried: list[object] = []

    def away(*given: object) -> None:
        tried.append(given)
        raise PoolTimeout("no connection to be had")

    done(service)
    watch.notice()
    with monkeypatch.context() as patch:
        patch.setattr(feed_next, "upcoming", away)
        for _ in range(3):
            old = service.get(path)
            assert (old.status_code, "✓" in old.text) == (200, False)
        assert len(tried) == 2  # at once once more, and then not for every request
    watch.work()
    assert "✓" in service.get(path).text
    watch.close()


def test_a_feed_that_cannot_be_rendered_is_served_as_it_was_and_the_admin_is_told(
    both: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/feeds/{both.subscribe()}.ics"
    watch = Watch(both.house)
    watch.look()
    good = both.get(path)
    with monkeypatch.context() as patch:
        patch.setattr("notifications.feed.event", lambda *_: 1 / 0)
        done(both)
        watch.look()
        kept = both.get(path)
        assert (kept.status_code, kept.content) == (200, good.content)
        assert kept.headers["etag"] == good.headers["etag"]
        assert "甲市人民医院的日历生成有误" in both.get("/").text
        with writing(both.house.engine) as session:  # one that never had any
            _, secret = tokens.create(session, "xiao", "手机", both.now)
        watch.look()
        never = both.get(f"/feeds/{secret}.ics")
        assert (never.status_code, never.headers["retry-after"]) == (503, "60")
        assert b"VCALENDAR" not in never.content
    watch.look()
    assert "✓" in both.get(path).text
    assert both.get(f"/feeds/{secret}.ics").status_code == 200
    assert "的日历生成有误" not in both.get("/").text
    watch.close()


def test_a_revoked_address_is_refused_after_one_look(both: Service) -> None:
    path = f"/feeds/{both.subscribe()}.ics"
    watch = Watch(both.house)
    watch.look()
    assert both.get(path).status_code == 200
    with writing(both.house.engine) as session:
        tokens.revoke(session, 1, both.now)
    watch.look()
    assert both.get(path).status_code == 410
    watch.close()


def test_fetches_are_written_down_now_and_then_and_at_the_end(both: Service) -> None:
    path = f"/feeds/{both.subscribe()}.ics"

    def fetched() -> object:
        with reading(both.house.engine) as session:
            return tokens.listed(session)[0].fetched_at

    watch = Watch(both.house)
    both.get(path)
    for _ in range(FLUSH_EVERY - 1):
        watch.look()
    assert fetched() is None
    watch.look()
    assert fetched() == both.now
    both.now = both.now.replace(hour=11)
    both.get(path)
    watch.close()
    assert fetched() == both.now


def test_nothing_is_read_while_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(tmp_path)
    service.subscribe()
    watch = Watch(service.house)
    for _ in range(3):
        watch.look()  # what it wrote itself settles
    looks: list[int] = []
    monkeypatch.setattr(service.house.shelf, "refresh", lambda: looks.append(1))
    for _ in range(10):
        watch.look()
    assert looks == []
    done(service)
    watch.look()
    assert looks == [1]
    watch.close()


def test_every_page_reads_from_either_store(both: Service) -> None:
    both.tick("2026-03-06 09:30")
    with Session(both.house.engine, expire_on_commit=False) as session:
        gather(session, both.now, both.house.world)
    both.subscribe()
    for path in ("/", "/documents", "/documents/pair-2025", f"/items/{PLAN}", "/outbox",
                 "/outbox?state=ready", "/outbox/1", "/outbox/1/html", "/subscriptions", "/docs",
                 "/api/deadlines?institution=da", "/readyz"):  # fmt: skip
        assert both.get(path).status_code == 200, path
