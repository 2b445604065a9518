"""The lines that we write ourselves are those that icalendar would write."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar, Event
from icalendar.parser import Contentline
from icalendar.prop import vText

from notifications import feed, feed_changes, feed_lines
from notifications.feed import Variant
from tests.notifications.feed_samples import ONE, OWNER, TODAY, entry

# What decides about folding: widths of one to four octets, what is escaped, what must not end a line.
PIECES = st.sampled_from(["a", "é", "督", "🙂", "\\", "^", ",", ";", "\n", "一二三四五", "x" * 30])
TEXTS = st.lists(PIECES, max_size=60).map("".join)


@given(TEXTS)
def test_a_line_is_folded_and_escaped_as_icalendar_does(value: str) -> None:
    theirs = Contentline(f"SUMMARY:{vText(value).to_ical().decode()}").to_ical()  # type: ignore[no-untyped-call]
    assert feed_lines.text("SUMMARY", value) == theirs + b"\r\n"


def test_lines_around_the_limit_are_folded_where_icalendar_folds() -> None:
    for length in range(60, 240):
        for end in ("", "督", "🙂", "\\", "^^"):
            value = "x" * length + end + "y" * 10
            event = Event()
            event.add("SUMMARY", value)
            written = event.to_ical().partition(b"\r\n")[2].removesuffix(b"END:VEVENT\r\n")
            assert feed_lines.text("SUMMARY", value) == written


@given(TEXTS)
def test_a_whole_feed_is_written_as_icalendar_writes_it(title: str) -> None:
    one = replace(ONE, title=title, reading=title)
    known = [entry(one), entry(replace(one, key="督/a,b;c/d/once"), sequence=3, status="completed")]
    for variant in (Variant(), Variant(alarms=True)):
        body = feed.render(OWNER, known, TODAY, "https://duban.example", variant)
        assert Calendar.from_ical(body).to_ical() == body
    empty = feed.render(OWNER, [], TODAY)
    assert Calendar.from_ical(empty).to_ical() == empty


def test_what_words_events_is_known_whole_so_that_another_program_words_them_anew() -> None:
    named = {module.__name__.removeprefix("notifications.") for module in feed_changes.WORDING}
    for module in feed_changes.WORDING:
        source = Path(str(module.__file__)).read_text()
        for found in re.findall(r"^from notifications(?:\.(\w+))? import (.*)$", source, re.M):
            assert set([found[0]] if found[0] else found[1].split(", ")) <= named
