"""Facts in every order, with corrections at random, against a model of its own."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from scheduler import queries, store
from scheduler.facts import KINDS, Said, read, standing
from scheduler.placing import RESTING, place
from scheduler.postponing import postponed
from scheduler.recording import Refused, Statement, record
from scheduler.rows import decode
from scheduler.statuses import word
from scheduler.tables import Fact
from scheduler.world import World
from tests.scheduler.house import PLAN, WORKDAYS, ZONE, House
from tests.scheduler.receivers import Receivers

WORDS = {"未到期", "临期", "已报待审", "退回", "已报", "迟报", "逾期未报", "免报", "依据存疑"}
START = date(2026, 3, 2)


@dataclass
class Model:
    """What offices take facts to mean, written down without looking at the engine.

    It keeps whole histories and works everything out from the beginning, each time.
    """

    kept: list[tuple[int, str, date, date | None]] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)

    def counting(self) -> list[tuple[int, str, date, date | None]]:
        return [fact for fact in self.kept if fact[0] not in self.gone]

    def stage(self) -> tuple[str, date | None]:
        """Return the stage and the day of the report that counts."""
        stage, first, done = "open", None, None
        for _, kind, on, _ in self.counting():
            if kind == "submitted" and stage in ("open", "returned", "submitted"):
                first = on if stage != "submitted" else first
                stage = "submitted"
            elif kind == "accepted" and stage == "submitted":
                stage, done = "completed", first
            elif kind == "returned" and stage in ("submitted", "completed"):
                stage, first, done = "returned", None, None
            elif kind == "completed":
                stage, done = "completed", min(on, first) if first else on
            elif kind == "waived":
                stage, done = "waived", None
        return stage, {"submitted": first, "completed": done}.get(stage)

    def extended(self) -> date | None:
        days = [until for _, kind, _, until in self.counting() if kind == "extended" and until]
        return max(days, default=None)

    def quiet(self) -> date | None:
        """Return until when it is known, unless it was returned since."""
        known = None
        seen: list[tuple[int, str, date, date | None]] = []
        for fact in self.counting():
            before = Model(list(seen)).stage()[0]
            if fact[1] == "acknowledged":
                known = fact[3]
            elif fact[1] == "returned" and before in ("submitted", "completed"):
                known = None
            seen.append(fact)
        return known

    def status(self, today: date) -> str:
        stage, _ = self.stage()
        known = self.quiet()
        if stage in ("open", "returned") and known and known >= today:
            return "acknowledged"
        return stage


@st.composite
def statements(draw: st.DrawFn) -> tuple[int, str, int, int, int | None]:
    """Draw: days that pass first, the kind, how long ago, how far ahead, which fact (of many)."""
    return (
        draw(st.integers(0, 12)),
        draw(st.sampled_from(KINDS)),
        draw(st.integers(0, 20)),
        draw(st.integers(-3, 60)),
        draw(st.none() | st.integers(0, 9)),
    )


def facts_of(house: House) -> list[Fact]:
    with store.reading(house.engine) as session:
        query = select(Fact).where(queries.FACTS.c.key == PLAN).order_by(queries.FACTS.c.id)
        return list(session.execute(query).scalars())


def statement(
    model: Model, kind: str, today: date, ago: int, ahead: int, which: int | None
) -> Statement:
    until = today + timedelta(days=ahead) if kind in ("acknowledged", "extended") else None
    number = None
    if kind == "corrected" and which is not None and model.kept:
        number = model.kept[which % len(model.kept)][0]
    return Statement(
        PLAN, kind, None if kind == "corrected" else today - timedelta(days=ago), until,
        "理由", "某卫函〔2026〕9号" if kind == "extended" else None, None, number,
    )  # fmt: skip


def say(house: House, said: Statement, now: datetime, world: World) -> str | None:
    try:
        with store.writing(house.engine) as session:
            return record(session, said, now, "测试", world)
    except Refused:
        return None


def check(house: House, model: Model, now: datetime, world: World) -> None:
    """Compare everything that is stored with the model and with a computation from scratch."""
    today = now.astimezone(ZONE).date()
    row = house.row(PLAN)
    one = decode(str(row["body"]))
    assert row["status"] == model.status(today)
    extended = model.extended()
    later = extended if extended and one.due and extended > one.due else None
    assert row["extended_to"] == later
    with store.reading(house.engine) as session:
        facts = queries.facts(session, [PLAN]).get(PLAN, [])
        planned = queries.planned(session, [PLAN])
    assert [said.id for said in facts] == [fact[0] for fact in model.counting()]
    held = postponed(one, extended, WORKDAYS)
    assert held.due
    scratch = place(held, facts, planned.get((PLAN, held.due), {}), now, world)
    assert (row["status"], row["next_notice_at"]) == scratch
    if row["status"] in RESTING:
        assert row["next_notice_at"] is None
    said = standing(facts, today)
    assert said.reported_on == model.stage()[1]
    shown = word(one, str(row["status"]), said, today, WORKDAYS)
    assert shown.word in WORDS or shown.word.startswith("延期至")
    if shown.on_time is not None:
        assert shown.reported_on is not None
        assert shown.on_time == (shown.reported_on <= held.due)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(statements(), min_size=1, max_size=12))
def test_facts_in_every_order(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, str, int, int, int | None]]
) -> None:
    house = House(tmp_path_factory.mktemp("facts"), "2026-01-09 10:00")
    world = World(
        house.world.documents, house.world.rosters, WORKDAYS, contacts=Receivers(), placeholders=True
    )
    model = Model()
    today, recorded = START, 0
    for passed, kind, ago, ahead, which in drawn:
        today += timedelta(days=passed)
        now = datetime(today.year, today.month, today.day, 10, tzinfo=ZONE)
        house.tick(now)
        before = house.notices(PLAN)
        said = statement(model, kind, today, ago, ahead, which)
        earlier = facts_of(house)
        if say(house, said, now, world) is not None:
            recorded += 1
            newest = facts_of(house)[-1]
            if kind == "corrected":
                target = [f.id for f in facts_of(house) if f.superseded_by == newest.id]
                withdrawn = said.fact if said.fact is not None else max(
                    f.id or 0 for f in earlier if f.superseded_by is None and f.kind != "corrected"
                )  # fmt: skip
                assert target == [withdrawn]
                model.gone.add(withdrawn)
            else:
                assert newest.on
                model.kept.append((newest.id or 0, newest.kind, newest.on, newest.until))
        assert [f.id for f in facts_of(house)][: len(earlier)] == [f.id for f in earlier]
        check(house, model, now, world)
        assert len(house.notices(PLAN)) >= len(before)
    settled = house.row(PLAN)["status"] in RESTING
    told = len(house.notices(PLAN))
    for _ in range(8):
        today += timedelta(days=3)
        house.tick(datetime(today.year, today.month, today.day, 9, tzinfo=ZONE))
    if settled:
        assert len(house.notices(PLAN)) == told
    with store.reading(house.engine) as session:
        log = session.execute(
            queries.AUDIT.select().where(queries.AUDIT.c.action == "record")
        ).all()
    assert len(log) == recorded == len(facts_of(house))


@given(
    st.lists(
        st.tuples(st.sampled_from(KINDS[:-1]), st.integers(0, 30), st.integers(0, 60)), max_size=9
    ),
    st.data(),
)
def test_what_is_withdrawn_counts_as_if_it_had_never_been_said(
    drawn: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    facts = [
        Said(kind, START + timedelta(days=on), START + timedelta(days=until), number)
        for number, (kind, on, until) in enumerate(drawn, 1)
    ]
    found = read(facts)
    # What does not fit counts for nothing: leaving it out changes nothing.
    unfit = {number for number, by in found.superseded.items() if by == 0}
    assert read([f for f in facts if f.id not in unfit])[:4] == found[:4]
    assert not set(found.superseded) - {fact.id for fact in facts}
    gone = data.draw(st.sets(st.sampled_from([fact.id for fact in facts]))) if facts else set()
    model = Model([(f.id, f.kind, f.on or START, f.until) for f in facts], gone)
    rest = read([fact for fact in facts if fact.id not in gone])
    assert (rest.stage, rest.reported_on) == model.stage()
    assert (rest.known_until, rest.extended_to) == (model.quiet(), model.extended())


def test_extensions_acknowledgements_and_a_report_do_not_depend_on_their_order() -> None:
    facts = [
        Said("extended", START, date(2026, 4, 30), 1),
        Said("extended", START, date(2026, 5, 31), 2),
        Said("acknowledged", START, date(2026, 3, 25), 3),
        Said("submitted", START, None, 4),
    ]
    results = {read(order)[:4] for order in itertools.permutations(facts)}
    assert results == {("submitted", date(2026, 3, 25), date(2026, 5, 31), START)}


def said(kind: str, day: int = 1, until: date | None = None) -> Said:
    return Said(kind, date(2026, 3, day), until, day)


@pytest.mark.parametrize(
    ("facts", "stage", "reported"),
    [
        ([], "open", None),
        ([said("completed", 3)], "completed", 3),
        ([said("submitted", 3)], "submitted", 3),
        ([said("submitted", 3), said("submitted", 5)], "submitted", 3),
        ([said("submitted", 3), said("accepted", 9)], "completed", 3),
        ([said("submitted", 3), said("completed", 9)], "completed", 3),
        ([said("submitted", 3), said("returned", 5)], "returned", None),
        ([said("submitted", 3), said("returned", 5), said("submitted", 8)], "submitted", 8),
        (
            [said("submitted", 3), said("returned", 5), said("submitted", 8), said("accepted", 9)],
            "completed", 8,
        ),
        ([said("completed", 3), said("returned", 5)], "returned", None),
        ([said("completed", 3), said("returned", 5), said("completed", 6)], "completed", 6),
        ([said("accepted", 3)], "open", None),
        ([said("returned", 3)], "open", None),
        ([said("waived", 3), said("completed", 5)], "completed", 5),
        ([said("completed", 3), said("waived", 5)], "waived", None),
        ([said("waived", 3), said("submitted", 5)], "waived", None),
    ],
)  # fmt: skip
def test_what_facts_come_to(facts: list[Said], stage: str, reported: int | None) -> None:
    found = read(facts)
    assert found.stage == stage
    assert found.reported_on == (date(2026, 3, reported) if reported else None)


def test_a_return_is_news_to_whoever_knew_before(tmp_path: Path) -> None:
    facts = [said("acknowledged", 1, date(2026, 4, 30)), said("submitted", 2), said("returned", 3)]
    assert standing(facts, date(2026, 3, 10)).status == "returned"
    facts.append(said("acknowledged", 4, date(2026, 3, 12)))
    assert standing(facts, date(2026, 3, 10))[:2] == ("acknowledged", date(2026, 3, 12))
    assert standing(facts, date(2026, 3, 13))[:2] == ("returned", None)

