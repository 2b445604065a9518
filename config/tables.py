"""The tables of a roster become a Roster, or every reason why they cannot."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from config.cells import Spans, dates, one_of, slug
from config.roster import Institution, Membership, Pairing, Roster, SetMember
from config.sheet import MAX_BYTES, Finding, Sheet, decode, read_text

__all__ = ["TABLES", "Finding", "read_roster", "roster_from_texts"]

TABLES = {
    "institutions.csv": (
        "id", "name", "kind", "type", "city", "county", "authority", "direct", "government",
        "parent", "aliases", "canonical", "inferred", "note",
    ),
    "pairings.csv": (
        "id", "supporter", "recipient", "clause", "needs", "programme", "from", "until", "note",
    ),
    "members.csv": ("group", "institution", "programme", "from", "until", "clause", "inferred"),
}  # fmt: skip
OPTIONAL = {"sets.csv": ("set", "institution", "member", "from", "until")}
KINDS = ("hospital", "health-centre", "authority", "government", "department", "office")
TYPES = ("", "general", "tcm")

_NEAR = 500  # beyond so many ids, looking for a similar one takes too long

Row = dict[str, str]
Known = Callable[..., None]


def read_roster(
    folder: Path, document: str
) -> tuple[Roster | None, tuple[Finding, ...], dict[str, str]]:
    """Return the roster in a folder, every finding, and the text of each table by file name.

    The roster is None when any finding is an error.
    """
    texts: dict[str, str] = {}
    findings: list[Finding] = []
    for name in (*TABLES, *OPTIONAL):
        if name in OPTIONAL and not (folder / name).exists():
            continue
        sheet = Sheet(str(folder / name), "R")
        try:
            with (folder / name).open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
        except OSError:
            sheet.report(1, 1, "013", f"读不到 {name}", f"名册文件夹里要有 {'、'.join(TABLES)}")
        else:
            text = decode(raw, sheet)
            if text is not None:
                texts[name] = text
        findings += sheet.findings
    roster, more = roster_from_texts(document, texts, str(folder), tuple(texts))
    findings = sorted([*findings, *more])
    return (roster if _sound(findings) else None), tuple(findings), texts


def roster_from_texts(
    document: str,
    texts: Mapping[str, str],
    folder: str = "",
    names: tuple[str, ...] = tuple(TABLES),
) -> tuple[Roster | None, tuple[Finding, ...]]:
    """Return the roster that the tables' texts hold, and every finding, in the files' order.

    The roster is None when any finding is an error. ``names`` are the tables to look at; one that
    ``texts`` lacks is reported.
    """
    columns = TABLES | OPTIONAL
    sheets = {name: Sheet(str(Path(folder) / name) if folder else name, "R") for name in columns}
    for name in dict.fromkeys((*names, *(name for name in OPTIONAL if name in texts))):
        if name in texts:
            read_text(texts[name], sheets[name], columns[name])
        else:
            sheets[name].report(1, 1, "013", f"没有 {name}", f"名册要有 {'、'.join(TABLES)}")
    institutions = _institutions(sheets["institutions.csv"])
    known = _reference(institutions, sheets["institutions.csv"].dropped)
    pairings = _pairings(sheets["pairings.csv"], known)
    members = _members(sheets["members.csv"], known)
    sets = _sets(sheets["sets.csv"], known)
    findings = tuple(sorted(finding for sheet in sheets.values() for finding in sheet.findings))
    if not _sound(findings):
        return None, findings
    return Roster(document, institutions, pairings, members, sets), findings


def _already(line: int) -> str:
    return f"第 {line} 行已有，每个 id 只用一次"


def _sound(findings: list[Finding] | tuple[Finding, ...]) -> bool:
    return all(finding.severity != "error" for finding in findings)


def _institutions(sheet: Sheet) -> dict[str, Institution]:
    found: dict[str, Institution] = {}
    lines: dict[str, int] = {}
    names: dict[str, str] = {}
    rows = list(sheet.records())
    for line, row in rows:
        id_ = row.get("id", "")
        slug(sheet, line, "id", id_, needed=True)
        if id_ == "all":
            sheet.report(line, "id", "021", "“all”另有用处，不能作单位的 id", "换一个 id")
        if id_ in lines:
            sheet.report(line, "id", "020", f"“{id_}”写了两次", _already(lines[id_]))
        elif id_:
            lines[id_] = line
            found[id_] = _institution(sheet, line, row)
        name = row.get("name", "")
        if not name:
            sheet.report(line, "name", "022", "没有名称", "照原文附件写上单位名称")
        elif names.setdefault(name, id_) != id_:
            sheet.report(
                line, "name", "031", f"“{name}”与“{names[name]}”同名", "同一家就合并，否则加上地名"
            )
        one_of(sheet, line, "kind", row.get("kind", ""), KINDS, "023")
        one_of(sheet, line, "type", row.get("type", ""), TYPES, "024")
        one_of(sheet, line, "direct", row.get("direct", ""), ("", "yes"), "024")
    known = _reference(found, sheet.dropped)
    for line, row in rows:
        for column in ("authority", "government", "parent"):
            known(sheet, line, column, row.get(column, ""))
        for alias in _listed(row.get("aliases", "")):
            if names.setdefault(alias, row.get("id", "")) != row.get("id", ""):
                sheet.report(
                    line, "aliases", "031", f"“{alias}”也是“{names[alias]}”的名称", "只留一处"
                )
    _cycles(sheet, found, lines)
    return found


def _institution(sheet: Sheet, line: int, row: Row) -> Institution:
    return Institution(
        **{key: row.get(key, "") for key in _PLAIN},
        direct=row.get("direct") == "yes",
        aliases=_listed(row.get("aliases", "")),
        inferred=_inferred(sheet, line, row.get("inferred", ""), "institutions.csv"),
    )


_PLAIN = (
    "id", "name", "kind", "type", "city", "county", "authority", "government", "parent",
    "canonical", "note",
)  # fmt: skip


def _listed(cell: str) -> tuple[str, ...]:
    parts = (part.strip() for part in cell.replace("；", ";").split(";"))
    return tuple(part for part in parts if part)


def _inferred(sheet: Sheet, line: int, cell: str, table: str) -> tuple[tuple[str, str], ...]:
    """Return (column, basis) of a cell such as ``city=院名含城市名;authority=按所在市``."""
    found: list[tuple[str, str]] = []
    for part in _listed(cell):
        column, _, basis = (piece.strip() for piece in part.partition("="))
        if column not in TABLES[table] or column == "inferred":
            sheet.report(
                line, "inferred", "030", f"没有叫“{column}”的列", "写作 列名=依据，几项用分号隔开"
            )
        elif not basis:
            sheet.report(line, "inferred", "030", f"“{column}”没有写依据", "写作 列名=依据")
        found.append((column, basis))
    return tuple(found)


def _pairings(sheet: Sheet, known: Known) -> tuple[Pairing, ...]:
    found: list[Pairing] = []
    lines: dict[str, int] = {}
    spans = Spans(sheet, "recipient", "这对帮扶关系")
    for line, row in sheet.records():
        id_, supporter, recipient = (row.get(key, "") for key in ("id", "supporter", "recipient"))
        slug(sheet, line, "id", id_, needed=True, dots=True)
        slug(sheet, line, "programme", row.get("programme", ""))
        if id_ and lines.setdefault(id_, line) != line:
            sheet.report(line, "id", "020", f"“{id_}”写了两次", _already(lines[id_]))
        for column in ("supporter", "recipient"):
            known(sheet, line, column, row.get(column, ""), needed=True)
        if supporter and supporter == recipient:
            sheet.report(line, "recipient", "032", "支援和受援是同一家", "核对两个 id")
        from_, until = dates(sheet, line, row)
        spans.add(line, (supporter, recipient, row.get("programme", "")), from_, until)
        found.append(
            Pairing(
                id_,
                supporter,
                recipient,
                row.get("clause", ""),
                row.get("needs", ""),
                row.get("programme", ""),
                from_,
                until,
                row.get("note", ""),
            )
        )
    return tuple(found)


def _members(sheet: Sheet, known: Known) -> tuple[Membership, ...]:
    found: list[Membership] = []
    spans = Spans(sheet, "institution", "这一成员")
    for line, row in sheet.records():
        group, institution, programme = (
            row.get(key, "") for key in ("group", "institution", "programme")
        )
        slug(sheet, line, "group", group, needed=True)
        slug(sheet, line, "programme", programme)
        known(sheet, line, "institution", institution, needed=True)
        from_, until = dates(sheet, line, row)
        spans.add(line, (group, institution, programme), from_, until)
        _inferred(sheet, line, row.get("inferred", ""), "members.csv")
        found.append(
            Membership(
                group,
                institution,
                programme,
                from_,
                until,
                row.get("clause", ""),
                row.get("inferred", ""),
            )
        )
    return tuple(found)


def _sets(sheet: Sheet, known: Known) -> tuple[SetMember, ...]:
    found: list[SetMember] = []
    spans = Spans(sheet, "member", "这一成员")
    for line, row in sheet.records():
        name, institution, member = (row.get(key, "") for key in ("set", "institution", "member"))
        for column, value in (("set", name), ("member", member)):
            if not value and column in sheet.index:
                hint = "写事项里 each 的原词" if column == "set" else "写全称，如 城关镇"
                sheet.report(line, column, "022", f"没有写 {column}", hint)
        known(sheet, line, "institution", institution, needed=True)
        from_, until = dates(sheet, line, row)
        spans.add(line, (name, institution, member), from_, until)
        found.append(SetMember(name, institution, member, from_, until))
    return tuple(found)


def _reference(institutions: dict[str, Institution], dropped: set[str]) -> Known:
    """Return a function that reports a cell which names no institution of the roster."""
    names = {one.name: one.id for one in institutions.values()}
    near = list(institutions) if len(institutions) <= _NEAR else []

    def known(sheet: Sheet, line: int, column: str, value: str, needed: bool = False) -> None:
        if column not in sheet.index or (not value and not needed) or not institutions:
            return
        if not value:
            sheet.report(line, column, "022", f"没有写 {column}", "写 institutions.csv 里的 id")
        elif value not in institutions and value not in dropped and not sheet.full:
            alike = [names[value]] if value in names else difflib.get_close_matches(value, near, 1)
            hint = f"是不是 {alike[0]}？" if alike else "先在 institutions.csv 里写上这个单位"
            sheet.report(line, column, "027", f"名册里没有“{value[:60]}”", hint)

    return known


def _cycles(sheet: Sheet, found: dict[str, Institution], lines: dict[str, int]) -> None:
    """Report each chain of authorities or parents that comes back to its beginning."""

    def above(id_: str) -> Iterator[tuple[str, str]]:
        one = found[id_]
        both = ("parent", one.parent), ("authority", one.authority)
        return iter([(column, up) for column, up in both if up])

    done: set[str] = set()
    for first in found:
        if first in done:
            continue
        trail = [(first, above(first))]
        open_ = {first}
        while trail:
            here, rest = trail[-1]
            column, up = next(rest, ("", ""))
            if not column:
                trail.pop()
                open_.discard(here)
                done.add(here)
            elif up in open_:
                sheet.report(
                    lines[here], column, "028", f"“{here}”的上级绕成了圈", f"核对它与“{up}”谁是上级"
                )
            elif up in found and up not in done:
                trail.append((up, above(up)))
                open_.add(up)
