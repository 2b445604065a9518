"""Terms are recorded in the store, and what follows from them follows at once."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from scheduler import queries, recorded, shifts, store
from scheduler.refusals import Refused
from scheduler.shifts import Entry, Fault
from scheduler.tables import Shift
from tests.scheduler.house import TABLES, House, at, days, found, run
from tests.scheduler.test_rotating import PREFIX, ROTATING

WATCHING = ROTATING + """\
  - id: team-changes
    title: 派驻人员变动报送
    kind: event
    clauses: [十]
    phrase: 人员变动及时报送
    per: pairing
    responsible: supporter
    rule: {when: 派驻人员变动, watches: team}
"""
HANDOVER, GAP = f"{PREFIX}handover-2026-09-30", f"{PREFIX}gap-2026-10-01"


def day(text: str) -> date:
    return date.fromisoformat(text)


def entry(from_: str = "2026-04-01", until: str = "2026-10-01", people: int = 5, **more) -> Entry:  # type: ignore[no-untyped-def]
    values = {"supporter": "甲市人民医院", "recipient": "xiao"} | more
    return Entry("pair-2025", from_=day(from_), until=day(until), people=people, **values)


@pytest.fixture
def town(house: House) -> House:
    house.edit(found(WATCHING), "2026-01-09 11:00")
    return house


def add(town: House, *entries: Entry, when: str = "2026-03-02 10:00", **more) -> list[int]:  # type: ignore[no-untyped-def]
    with store.writing(town.engine) as session:
        return shifts.add(session, entries, at(when), "测试", town.world, **more)


def withdraw(town: House, number: int, when: str, reason: str = "登记有误") -> None:
    with store.writing(town.engine) as session:
        shifts.withdraw(session, number, reason, at(when), "测试", town.world)


def rows(town: House, prefix: str = PREFIX) -> dict[str, str]:
    """Return the statuses of the stored occurrences under a prefix, by the rest of their keys."""
    with store.reading(town.engine) as session:
        keys = queries.keys_under(session, prefix)
        held = queries.statuses(session, keys)
    return {key.removeprefix(prefix): held[key] for key in keys}


def live(town: House) -> set[str]:
    return {key for key, status in rows(town).items() if status != "cancelled"}


def wrong(town: House, *entries: Entry) -> list[tuple[int, str]]:
    with store.reading(town.engine) as session:
        known = shifts.standing(session, town.world)
    return [(i, f.part) for i, f in shifts.check_all(entries, town.world, known)]


def test_a_term_takes_the_place_of_the_years_and_the_next_one_of_the_gap(town: House) -> None:
    assert live(town) == {"2025", "2026", "2027", "2028"}
    add(town, entry())
    assert live(town) == {"term-2026-04-01", "handover-2026-09-30", "gap-2026-10-01"}
    add(town, entry("2026-10-01", "2027-04-01"), when="2026-03-03 10:00")
    assert live(town) == {
        "term-2026-04-01", "handover-2026-09-30",
        "term-2026-10-01", "handover-2027-03-31", "gap-2027-04-01",
    }  # fmt: skip


def test_the_last_term_withdrawn_gives_the_years_back(town: House) -> None:
    (number,) = add(town, entry())
    withdraw(town, number, "2026-03-03 10:00")
    assert live(town) == {"2025", "2026", "2027", "2028"}
    with store.reading(town.engine) as session:
        row = session.execute(select(Shift)).scalar_one()
    assert row.reason == "登记有误"
    assert row.withdrawn_at is not None


def test_a_replaced_term_stays_on_record(town: House) -> None:
    (number,) = add(town, entry())
    (other,) = add(town, entry(people=6), when="2026-03-03 10:00", replaces=number)
    with store.reading(town.engine) as session:
        held = recorded.records(session, ["pair-2025"])
        old = session.get(Shift, number)
    assert [term.people for term in held.terms] == [6]
    assert [term.people for term in held.withdrawn] == [5]
    assert old is not None
    assert old.superseded_by == other


def test_both_hospitals_hear_of_a_handover_and_the_line_of_a_gap(town: House) -> None:
    add(town, entry())
    run(town, days("2026-07-25", "2026-10-30"))
    assert [rung for rung, _ in town.rungs(HANDOVER)] == ["before-60d", "before-14d"]
    assert town.rungs(HANDOVER)[0][1] == day("2026-07-31")  # 60 days before; a Friday
    assert {n.institution for n in town.notices(HANDOVER)} == {"da", "xiao"}
    assert [(n.rung, n.institution) for n in town.notices(GAP)] == [
        ("after-1wd", "da"), ("after-1wd", "xiao"), ("after-5wd", "shi"), ("after-10wd", "ju"),
    ]  # fmt: skip


def test_a_next_term_softens_the_handover_and_silences_the_gap(town: House) -> None:
    add(town, entry())
    run(town, days("2026-07-25", "2026-08-05"))
    add(town, entry("2026-10-01", "2027-04-01"), when="2026-08-06 10:00")
    run(town, days("2026-08-06", "2026-10-30"))
    assert [rung for rung, _ in town.rungs(HANDOVER)] == ["before-60d"]
    assert town.notices(GAP) == []
    assert rows(town)["gap-2026-10-01"] == "cancelled"


def test_a_reminder_not_yet_written_is_dropped_when_it_is_not_needed_any_more(town: House) -> None:
    add(town, entry())
    town.tick("2026-09-16 09:00")
    add(town, entry("2026-10-01", "2027-04-01"), when="2026-09-16 09:01")
    reasons = {n.reason for n in town.notices(HANDOVER) if n.rung == "before-14d"}
    assert reasons == {"驻点登记有变，这一档不再需要"}


def test_a_handover_that_is_provided_for_is_told_sixty_days_before_too(town: House) -> None:
    add(town, entry(), entry("2026-10-01", "2027-04-01"))
    run(town, days("2026-07-25", "2026-10-30"))
    assert town.rungs(HANDOVER) == [("before-60d", day("2026-07-31"))]
    assert {n.institution for n in town.notices(HANDOVER)} == {"da", "xiao"}


def test_terms_of_the_past_are_history_and_nobody_is_told(town: House) -> None:
    add(town, entry("2025-02-01", "2025-08-01"), entry("2025-09-01", "2026-03-01"))
    run(town, days("2026-03-02", "2026-03-02"))
    assert rows(town)["gap-2025-08-01"] == "history"
    # The last gap lasts: it is told from the day on which it became known.
    assert town.row(f"{PREFIX}gap-2026-03-01")["due"] == day("2026-03-02")
    run(town, days("2026-03-03", "2026-03-03"))
    assert [n.rung for n in town.notices(f"{PREFIX}gap-2026-03-01")] == ["after-1wd", "after-1wd"]
    assert not town.notices(f"{PREFIX}gap-2025-08-01")


def test_a_change_of_the_rule_changes_nothing_that_was_recorded(town: House) -> None:
    add(town, entry())
    before = rows(town)
    proposal = town.edit(
        found(WATCHING.replace("min_months: 6", "min_months: 9")), "2026-03-03 10:00"
    )
    assert not proposal.changes.moves
    assert rows(town) == before


def test_a_team_that_changes_starts_its_event_once_for_each_change(town: House) -> None:
    prefix = "pair-2025/team-changes/da.xiao/"
    # The first terms of a pairing: nothing was known before.
    number, _ = add(town, entry(), entry("2026-10-01", "2027-04-01"))
    assert set(rows(town, prefix)) == {"always"}
    (number,) = add(town, entry(people=6), when="2026-03-05 10:00", replaces=number)
    assert set(rows(town, prefix)) == {"always", "2026-03-05"}
    # Several entries of one day tell of one change.
    add(town, entry(people=7), when="2026-03-05 11:00", replaces=number)
    add(town, entry("2027-04-01", "2027-10-01"), when="2026-03-05 12:00")
    assert set(rows(town, prefix)) == {"always", "2026-03-05"}
    add(town, entry("2025-03-01", "2025-09-01"), when="2026-03-09 10:00")  # over long ago
    assert set(rows(town, prefix)) == {"always", "2026-03-05"}
    add(town, entry("2027-10-01", "2028-04-01"), when="2026-03-09 11:00")
    assert set(rows(town, prefix)) == {"always", "2026-03-05", "2026-03-09"}


def test_a_term_entered_after_the_only_one_was_withdrawn_is_a_change(town: House) -> None:
    prefix = "pair-2025/team-changes/da.xiao/"
    (number,) = add(town, entry("2025-03-01", "2025-09-01"))
    withdraw(town, number, "2026-03-03 10:00")
    assert set(rows(town, prefix)) == {"always"}
    add(town, entry(), when="2026-03-04 10:00")
    assert set(rows(town, prefix)) == {"always", "2026-03-04"}


@pytest.mark.parametrize(
    ("bad", "part"),
    [
        (entry("2026-04-01", "2026-03-01"), "until"),
        (entry("2026-04-01", "2026-04-01"), "until"),
        (entry("1926-04-01", "2026-10-01"), "from"),
        (entry("2026-04-01", "2226-10-01"), "until"),
        (entry(people=0), "people"),
        (entry(people=1_001), "people"),
        (entry(recipient="丙县人民医院"), "recipient"),
        (entry(recipient="不存在的医院"), "recipient"),
        (entry(supporter="不存在的医院"), "supporter"),
        (entry(people=1, persons=("A01", "A02")), "person"),
        (entry(persons=("A01", "A01")), "person"),
        (entry(persons=("某某某",)), "person"),
        (entry(persons=("A\u200b1",)), "person"),
        (entry(persons=("13800000000",)), "person"),
        (entry(staff="内科\u202e"), "staff"),
        (entry(staff="内" * 61), "staff"),
        (entry(staff="内科 13800000000"), "staff"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_recorded(
    town: House, bad: Entry, part: str
) -> None:
    assert wrong(town, bad) == [(0, part)]
    with pytest.raises(Refused):
        add(town, entry("2027-01-01", "2027-07-01"), bad)
    with store.reading(town.engine) as session:
        assert session.execute(select(Shift)).first() is None


def test_an_unknown_document_is_refused(town: House) -> None:
    bad = Entry("no-2025", "da", "xiao", day("2026-04-01"), day("2026-10-01"), 5)
    assert wrong(town, bad) == [(0, "document")]


def test_every_problem_is_told_at_once(town: House) -> None:
    twice = entry("2026-04-01", "2026-03-01", 0, persons=("某某某",))
    assert wrong(town, twice, entry(), entry()) == [
        (0, "until"), (0, "people"), (0, "person"), (2, "from"),
    ]  # fmt: skip


def test_the_same_term_and_the_same_person_at_once_are_refused(town: House) -> None:
    add(town, entry(persons=("A01",)))
    assert wrong(town, entry()) == [(0, "from")]
    assert wrong(town, entry("2026-09-30", "2027-04-01", persons=("A01",))) == [(0, "person")]
    assert wrong(town, entry("2026-10-01", "2027-04-01", persons=("A01",))) == []
    assert wrong(town, entry("2026-09-01", "2027-04-01", persons=("A02",))) == []


def test_a_pairing_that_is_not_in_force_is_refused(town: House) -> None:
    dated = TABLES["pairings.csv"].replace("行,,,,,", "行,,,2026-05-01,2027-01-01,")
    town.edit(found(WATCHING, TABLES | {"pairings.csv": dated}), "2026-01-10 10:00")
    assert wrong(town, entry("2026-04-01", "2026-10-01")) == [(0, "from")]
    assert wrong(town, entry("2026-07-01", "2027-01-02")) == [(0, "from")]
    assert wrong(town, entry("2026-05-01", "2027-01-01")) == []


def test_what_is_not_there_cannot_be_withdrawn(town: House) -> None:
    (number,) = add(town, entry())
    with pytest.raises(Refused, match="理由"):
        withdraw(town, number, "2026-03-03 10:00", " ")
    withdraw(town, number, "2026-03-03 10:00")
    for gone in (number, 99):
        with pytest.raises(Refused, match=f"编号为 {gone}"):
            withdraw(town, gone, "2026-03-03 10:00")
    with pytest.raises(Refused):
        add(town, entry(), replaces=number)


def test_a_fault_is_a_sentence_with_a_hint(town: House) -> None:
    with store.reading(town.engine) as session:
        known = shifts.standing(session, town.world)
    (one,) = shifts.faults(entry(supporter="xiao", recipient="da"), town.world, known)
    assert one == Fault(
        "recipient", "乙县人民医院与甲市人民医院没有帮扶关系", "核对支援和受援是不是写反了"
    )


def test_it_is_the_same_after_a_year_has_passed(town: House) -> None:
    from scheduler.extending import extend

    add(town, entry())
    before = live(town)
    with store.writing(town.engine) as session:
        extend(session, at("2027-01-02 09:00"), town.world)
    assert live(town) == before
