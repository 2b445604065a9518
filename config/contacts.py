"""Who is written to: the people's offices and addresses behind the roles of an institution.

The file is kept by an office, as CSV or as an Excel workbook, with one row for each holder of a
role; English and Chinese headings and roles are read alike.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from config.addresses import mail_fault
from config.cells import day, tidy
from config.office_file import read_file
from config.roster import Roster
from config.sheet import Finding, Sheet

COLUMNS = ("institution", "role", "office", "email", "from", "until")
OPTIONAL = ("office", "from", "until")
ROLES = {
    "liaison": "liaison", "联络员": "liaison",
    "coordinator": "coordinator", "协调员": "coordinator",
    "leader": "leader", "分管领导": "leader",
}  # fmt: skip
HEADINGS = {
    "机构": "institution", "机构名称": "institution",
    "单位": "institution", "单位名称": "institution",
    "角色": "role", "职责": "role",
    "科室": "office", "处室": "office", "部门": "office",
    "邮箱": "email", "电子邮箱": "email", "邮件": "email", "Email": "email", "E-mail": "email",
    "起": "from", "起日": "from", "开始日期": "from",
    "止": "until", "止日": "until", "结束日期": "until",
}  # fmt: skip

Find = Callable[[str], Collection[str]]


@dataclass(frozen=True, slots=True)
class Contact:
    """One holder of a role; ``institution`` is a name or id as written, ``until`` is exclusive."""

    institution: str
    role: str
    office: str
    email: str
    from_: date | None = None
    until: date | None = None

    def holds(self, on: date) -> bool:
        """Return whether the role is held on a day (local)."""
        return (self.from_ is None or self.from_ <= on) and (self.until is None or on < self.until)


@dataclass(frozen=True)
class Contacts:
    """All holders; ``by_role`` has them by institution's id and role, in the file's order."""

    entries: tuple[Contact, ...] = ()
    by_role: dict[tuple[str, str], tuple[Contact, ...]] = field(default_factory=dict)

    def holders(self, institution: str, role: str, on: date) -> tuple[Contact, ...]:
        """Return who holds a role of an institution (by id) on a local day, in the file's order."""
        return tuple(c for c in self.by_role.get((institution, role), ()) if c.holds(on))


def finder(rosters: Iterable[Roster]) -> Find:
    """Return a function that gives the ids behind an id, name or alias in any of the rosters."""
    known: dict[str, dict[str, None]] = {}
    for roster in rosters:
        for word, one in (*roster.by_name.items(), *roster.institutions.items()):
            known.setdefault(word, {})[one.id] = None

    def find(text: str) -> Collection[str]:
        return tuple(known.get(text, ()))

    return find


def gathered(entries: Iterable[Contact], find: Find | None = None) -> Contacts:
    """Return contacts by role; without ``find`` the institution as written counts as its id."""
    rows = tuple(entries)
    by_role: dict[tuple[str, str], list[Contact]] = {}
    for one in rows:
        for id_ in find(one.institution) if find else (one.institution,):
            by_role.setdefault((id_, one.role), []).append(one)
    return Contacts(rows, {key: tuple(value) for key, value in by_role.items()})


def read_contacts(path: Path, find: Find | None = None) -> tuple[Contacts, tuple[Finding, ...]]:
    """Return the contacts that a file holds, and every finding in the file's order.

    A row with an error is left out, the others stand. ``find`` gives the ids of a name or id (see
    ``finder``); where it gives none, the row is a warning.
    """
    sheet = Sheet(str(path), "C")
    missing = ("读不到联系人表", "核对 DUBAN_CONTACTS 的路径和权限")
    read_file(path, sheet, COLUMNS, OPTIONAL, HEADINGS, missing)
    entries = list(_entries(sheet, find))
    return gathered(entries, find), tuple(sorted(sheet.findings))


def _entries(sheet: Sheet, find: Find | None) -> Iterator[Contact]:
    seen: dict[tuple[str, ...], int] = {}
    faulty = {finding.line for finding in sheet.findings}
    for line, row in sheet.records():
        before = len(sheet.findings)
        # A name with a hidden character in it is known to no roster: one complaint is enough.
        entry = _entry(sheet, line, row, None if line in faulty else find)
        key = (entry.institution, entry.role, entry.email, row.get("from", ""))
        if seen.setdefault(key, line) != line:
            hint = f"第 {seen[key]} 行已有，删去一行"
            sheet.report(line, "email", "027", "与前面一行相同", hint, "warning")
            continue
        errors = [f for f in sheet.findings[before:] if f.severity == "error"]
        whole = entry.institution and entry.role and entry.email
        if whole and not errors and line not in faulty and not sheet.full:
            yield entry


def _entry(sheet: Sheet, line: int, row: dict[str, str], find: Find | None) -> Contact:
    institution, written, email = (row.get(key, "") for key in ("institution", "role", "email"))
    if not institution and "institution" in sheet.index:
        sheet.report(line, "institution", "026", "没有写机构", "写单位名称或名册里的 id")
    elif institution and find is not None and not find(institution):
        message, hint = f"名册里没有“{institution[:60]}”", "核对名称，与名册一致"
        sheet.report(line, "institution", "023", message, hint, "warning")
    role = ROLES.get(written, "")
    if not role and "role" in sheet.index:
        words = "、".join(ROLES)
        sheet.report(line, "role", "022", f"不认识的角色“{written[:40]}”", f"可以写：{words}")
    if not email and "email" in sheet.index:
        sheet.report(line, "email", "026", "没有写邮箱", "写一个邮箱地址；没有就删去这一行")
    elif email and (fault := mail_fault(email)):
        code, hint = (
            ("021", "每个邮箱写一行") if "几个" in fault else ("020", "如 liaison@example.cn")
        )
        sheet.report(line, "email", code, fault, hint)
    from_, until = (
        day(sheet, line, key, tidy(row.get(key, "")), "024") for key in ("from", "until")
    )
    if from_ and until and from_ >= until:
        sheet.report(line, "until", "025", "止日不晚于起日", "止日不含当天，要晚于起日")
    return Contact(institution, role, row.get("office", ""), email, from_, until)
