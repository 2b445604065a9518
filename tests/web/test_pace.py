"""A client in a loop is slowed down; honest ones never are, however many come at once."""

from __future__ import annotations

from pathlib import Path

from scheduler.recording import Statement, record
from scheduler.store import writing
from tests.scheduler.house import PLAN, WORKFLOW, found
from tests.web.service import Service
from web.door import Door
from web.pace import MINUTE, OFTEN, Pace
from web.watch import Watch


def test_the_count_begins_anew_each_minute() -> None:
    pace = Pace(often=3)
    assert [pace.wait(1, 10.0 + second) for second in range(5)] == [0, 0, 0, 57, 56]
    assert pace.wait(2, 12.0) == 0  # another address is another count
    assert pace.wait(1, 10.0 + MINUTE) == 0
    assert pace.wait(1, 10.0 + MINUTE + 1) == 0


def test_many_behind_one_address_of_the_net_do_not_hurt_each_other() -> None:
    pace = Pace()
    for turn in range(OFTEN):  # a whole office behind one router, each at the very limit
        assert not any(pace.wait(number, turn / OFTEN) for number in range(30))
    assert pace.wait(7, 1.0) == 59  # one more than is allowed
    assert pace.wait(31, 1.0) == 0


def test_the_documents_name_the_same_figure() -> None:
    docs = Path(__file__).parent.parent.parent / "docs"
    assert f"超过 {OFTEN} 次回答 429" in (docs / "commands.md").read_text()
    assert f"more than {OFTEN:,} times a minute" in (docs / "architecture.md").read_text()


def test_a_client_in_a_loop_hears_when_to_come_again(service: Service) -> None:
    looping, honest = (f"/feeds/{service.subscribe(one)}.ics" for one in ("da", "xiao"))
    service.app = Door(service.app, service.house.shelf, Pace(often=5))
    answers = [service.get(looping) for _ in range(7)]
    assert [one.status_code for one in answers] == [200] * 5 + [429] * 2
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert "VCALENDAR" not in answers[-1].text
    assert service.get(honest).status_code == 200


def test_wrong_addresses_are_counted_for_nobody(service: Service) -> None:
    path = f"/feeds/{service.subscribe()}.ics"
    service.app = Door(service.app, service.house.shelf, Pace(often=2))
    wrong = service.many([("GET", f"/feeds/{n:043}.ics", {}) for n in range(50)])
    assert {one.status_code for one in wrong} == {404}
    assert service.get(path).status_code == 200


def test_three_hundred_clients_at_once_are_all_served_while_things_change(
    service: Service,
) -> None:
    # 300 who share one address, which is the worst case, and 300 with other variants of it.
    path = f"/feeds/{service.subscribe()}.ics"
    watch = Watch(service.house)
    watch.look()
    tag = service.get(path).headers["etag"]
    for turn in range(2):
        asked = [("GET", path, {"headers": {"if-none-match": tag}}) for _ in range(150)]
        asked += [("GET", f"{path}?alarms={n % 2}&kind=once", {}) for n in range(100)]
        if turn:
            title = WORKFLOW.replace("title: 报送工作方案", "title: 报送帮扶方案")
            service.store.edit(found(title), "2026-03-06 09:40")
            with writing(service.house.engine) as session:
                world = service.house.world
                record(session, Statement(PLAN, "completed"), service.now, "测试", world)
            watch.look()
        assert {one.status_code for one in service.many(asked)} == {304 if not turn else 200, 200}
    assert OFTEN >= 300 * 10
    assert "✓ 报送帮扶方案" in service.get(path).text
    watch.close()
