from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from scheduler import queries, store
from scheduler.recording import Refused, Statement, from_json, record
from scheduler.tables import Fact, Message
from tests.scheduler.house import JUNE, PLAN, House, at, days, found, run


def say(house: House, when: str, kind: str, key: str = PLAN, **more: Any) -> str:
    with store.writing(house.engine) as session:
        return record(session, Statement(key, kind, **more), at(when), "测试", house.world)


@pytest.mark.parametrize(("kind", "more"), [("completed", {}), ("waived", {"reason": "疫情"})])
def test_nothing_more_is_sent_once_it_is_done(house: House, kind: str, more: Any) -> None:
    run(house, days("2026-03-06", "2026-03-16"))
    before = house.row(PLAN)
    assert say(house, "2026-03-17 10:00", kind, **more) == kind
    run(house, days("2026-03-17", "2026-05-31"))
    after = house.row(PLAN)
    assert house.rungs(PLAN) == [("before-14d", date(2026, 3, 6))]
    assert (after["status"], after["next_notice_at"]) == (kind, None)
    assert after["sequence"] == before["sequence"] + 1  # type: ignore[operator]
    assert after["modified_at"] == at("2026-03-17 10:00")


def test_known_is_silent_through_its_day_and_then_goes_on_collapsed(house: House) -> None:
    run(house, days("2026-03-06", "2026-03-16"))
    assert say(house, "2026-03-17 10:00", "acknowledged", until=date(2026, 3, 25)) == "acknowledged"
    run(house, days("2026-03-17", "2026-04-30"))
    assert house.rungs(PLAN) == [
        ("before-14d", date(2026, 3, 6)),
        ("after-1wd", date(2026, 3, 26)),
        ("after-5wd", date(2026, 3, 27)),
        ("after-10wd", date(2026, 4, 3)),
    ]
    assert house.row(PLAN)["status"] == "open"


def test_done_while_known_ends_it(house: House) -> None:
    say(house, "2026-03-02 10:00", "acknowledged", until=date(2026, 3, 25))
    say(house, "2026-03-03 10:00", "completed", on=date(2026, 3, 1))
    run(house, days("2026-03-04", "2026-04-30"))
    assert house.notices(PLAN) == []


def test_a_mail_not_yet_handed_over_is_taken_back(house: House) -> None:
    house.tick("2026-03-06 09:00")
    with store.writing(house.engine) as session:
        first, second = house.notices(PLAN)
        waiting = house.mail(session, first, "ready")
        gone = house.mail(session, second, "sent")
    say(house, "2026-03-06 09:30", "completed")
    with store.reading(house.engine) as session:
        states = dict(session.execute(select(queries.MESSAGES.c.id, queries.MESSAGES.c.state)).all())
    assert states == {waiting: "cancelled", gone: "sent"}
    assert [n.message_id for n in house.notices(PLAN)] == [None, gone]


def test_a_mail_that_may_have_been_handed_over_is_left_alone(house: House) -> None:
    house.tick("2026-03-06 09:00")
    with store.writing(house.engine) as session:
        number = house.mail(session, house.notices(PLAN)[0], "ready")
        message = session.get(Message, number)
        assert message is not None
        message.handed = 1
    say(house, "2026-03-06 09:30", "completed")
    assert house.notices(PLAN)[0].message_id == number


def test_facts_are_kept_and_the_later_takes_the_place_of_the_earlier(house: House) -> None:
    say(house, "2026-03-02 10:00", "waived", reason="误报", basis="某卫函〔2026〕1号")
    say(house, "2026-03-03 10:00", "completed", evidence="https://example.org/a.pdf")
    with store.reading(house.engine) as session:
        facts = session.execute(select(Fact).order_by(queries.FACTS.c.id)).scalars().all()
        log = session.execute(
            queries.AUDIT.select().where(queries.AUDIT.c.action == "record")
        ).all()
    assert [(f.kind, f.on, f.superseded_by) for f in facts] == [
        ("waived", date(2026, 3, 2), facts[1].id),
        ("completed", date(2026, 3, 3), None),
    ]
    assert [row.about for row in log] == [PLAN, PLAN]
    assert "某卫函〔2026〕1号" in log[0].detail
    assert house.row(PLAN)["status"] == "completed"


REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"kind": "completed", "on": date(2026, 3, 3)}, "还没有到"),
    ({"kind": "waived"}, "理由"),
    ({"kind": "waived", "reason": "  "}, "理由"),
    ({"kind": "acknowledged"}, "静默到哪一天"),
    ({"kind": "acknowledged", "until": date(2026, 3, 1)}, "已经过去"),
    ({"kind": "completed", "until": date(2026, 4, 1)}, "--until"),
    ({"kind": "lost"}, "不认识的记录"),
    ({"kind": "waived", "reason": "倒\u202e写"}, "理由里有不能保存的字符"),
    ({"kind": "completed", "evidence": "零\u200b宽"}, "佐证里有不能保存的字符"),
    ({"kind": "completed", "basis": "a\0b"}, "依据里有不能保存的字符"),
]


@pytest.mark.parametrize(("said", "word"), REFUSALS)
def test_what_is_refused_leaves_no_trace(house: House, said: dict[str, Any], word: str) -> None:
    with pytest.raises(Refused, match=word):
        say(house, "2026-03-02 10:00", **said)
    with store.reading(house.engine) as session:
        assert queries.newest_fact(session) == 0
    assert house.row(PLAN)["status"] == "open"


def test_a_reason_may_have_several_lines(house: House) -> None:
    assert say(house, "2026-03-02 10:00", "waived", reason="合并报送：\r\n\t与六月的一起") == "waived"


def test_an_unknown_key_is_refused_with_the_nearest_ones(house: House) -> None:
    with pytest.raises(Refused) as refusal:
        say(house, "2026-03-02 10:00", "completed", "pair-2025/progress/shi/2026-june")
    assert JUNE in refusal.value.hint
    with pytest.raises(Refused) as nothing:
        say(house, "2026-03-02 10:00", "completed", "elsewhere/x")
    assert "duban deadlines" in nothing.value.hint


def test_a_cancelled_occurrence_is_refused(house: House) -> None:
    without = found().texts["pair-2025"][0].replace("2026-03-20", "2026-03-20")
    head, _, tail = without.partition("  - id: plan\n")
    house.edit(found(head + tail[tail.index("  - id: progress") :]), "2026-02-02 10:00")
    with pytest.raises(Refused, match="已取消"):
        say(house, "2026-03-02 10:00", "completed")


def test_history_can_be_completed_but_not_silenced(house: House) -> None:
    old = "pair-2025/progress/shi/2025-nov"
    assert house.row(old)["status"] == "history"
    with pytest.raises(Refused, match="启用日"):
        say(house, "2026-03-02 10:00", "acknowledged", old, until=date(2026, 4, 1))
    assert say(house, "2026-03-02 10:00", "completed", old) == "completed"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ({"key": "a", "fact": "completed", "when": "x"}, "不认识的键 when"),
        ({"key": "a"}, "要有 key 和 fact"),
        ({"key": "a", "fact": "completed", "on": "20260301x"}, "on 应为"),
        ({"key": 3, "fact": "completed"}, "key 应为文字"),
    ],
)
def test_lines_of_a_facts_file(line: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        from_json(line)
