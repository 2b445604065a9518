"""Each oracle can say no: a feed spoiled in one place is refused, or seen to be another one.

What nobody here notices (ends of lines, a parameter left out, a time zone nobody defines) is held
against the bytes by ``check_bytes``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from notifications import feed
from tests.notifications.feed_samples import OWNER, TODAY, check_bytes, entry
from tests.oracles.outside import OUTSIDE, by_calcurse, spans
from tests.oracles.readers import READERS, Refused, read, same

BODY = feed.render(OWNER, [entry()], TODAY, "https://duban.example")
START, END = b"DTSTART;VALUE=DATE:20260320\r\n", b"DTEND;VALUE=DATE:20260321\r\n"


def spoiled(old: bytes, new: bytes) -> bytes:
    assert BODY.count(old) == 1, old
    return BODY.replace(old, new)


@pytest.mark.parametrize(
    "body",
    [
        BODY.replace(b"\r\n", b"\n"),
        spoiled(START, START.replace(b"\r\n", b"\n")),
        spoiled(START, START.replace(b"\r\n", b"\r")),
        spoiled(b"REFRESH-INTERVAL;VALUE=DURATION:PT4H", b"REFRESH-INTERVAL:PT4H"),
        spoiled(START, b"DTSTART;TZID=Asia/Shanghai:20260320T000000\r\n"),
        spoiled("报".encode() + "送工作方案".encode(), "报".encode()[:2] + b"\r\n " + "报".encode()[2:]),
        spoiled(START, START + b"COMMENT:" + b"x" * 68 + b"\r\n"),
        b"\xef\xbb\xbf" + BODY,
        spoiled("报送工作方案".encode(), "报送\x07方案".encode()),
        spoiled("报送工作方案".encode(), "报送\u2028方案".encode()),
        spoiled(b"CALSCALE:GREGORIAN\r\n", b"METHOD:PUBLISH\r\n"),
        spoiled(b"X-WR-CALNAME:", b"X-WR-NAME:"),
        spoiled(b"END:VCALENDAR\r\n", b""),
        BODY.partition(b"BEGIN:VEVENT")[0] + b"END:VCALENDAR\r\n",
    ],
)
def test_the_bytes_say_no(body: bytes) -> None:
    check_bytes(BODY)
    with pytest.raises((AssertionError, UnicodeDecodeError)):
        check_bytes(body)


FAULTS = {
    "icalendar": spoiled(START, b"DTSTART;VALUE=DATE:2026032X\r\n"),
    "recurring-ical-events": spoiled(START, b"DTSTART;VALUE=DATE:20260319\r\n"),
    "vobject": spoiled(b"UID:pair-2025/plan/da.xiao/once@duban\r\n", b""),
    "ics": spoiled(b"END:VEVENT\r\n", b""),
    "ical": spoiled(END, b"DTEND:20260321T000000Z\r\n"),
    "khal": spoiled(START, b""),
    "libical": spoiled(START, START * 2),
    "ical.js": spoiled(START, START + b"no value here\r\n"),
    "node-ical": spoiled(START, b"DTSTART:20260320T000000Z\r\n"),
}


@pytest.mark.parametrize("name", READERS)
def test_a_reader_here_says_no(name: str) -> None:
    wanted = read("icalendar", BODY)
    same(name, read(name, BODY), wanted)
    with pytest.raises((AssertionError, Refused)):
        same(name, read(name, FAULTS[name]), wanted)


@pytest.mark.system
@pytest.mark.parametrize("name", OUTSIDE)
def test_a_program_outside_says_no(name: str, tmp_path: Path) -> None:
    (tmp_path / "good.ics").write_bytes(BODY)
    (tmp_path / "spoiled.ics").write_bytes(FAULTS[name])
    answers = OUTSIDE[name](tmp_path)
    good, other = answers["good"], answers["spoiled"]
    assert not isinstance(good, Refused), good
    wanted = read("icalendar", BODY)
    same(name, good, wanted)
    assert isinstance(other, Refused) or other != wanted


@pytest.mark.system
def test_calcurse_says_no(tmp_path: Path) -> None:
    file = tmp_path / "feed.ics"
    file.write_bytes(BODY)
    assert by_calcurse(file, tmp_path / "kept") == spans(read("icalendar", BODY))
    file.write_bytes(spoiled(START, b""))
    with pytest.raises(Refused):
        by_calcurse(file, tmp_path / "kept")
