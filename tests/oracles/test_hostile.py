"""Texts that would break a calendar, or say something else in it, are read back as they are shown.

In this process by hypothesis; a fixed batch goes through the programs outside.
"""

from __future__ import annotations

import random
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifications import feed
from notifications.feed import Owner
from tests.notifications.feed_samples import ONE, TODAY, check_bytes, entry
from tests.oracles.outside import OUTSIDE, by_calcurse, spans
from tests.oracles.readers import READERS, Refused, Seen, read, same

UID = feed.uid(ONE.key)
CALCURSE_LINE = 8_000  # bytes; it cuts off what is longer
LIMITS = [
    "a\r\nBEGIN:VEVENT\r\nUID:x\r\nEND:VEVENT\r\n", "a\rEND:VCALENDAR\r", "a\n b", "a\r\n\tb", "\0", "a\0b",
    "\u2028", "a\u2029b", "\u0085", "\x0b\x0c", "\x1b[31m红\x1b[0m", "\ufeff前", "\ufffe\uffff",
    "\u202e反写\u202c", "\u2066x\u2069", "\u200e\u200f", "=?UTF-8?Q?=0AX:1?=", "=?utf-8?b?Cg==?=",
    "\\n\\N\\,\\;\\\\", "\\", "\\\\n", "逗，号,;；:：\"引'用'", ",", ";", ":", '"', "^n^'^^", "%0D%0A", "&amp;<b>",
    "👨‍👩‍👧‍👦🏥👩🏽‍⚕️", "𠮷𪚥" * 30, "e\u0301\u0323\u0302", "\u0301", "한\u1112\u1161\u11ab", "\u05d0\u05d1 عربي",
    "字" * 10_000, "x" * 10_000, "\u0301" * 500, "é" * 74, "a" * 73 + "字" + "🏥" * 40, " \t ", " 前后 ", "",
    "BEGIN:VALARM", "DTSTART;VALUE=DATE:19700101", "[1]>0000000000000000000000000000000000000000 !",
    "\U000e0001\U000e007f", "\xad\u200b\u2060", "{1D} 重复", "X-WR-CALNAME:别人的日历", "http://x.example/?a=1&b=2;c",
]  # fmt: skip
HOSTILE = (
    st.text(
        st.characters()
        | st.sampled_from("\r\n\0\t\x0b\x85\u2028\u2029\u202e\ufeff\\;,:\"'^\x7f\ud800=?\u0301"),
        max_size=80,
    )
    | st.sampled_from(LIMITS)
    | st.lists(st.sampled_from(LIMITS), max_size=3).map("".join)
)


def made(title: str, phrase: str, name: str) -> bytes:
    """Return a feed in which every text that people write is one of these."""
    one = replace(
        ONE, title=f"题{title}", phrase=phrase, reading=f"读{phrase}", unresolved=f"名{name}"
    )
    return feed.render(Owner("da", name), [entry(one)], TODAY, "https://duban.example")


def visible(text: str) -> str:
    """Return the characters of a text that a reader can see; a backslash is one in either width."""
    kept = (one for one in text.replace("\\", "＼") if not one.isspace())
    return "".join(one for one in kept if unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Cn"))


def as_written(seen: Seen, title: str, phrase: str) -> None:
    """Assert that an event says a title and a phrase, one line each, with nothing lost or added."""
    assert visible(seen.summary) == visible(f"题{title}")
    lines = seen.description.split("\n")
    assert len(lines) == 9, lines
    assert any(visible(line) == visible(f"读法：读{phrase}") for line in lines)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(title=HOSTILE, phrase=HOSTILE, name=HOSTILE)
def test_every_reader_here_reads_what_was_written(title: str, phrase: str, name: str) -> None:
    body = made(title, phrase, name)
    check_bytes(body)
    ours = read("icalendar", body)
    assert list(ours) == [UID]
    as_written(ours[UID], title, phrase)
    for reader in READERS:
        same(reader, read(reader, body), ours)


@pytest.mark.system
def test_every_program_outside_reads_what_was_written(tmp_path: Path) -> None:
    chance = random.Random(5)
    planes = [*range(0x20, 0x250), *range(0x2000, 0x2070), *range(0xFE00, 0xFE10), 0x1F3E5, 0x20BB7]
    texts = LIMITS + ["".join(chr(chance.choice(planes)) for _ in range(60)) for _ in range(100)]
    bodies = {f"{n}": made(text, text, text) for n, text in enumerate(texts)}
    for name, body in bodies.items():
        (tmp_path / f"{name}.ics").write_bytes(body)
    ours = {name: read("icalendar", body) for name, body in bodies.items()}
    for name, text in enumerate(texts):
        as_written(ours[f"{name}"][UID], text, text)
    for program, answers in OUTSIDE.items():
        for name, answer in answers(tmp_path).items():
            assert not isinstance(answer, Refused), (program, texts[int(name)], answer)
            same(f"{program}: {texts[int(name)]!r}", answer, ours[name])
    for name, year in ours.items():
        if len(texts[int(name)].encode()) > CALCURSE_LINE:
            continue
        kept = by_calcurse(tmp_path / f"{name}.ics", tmp_path / "kept")
        assert kept == spans(year), texts[int(name)]
