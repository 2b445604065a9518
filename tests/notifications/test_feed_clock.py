"""The clock of each event: only what changed advances, and no stamp ever goes back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Alarm, Event

from notifications import feed, feed_assembly, feed_changes
from notifications.feed import Entry, Variant
from notifications.feed_changes import KEPT, Shown
from tests.notifications.feed_samples import (
    ONE,
    OWNER,
    STAMP,
    TODAY,
    WEEKLY,
    check_bytes,
    entry,
    events,
)

NOW = datetime(2026, 5, 6, 1, 0, tzinfo=UTC)
TERM = replace(
    ONE, key="pair-2025/term/da.xiao/term-2026-05-01", kind="rotation", period="term-2026-05-01",
    opens=date(2026, 5, 1), due=date(2026, 10, 31), summary="队员3人",
)  # fmt: skip
JUNE = replace(ONE, key="pair-2025/table/da.xiao/2026-06", due=date(2026, 6, 20))
STARTS = {feed.uid(one.key): entry(one, source="0") for one in (ONE, JUNE, WEEKLY, TERM)}
VARIANTS = [
    Variant(alarms, frequent, frozenset(documents), frozenset(kinds))
    for alarms, frequent, documents, kinds in product(
        (False, True), (False, True), ((), ("pair-2025",)), ((), ("once",), ("quota", "rotation"))
    )
]


@dataclass
class Calendar:
    """A feed through time, with what is expected of it."""

    held: dict[str, Entry] = field(default_factory=lambda: dict(STARTS))
    known: dict[str, Shown] = field(default_factory=dict)
    now: datetime = NOW
    count: int = 0

    def render(self) -> dict[str, Shown]:
        self.known = feed_changes.advance(
            OWNER, self.held.values(), self.known, self.now, self.now.date(), "https://x.example"
        )
        return self.known

    def change(self, uid: str, **what: Any) -> None:
        """Change an occurrence as the store does: another digest, other stamps or not."""
        self.count += 1
        entry = self.held[uid]
        self.held[uid] = replace(
            entry, occurrence=replace(entry.occurrence, **what), source=str(self.count)
        )

    def mark(self, uid: str, **what: Any) -> None:
        self.held[uid] = replace(self.held[uid], **what)


def said(one: Shown) -> tuple[object, ...]:
    return one.hash, one.alarms


MOVES = st.sampled_from(
    ["date", "title", "reading", "status", "tentative", "extended", "nothing", "touched", "forgotten",
     "leaves", "comes", "cancelled", "day", "month", "back"]
)  # fmt: skip


def do(calendar: Calendar, move: str, uid: str, value: int) -> None:
    """Carry out one move; the clock of the house goes on, stands still, or even goes back."""
    calendar.now += timedelta(seconds=value % 3)
    if move == "day":
        calendar.now += timedelta(days=1)
    elif move == "month":
        calendar.now += timedelta(days=30)
    elif move == "back":
        calendar.now -= timedelta(hours=value)
    elif move == "comes":
        calendar.held[uid] = replace(STARTS[uid], source=f"again {value}")
    elif uid not in calendar.held:
        return
    elif move == "date":
        calendar.change(uid, due=date(2026, 3, 1) + timedelta(days=value))
    elif move == "title":
        calendar.change(uid, title=f"报送{value}\r\nSEQUENCE:99\r\n")
    elif move == "reading":
        calendar.change(uid, reading=f"读法{value}")
    elif move == "forgotten":  # changed, and nothing of it to be seen
        calendar.change(uid, rungs=((str(value), ""),))
    elif move == "touched":
        calendar.mark(uid, modified_at=calendar.now, sequence=value, source=f"touched {value}")
    elif move == "status":
        words = ("open", "acknowledged", "completed", "waived", "submitted", "returned")
        calendar.mark(uid, status=words[value % 6])
    elif move == "tentative":
        calendar.mark(uid, tentative=bool(value % 2))
    elif move == "extended":
        calendar.mark(uid, original=date(2026, 2, 1 + value) if value else None)
    elif move == "cancelled":
        calendar.mark(uid, cancelled_on=calendar.now.date(), status="cancelled")
    elif move == "leaves":
        del calendar.held[uid]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(MOVES, st.sampled_from(sorted(STARTS)), st.integers(0, 9)),
        min_size=1,
        max_size=14,
    )
)
def test_whatever_happens_only_what_changed_advances(moves: list[tuple[str, str, int]]) -> None:
    calendar = Calendar()
    before = dict(calendar.render())
    for move, uid, value in moves:
        do(calendar, move, uid, value)
        after = dict(calendar.render())
        assert calendar.render() == after  # same state, same bytes
        for name in before.keys() & after.keys():
            old, new = before[name], after[name]
            changed = name == uid and move not in ("day", "month", "back", "nothing")
            if said(old) == said(new):
                assert new.body == old.body
                assert (new.sequence, new.modified_at) == (old.sequence, old.modified_at)
            elif new.body:
                assert new.sequence > old.sequence
                assert new.modified_at > old.modified_at
                assert changed, (move, name)
            else:  # cancelled for long enough: gone without a word
                assert (new.sequence, new.modified_at) == (old.sequence, old.modified_at)
        before = after
        for event in feed_assembly.assembled(OWNER, after.values(), calendar.now.date()).split(
            b"END:VEVENT"
        )[:-1]:
            assert event.count(b"\r\nSEQUENCE:") == 1


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(MOVES, st.sampled_from(sorted(STARTS)), st.integers(0, 9)), max_size=8))
def test_all_variants_agree_on_every_event_of_theirs(moves: list[tuple[str, str, int]]) -> None:
    calendar = Calendar()
    for move, uid, value in moves:
        do(calendar, move, uid, value)
        calendar.render()
    known, day = calendar.render(), calendar.now.date()
    for variant in VARIANTS:
        body = feed_assembly.assembled(OWNER, known.values(), day, variant)
        check_bytes(body)
        assert body == feed_assembly.assembled(OWNER, reversed(known.values()), day, variant)
        for uid, event in events(body).items():
            if not uid.startswith("info/"):
                stamps = event["DTSTAMP"].dt, event["LAST-MODIFIED"].dt, int(event["SEQUENCE"])
                assert stamps == (
                    known[uid].modified_at,
                    known[uid].modified_at,
                    known[uid].sequence,
                )
                rings = variant.alarms and known[uid].alarms
                assert len(event.walk("VALARM")) == (2 if rings else 0)


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=90))
def test_alarms_are_put_in_as_icalendar_would(title: str) -> None:
    plain = feed.event(OWNER, entry(replace(ONE, title=title)), frozenset(), "")
    made = Event.from_ical(plain)
    assert isinstance(made, Event)
    for before in (timedelta(days=-13, hours=-15), timedelta(hours=-15)):
        alarm = Alarm()
        alarm.add("ACTION", "DISPLAY")
        alarm.add("DESCRIPTION", str(made["SUMMARY"]))
        alarm.add("TRIGGER", before)
        made.add_component(alarm)
    assert feed.with_alarms(plain) == made.to_ical()


def test_an_event_that_was_gone_goes_on_where_it_left_off() -> None:
    calendar = Calendar()
    uid = feed.uid(JUNE.key)
    first = calendar.render()[uid]
    del calendar.held[uid]
    gone = calendar.render()[uid]
    assert "【取消】报送工作方案".encode() in gone.body
    calendar.now += KEPT
    assert calendar.render()[uid].body == b""
    assert uid not in events(feed_assembly.assembled(OWNER, calendar.known.values(), TODAY))
    calendar.held[uid] = STARTS[uid]
    back = calendar.render()[uid]
    assert first.sequence < gone.sequence < back.sequence
    assert first.modified_at < gone.modified_at < back.modified_at
    assert b"STATUS:CONFIRMED" in back.body


def test_what_was_done_and_left_is_marked_as_cancelled_only() -> None:
    calendar = Calendar()
    uid = feed.uid(ONE.key)
    for status in ("completed", "waived", "submitted"):
        calendar.held[uid] = replace(STARTS[uid], status=status)
        calendar.render()
        del calendar.held[uid]
        body = feed_assembly.assembled(OWNER, calendar.render().values(), TODAY)
        assert str(events(body)[uid]["SUMMARY"]) == "【取消】报送工作方案"


def test_the_bytes_of_a_former_way_give_their_stamps_back() -> None:
    late = datetime(2026, 4, 1, 8, 0, 0, tzinfo=UTC)
    left = replace(ONE, key="pair-2025/left/da.xiao/once", due=date(2026, 7, 1))
    old = feed.render(
        OWNER,
        [
            entry(),
            replace(entry(JUNE), sequence=4, modified_at=late),
            replace(entry(left), sequence=2, modified_at=NOW, cancelled_on=TODAY),
            replace(entry(TERM), sequence=1),
        ],
        TODAY,
        "https://x.example",
    )
    known = feed_changes.remembered(old)
    assert known[feed.uid(TERM.key)].due == TERM.due
    calendar = Calendar(known=known)
    again = calendar.render()
    assert feed_assembly.assembled(OWNER, again.values(), TODAY) == old
    assert (again[feed.uid(JUNE.key)].sequence, again[feed.uid(JUNE.key)].modified_at) == (4, late)
    assert again[feed.uid(WEEKLY.key)].modified_at == STAMP  # nobody had seen it
    calendar.mark(feed.uid(JUNE.key), status="completed")
    done = calendar.render()[feed.uid(JUNE.key)]
    assert (done.sequence, done.modified_at) == (5, NOW)
    calendar.now += KEPT
    assert calendar.render()[feed.uid(left.key)].body == b""


def test_the_information_event_of_a_former_way_is_forgotten() -> None:
    assert feed_changes.remembered(feed.assemble(OWNER, [], TODAY)) == {}


def test_nothing_is_rendered_that_did_not_change(monkeypatch: Any) -> None:
    calendar = Calendar()
    calendar.render()
    made: list[str] = []
    real = feed.event

    def counted(*given: Any, **named: Any) -> bytes:
        made.append(given[1].occurrence.key)
        return real(*given, **named)

    monkeypatch.setattr(feed, "event", counted)
    calendar.render()
    assert made == []
    calendar.mark(feed.uid(JUNE.key), status="completed")
    calendar.render()
    assert made == [JUNE.key]
