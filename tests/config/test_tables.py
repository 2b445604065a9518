"""Rosters: the bundled ones are clean, whole and resolvable; nothing that is wrong passes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.tables import TABLES, read_roster, roster_from_texts

ROSTERS = Path(__file__).parents[2] / "config" / "rosters"
BUNDLED = sorted(folder.name for folder in ROSTERS.iterdir())


def texts(**tables: str) -> dict[str, str]:
    """Return the three tables: headings, and the given rows under them."""
    return {
        name: ",".join(columns) + "\n" + tables.get(name.removesuffix(".csv"), "")
        for name, columns in TABLES.items()
    }


def codes(tables: dict[str, str]) -> list[tuple[str, int, int, str]]:
    roster, findings = roster_from_texts("x", tables)
    assert (roster is None) == any(finding.severity == "error" for finding in findings)
    return [(f.path, f.line, f.column, f.code) for f in findings]


HOSPITALS = "a,甲医院,hospital,general,,,,,,,,,,\nb,乙医院,hospital,tcm,,,,,,,,,,\n"


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_roster_has_no_finding(name: str) -> None:
    roster, findings, raw = read_roster(ROSTERS / name, name)
    assert findings == ()
    assert roster is not None
    assert roster.document == name
    assert set(raw) == set(TABLES)
    assert roster_from_texts(name, raw) == (roster, ())  # what is stored gives the same again


def test_the_130_pairings() -> None:
    counts = {}
    for name in BUNDLED:
        roster, _, _ = read_roster(ROSTERS / name, name)
        assert roster is not None
        counts[name] = len(roster.pairings)
    assert counts == {
        "guangxi-2019": 29, "hebei-2019": 0, "horqin-2023": 30, "hubei-2022": 70,
        "shaoxing-2017": 1,
    }  # fmt: skip


def test_cells_become_values() -> None:
    tables = texts(
        institutions=(
            "a,甲医院,hospital,general,甲市,甲县,c,yes,d,,老甲;甲院,甲人民医院,city=院名;county=院名,备注\n"
            "c,局,authority,,,,,,,,,,,\n"
            'd,"政府,县",government,,,,,,,,,,,\n'
        ),
        pairings="a.d,a,d,附件1,外科,p-1,2019-07-11,2021-01-01,\n",
        members="cities,c,,,2019-05-11,二,\n",
    )
    roster, findings = roster_from_texts("x", tables)
    assert findings == ()
    assert roster is not None
    one = roster.institutions["a"]
    assert one.direct
    assert one.aliases == ("老甲", "甲院")
    assert one.inferred == (("city", "院名"), ("county", "院名"))
    assert roster.institutions["d"].name == "政府,县"
    assert roster.pairings[0].from_ == date(2019, 7, 11)
    assert roster.pairings[0].until == date(2021, 1, 1)
    assert roster.members[0].until == date(2019, 5, 11)
    assert roster.above("a") == ("c",)


def test_spreadsheet_leavings_are_fine() -> None:
    """Excel's byte order mark, CRLF, padded cells, rows of commas, blank lines."""
    tables = texts(institutions=HOSPITALS.replace("甲医院", " 甲医院\u3000") + ",,,,,,,,,,,,,\n\n")
    tables = {name: text.replace("\n", "\r\n") for name, text in tables.items()}
    roster, findings = roster_from_texts("x", tables)
    assert findings == ()
    assert roster is not None
    assert roster.institutions["a"].name == "甲医院"


def test_columns_in_any_order() -> None:
    tables = texts(institutions=HOSPITALS)
    tables["pairings.csv"] = (
        "supporter,id,recipient,until,from,note,programme,needs,clause\na,a.b,b,,,,,,第1行\n"
    )
    roster, findings = roster_from_texts("x", tables)
    assert findings == ()
    assert roster is not None
    assert roster.pairings[0].clause == "第1行"


