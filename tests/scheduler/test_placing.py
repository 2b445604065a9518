from __future__ import annotations

from datetime import date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.facts import Said, standing
from scheduler.hours import sending
from scheduler.placing import place
from tests.scheduler.house import BASE, WORKDAYS, ZONE
from tests.scheduler.test_ladder import occurrence

instants = st.datetimes(
    datetime(2019, 8, 1), datetime(2019, 12, 1), timezones=st.just(ZONE)
)  # fmt: skip
silences = st.dates(date(2019, 8, 1), date(2019, 11, 30))
DUE = occurrence("2019-09-20")


@settings(max_examples=60, deadline=None)
@given(now=instants, done=st.sampled_from(["completed", "waived"]), until=silences)
def test_nothing_after_it_is_done(now: datetime, done: str, until: date) -> None:
    for facts in ([Said(done)], [Said("acknowledged", until=until), Said(done)]):
        assert place(DUE, facts, {}, now, BASE) == (done, None)


@settings(max_examples=60, deadline=None)
@given(now=instants)
def test_history_waits_for_nothing(now: datetime) -> None:
    assert place(DUE, [], {}, now, BASE, history=True) == ("history", None)


@settings(max_examples=100, deadline=None)
@given(now=instants, until=silences)
def test_silence_holds_and_ends(now: datetime, until: date) -> None:
    status, at = place(DUE, [Said("acknowledged", until=until)], {}, now, BASE)
    today = now.date()
    if until < today:
        assert status == "open"
    else:
        assert status == "acknowledged"
        assert at is not None
        assert at.date() > until
    assert at is None or (at >= now and sending(at, ZONE, WORKDAYS) == at)


@settings(max_examples=100, deadline=None)
@given(now=instants)
def test_adopted_at_any_instant_the_next_reminder_is_in_the_sending_hours(now: datetime) -> None:
    _, at = place(DUE, [], {}, now, BASE)
    if at is None:
        assert now > datetime(2019, 10, 10, 9, tzinfo=ZONE)
        return
    assert at >= now
    assert sending(at, ZONE, WORKDAYS) == at
    assert at <= max(now + timedelta(days=14), datetime(2019, 9, 6, 9, tzinfo=ZONE))


def test_the_later_word_of_two_that_disagree() -> None:
    today = date(2026, 3, 2)
    assert standing([Said("acknowledged", until=today)], today)[:2] == ("acknowledged", today)
    assert standing([Said("acknowledged", until=date(2026, 3, 1))], today)[:2] == ("open", None)
    assert standing([], today, history=True)[:2] == ("history", None)
    assert standing([Said("completed")], today, history=True)[:2] == ("completed", None)
