"""Contacts: CSV and Excel alike, several holders, dates, and rows that are refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.addresses import mail_fault
from config.contacts import Contacts, finder, gathered, read_contacts
from config.roster import Institution, Roster
from config.sheet import Finding
from config.tables import read_roster

ROOT = Path(__file__).parents[2]
HEAD = "institution,role,office,email,from,until\n"


def read(folder: Path, rows: str, head: str = HEAD) -> tuple[Contacts, tuple[Finding, ...]]:
    path = folder / "contacts.csv"
    path.write_text(head + rows, encoding="utf-8")
    return read_contacts(path)


def workbook(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


def test_the_example_resolves_on_its_roster() -> None:
    roster, _, _ = read_roster(ROOT / "config" / "rosters" / "guangxi-2019", "guangxi-2019")
    assert roster is not None
    contacts, findings = read_contacts(
        ROOT / "config" / "example" / "contacts.csv", finder([roster])
    )
    assert findings == ()
    assert all(contact.email.endswith(".example") for contact in contacts.entries)
    two = contacts.holders("nanning-zhongyiyiyuan", "liaison", date(2020, 1, 1))
    assert [one.office for one in two] == ["医务部", "对口帮扶办公室"]


def test_until_is_exclusive(tmp_path: Path) -> None:
    contacts, findings = read(
        tmp_path,
        "a,liaison,旧,old@a.example,2019-01-01,2020-01-01\na,联络员,新,new@a.example,2020-01-01,\n",
    )
    assert findings == ()

    def held(on: date) -> list[str]:
        return [one.email for one in contacts.holders("a", "liaison", on)]

    assert held(date(2018, 12, 31)) == []
    assert held(date(2019, 12, 31)) == ["old@a.example"]
    assert held(date(2020, 1, 1)) == ["new@a.example"]
    assert contacts.holders("a", "leader", date(2020, 1, 1)) == ()


def test_chinese_headings_in_gb18030(tmp_path: Path) -> None:
    """What a Chinese Windows saves as CSV: GBK, slashes in dates, no optional columns."""
    path = tmp_path / "contacts.csv"
    text = "单位名称,角色,电子邮箱,起\n甲医院,分管领导,l@a.example,2019/7/1\n"
    path.write_bytes(text.replace("\n", "\r\n").encode("gb18030"))
    contacts, findings = read_contacts(path)
    assert findings == ()
    assert contacts.entries[0].role == "leader"
    assert contacts.entries[0].from_ == date(2019, 7, 1)


def test_excel_and_csv_are_read_alike(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "contacts.xlsx",
        [
            ["机构", "角色", "科室", "邮箱", "起", "止"],
            ["甲医院", "联络员", 301, "a@a.example", date(2019, 7, 1), None],
            [None] * 6,
            ["甲医院", "联络员", "x", "a@a.example,b@a.example", None, None],
        ],
    )
    contacts, findings = read_contacts(path)
    assert [(f.line, f.column, f.code) for f in findings] == [(4, 4, "C021")]
    assert [(c.office, c.from_) for c in contacts.entries] == [("301", date(2019, 7, 1))]


def test_a_bad_row_is_left_out_and_the_others_stand(tmp_path: Path) -> None:
    contacts, findings = read(
        tmp_path,
        "a,liaison,,a@a.example,,\n"
        ",boss,,nobody,2020-02-30,x\n"
        "b,leader,,=cmd@a.example,,\n"
        "c,leader,\x07,c@a.example,,\n"
        "d,coordinator,,d@a.example,2020-01-02,2020-01-01\n"
        "e,coordinator,,e@a.example,,\n",
    )
    assert [(f.line, f.column, f.code) for f in findings] == [
        (3, 1, "C026"), (3, 2, "C022"), (3, 4, "C020"), (3, 5, "C024"), (3, 6, "C024"),
        (4, 4, "C010"), (5, 3, "C003"), (6, 6, "C025"),
    ]  # fmt: skip
    assert [one.institution for one in contacts.entries] == ["a", "e"]


def test_an_institution_of_no_roster_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text(HEAD + "a,liaison,,a@a.example,,\n丁,liaison,,d@a.example,,\n")
    roster = Roster("x", {"a": Institution("a", "甲", "hospital", aliases=("老甲",))})
    _, findings = read_contacts(path, finder([roster]))
    assert [(f.line, f.column, f.code, f.severity) for f in findings] == [(3, 1, "C023", "warning")]


def test_names_ids_and_aliases_find_the_same_one(tmp_path: Path) -> None:
    one = Roster("x", {"a": Institution("a", "甲", "hospital", aliases=("老甲",))})
    two = Roster("y", {"a2": Institution("a2", "甲", "hospital")})
    contacts, _ = read(
        tmp_path,
        "".join(f"{w},liaison,,{i}@a.example,,\n" for i, w in enumerate(("a", "甲", "老甲"))),
    )
    known = gathered(contacts.entries, finder([one, two]))
    assert len(known.holders("a", "liaison", date(2020, 1, 1))) == 3
    assert len(known.holders("a2", "liaison", date(2020, 1, 1))) == 1


def test_the_same_row_twice_is_a_warning_and_counts_once(tmp_path: Path) -> None:
    contacts, findings = read(tmp_path, "a,liaison,,a@a.example,,\na,联络员,,a@a.example,,\n")
    assert [(f.line, f.code, f.severity) for f in findings] == [(3, "C027", "warning")]
    assert len(contacts.entries) == 1


@pytest.mark.parametrize(
    "text",
    ["a@b.example", "a.b+c@x-y.example.cn", "root@localhost", "A1@1.example"],
)
def test_good_addresses(text: str) -> None:
    assert mail_fault(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "@b.example", "a@", "a@b", "a b@c.example", ".a@b.example", "a.@b.example",
        "a@b..example", "a@-b.example", "甲 <a@b.example>", "<a@b.example>", "a@b.example\n",
        "a@b.example\r\nBcc: x@y.example", '"a b"@c.example', "a@[127.0.0.1]", "医@b.example",
        "a@b.example,", "a" * 65 + "@b.example", "a@" + "b" * 64 + ".example",
    ],
)  # fmt: skip
def test_bad_addresses(text: str) -> None:
    assert mail_fault(text)


@pytest.mark.parametrize("joint", [",", ";", "，", "；", "、", " "])
def test_joined_addresses(joint: str) -> None:
    assert mail_fault(f"a@b.example{joint}c@d.example") == "一处写了几个邮箱"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    path = tmp_path_factory.mktemp("contacts") / "contacts.csv"
    path.write_bytes(HEAD.encode() + raw)
    contacts, findings = read_contacts(path)
    assert all(mail_fault(one.email) is None for one in contacts.entries)
    assert all(finding.code.startswith("C") for finding in findings)


def test_every_good_row_survives_excel(tmp_path: Path) -> None:
    rows = [[f"机构{n}", "联络员", "", f"u{n}@a.example", "", ""] for n in range(500)]
    path = workbook(tmp_path / "c.xlsx", [HEAD.strip().split(","), *rows])
    contacts, findings = read_contacts(path)
    assert findings == ()
    assert [one.institution for one in contacts.entries] == [str(row[0]) for row in rows]