def test_every_problem_in_one_run() -> None:
    tables = texts(
        institutions=HOSPITALS + "B,,clinic,,,,z,no,,,,,,=1\n",
        pairings="a.b,a,b,,,,2019-02-30,,\na.b,a,b,,,,,,\nx,a,q,,,,2020-01-01,2020-01-01,\n",
        members="Cities,a,,,,,city=x\n",
    )
    assert codes(tables) == [
        ("institutions.csv", 4, 1, "R021"),
        ("institutions.csv", 4, 2, "R022"),
        ("institutions.csv", 4, 3, "R023"),
        ("institutions.csv", 4, 7, "R027"),
        ("institutions.csv", 4, 8, "R024"),
        ("institutions.csv", 4, 14, "R010"),
        ("members.csv", 2, 1, "R021"),
        ("members.csv", 2, 7, "R030"),
        ("pairings.csv", 2, 7, "R025"),
        ("pairings.csv", 3, 1, "R020"),
        ("pairings.csv", 3, 3, "R029"),
        ("pairings.csv", 4, 3, "R027"),
        ("pairings.csv", 4, 8, "R026"),
    ]


def test_one_pairing_may_have_two_terms() -> None:
    rows = "t1,a,b,,,,2019-01-01,2020-01-01,\nt2,a,b,,,,2020-01-01,,\n"
    assert codes(texts(institutions=HOSPITALS, pairings=rows)) == []
    rows = rows.replace("2020-01-01,,", "2019-12-31,,")
    assert codes(texts(institutions=HOSPITALS, pairings=rows)) == [("pairings.csv", 3, 3, "R029")]


def test_a_name_in_place_of_an_id_is_explained() -> None:
    _, findings = roster_from_texts(
        "x", texts(institutions=HOSPITALS, pairings="t1,甲医院,b,,,,,,\n")
    )
    assert [(f.code, f.hint) for f in findings] == [("R027", "是不是 a？")]


def test_a_long_line_of_authority_is_no_cycle() -> None:
    rows = "".join(f"i{n},机构{n},authority,,,,i{n + 1},,,,,,,\n" for n in range(3000))
    assert codes(texts(institutions=rows + "i3000,机构3000,authority,,,,,,,,,,,\n")) == []
    looped = codes(texts(institutions=rows + "i3000,机构3000,authority,,,,i5,,,,,,,\n"))
    assert looped == [("institutions.csv", 3002, 7, "R028")]


def test_messages_cannot_steer_a_terminal() -> None:
    _, findings = roster_from_texts(
        "x", texts(institutions="\x1b[2J\u202eb,甲,hospital" + "," * 11)
    )
    assert findings
    assert not any("\x1b" in str(finding) or "\u202e" in str(finding) for finding in findings)


def test_missing_folder_is_a_finding(tmp_path: Path) -> None:
    roster, findings, raw = read_roster(tmp_path / "none", "none")
    assert roster is None
    assert raw == {}
    assert [f.code for f in findings] == ["R013"] * 3


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=200))
def test_any_text_is_read_or_refused(one: str, two: str, three: str) -> None:
    bodies = texts(institutions=HOSPITALS + one, pairings=two, members=three)
    codes(bodies)
    codes(dict(zip(TABLES, (one, two, three), strict=True)))


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='ab,"\n\r =;', max_size=60))
def test_quotes_and_commas_never_shift_a_good_row(noise: str) -> None:
    """Rows above the noise are read the same, whatever stands below."""
    roster, findings = roster_from_texts("x", texts(institutions=HOSPITALS + noise))
    assert all(finding.line > 3 for finding in findings if finding.code != "R031")
    if roster is not None:
        assert {"a", "b"} <= set(roster.institutions)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text(alphabet="甲乙丙医院a-z ,\"'（）·0-9", max_size=20), min_size=1, max_size=5)
)
def test_quoted_cells_come_back_as_written(cells: list[str]) -> None:
    cells = [cell.lstrip("-, '\"") for cell in cells]
    quoted = '"' + ";".join(cells).replace('"', '""') + '"'
    if quoted == '""':
        return
    tables = texts(institutions=f"a,甲医院,hospital,,,,,,,,,,,{quoted}\n")
    roster, findings = roster_from_texts("x", tables)
    if not findings:
        assert roster is not None
        assert roster.institutions["a"].note == ";".join(cells).strip(" \u3000\u00a0")
