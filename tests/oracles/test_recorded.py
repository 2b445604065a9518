"""Terms, handovers, gaps, quotas, events and extensions as programs show them that nobody here wrote.

A term is a span of months: whether its last day is in or out is where programs differ.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from notifications import feed
from tests.notifications.feed_samples import check_bytes
from tests.oracles.clients import evolution
from tests.oracles.outside import OUTSIDE, by_calcurse, spans
from tests.oracles.proxy import standing_before
from tests.oracles.readers import READERS, Refused, Year, read, read_alike, same
from tests.oracles.recorded_house import OWNERS, PREFIX, SHOWN, served


def days(year: Year) -> dict[str, tuple[str, date, date]]:
    """Return title without its notes, first and last day of what is expected, by key."""
    return {
        key: (seen.summary.partition("〔")[0], seen.first, seen.end - timedelta(days=1))
        for key in SHOWN
        if (seen := year.get(feed.uid(key)))
    }


EXPECTED = {
    key: (title, date.fromisoformat(first), date.fromisoformat(last))
    for key, (title, first, last) in SHOWN.items()
}


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_here_shows_first_and_last_days(reader: str) -> None:
    assert days(read(reader, served()["da+"])) == EXPECTED


def test_all_feeds_of_the_house_are_read_alike() -> None:
    assert set(served()) == {*OWNERS, *(f"{owner}+" for owner in OWNERS)}
    for owner, body in served().items():
        check_bytes(body)
        year = read_alike(body, ("ical",))  # the others read all of them below, and above one
        sides = owner.rstrip("+") in ("da", "xiao", "region:shi", "pairing:pair-2025/da.xiao")
        # The city and the bureau answer for no term; whoever follows both hospitals sees them.
        assert (feed.uid(f"{PREFIX}term-2026-07-01") in year) is (sides or "document:" in owner)
        for uid, seen in year.items():
            assert (seen.end - seen.first > timedelta(days=1)) is ("/term-" in uid)


def test_no_term_paints_half_a_year_busy_or_rings() -> None:
    for part in served()["da+"].split(b"BEGIN:VEVENT")[1:]:
        assert b"\r\nTRANSP:TRANSPARENT\r\n" in part
        assert b"\r\nX-MICROSOFT-CDO-BUSYSTATUS:FREE\r\n" in part
        assert not (b"VALARM" in part and b"/term-" in part)


@pytest.mark.system
def test_every_program_outside_shows_first_and_last_days(tmp_path: Path) -> None:
    names = {str(number): owner for number, owner in enumerate(served())}
    for name, owner in names.items():
        (tmp_path / f"{name}.ics").write_bytes(served()[owner])
    for program, answers in OUTSIDE.items():
        found = answers(tmp_path)
        assert found.keys() == names.keys()
        for name, answer in found.items():
            assert not isinstance(answer, Refused), (program, names[name], answer)
            same(f"{program}: {names[name]}", answer, read("icalendar", served()[names[name]]))
            if names[name] == "da+":
                assert days(answer) == EXPECTED, program
    for name, owner in names.items():
        kept = by_calcurse(tmp_path / f"{name}.ics", tmp_path / "calcurse")
        assert kept == spans(read("icalendar", served()[owner])), f"calcurse: {owner}"


@pytest.mark.system
def test_evolution_shows_first_and_last_days(tmp_path: Path) -> None:
    with standing_before("") as proxy:
        proxy.instead = served()["da+"]
        with evolution(tmp_path / "evolution", proxy, "/feeds/x.ics") as client:
            proxy.wait(lambda: len(client.shown()) == len(read("icalendar", proxy.instead)))
            shown = client.shown()
    assert days(shown) == EXPECTED
    same("Evolution", shown, read("icalendar", served()["da+"]))
