"""``duban shift``: stationing terms are recorded, imported, withdrawn, and looked through."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.deadlines import day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

    from cli.context import Context
    from config.terms import Terms
    from scheduler.shifts import Entry
    from scheduler.world import World

HELP = "驻点期：登记、导入、撤回，看空档和覆盖"
FINDINGS = {
    "gap": "空档",
    "overlap": "重叠",
    "short-term": "期短",
    "long-term": "期长",
    "small-team": "人少",
    "double-placed": "一人两处",
    "handover": "换班",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="操作", required=True)
    add = actions.add_parser("add", help="登记一个驻点期")
    add.add_argument("--document", required=True, metavar="ID", help="文件编号")
    add.add_argument("--supporter", required=True, metavar="N", help="支援单位的名称、别名或编号")
    add.add_argument("--recipient", required=True, metavar="N", help="受援单位的名称、别名或编号")
    add.add_argument("--from", dest="start", required=True, type=day, metavar="D", help="起日")
    add.add_argument("--until", required=True, type=day, metavar="D", help="止日（不含当天）")
    add.add_argument("--people", required=True, type=int, metavar="K", help="人数")
    add.add_argument("--staff", default="", metavar="T", help="人员类别，如：内科、外科")
    add.add_argument(
        "--person", action="append", default=[], metavar="PSEUDONYM", help="人员代号（可重复）"
    )
    add.add_argument("--replaces", type=int, metavar="ID", help="改登：代替这个编号的驻点期")
    load = actions.add_parser("import", help="从 CSV 或 Excel 导入，有一处错就一行也不记")
    load.add_argument("file", type=Path, metavar="FILE", help="一行一个驻点期")
    load.add_argument("--document", metavar="ID", help="没有写文件的行属于这份文件")
    listing = actions.add_parser("list", help="列出登记的驻点期")
    listing.add_argument("--document", metavar="ID", help="只列这份文件")
    listing.add_argument("--format", choices=("table", "json"), default="table", help="输出格式")
    withdraw = actions.add_parser("withdraw", help="撤回一个驻点期")
    withdraw.add_argument("id", type=int, metavar="ID", help="编号，见 duban shift list")
    withdraw.add_argument("--reason", required=True, metavar="T", help="理由")
    report = actions.add_parser("report", help="空档、重叠、期短、人少、换班和覆盖")
    report.add_argument("--document", required=True, metavar="ID", help="文件编号")
    report.add_argument("--from", dest="start", required=True, type=day, metavar="D", help="起日（含）")
    report.add_argument("--to", dest="end", required=True, type=day, metavar="D", help="止日（含）")
    report.add_argument("--format", choices=("table", "json"), default="table", help="输出格式")


def run(args: argparse.Namespace) -> int:
    from cli.context import opened
    from cli.failure import Failure
    from cli.world import counted_world
    from scheduler.refusals import Refused

    context = opened()
    engine = context.engine()
    world = counted_world(context, engine)
    asked = getattr(args, "document", None)
    if asked is not None and asked not in world.documents:
        raise Failure(f"没有应用编号为“{asked}”的文件", "现有文件见 duban documents")
    try:
        return _ACTIONS[args.action](args, context, engine, world)
    except Refused as refused:
        raise Failure(refused.message, refused.hint) from None


def _add(args: argparse.Namespace, context: Context, engine: Engine, world: World) -> int:
    from cli.address import present
    from scheduler import shifts
    from scheduler.store import writing

    entry = shifts.Entry(
        args.document, args.supporter, args.recipient, args.start, args.until, args.people,
        args.staff, tuple(args.person),
    )  # fmt: skip
    with writing(engine) as session:
        now = present(session, context)
        (number,) = shifts.add(session, [entry], now, "命令行", world, args.replaces)
    _warn([entry], world)
    print(f"已登记，编号 {number}：{args.start} 至 {args.until}（不含），{args.people}人")
    return 0


def _import(args: argparse.Namespace, context: Context, engine: Engine, world: World) -> int:
    from cli.address import present
    from cli.failure import Failure
    from config.terms import read_terms
    from scheduler import shifts
    from scheduler.store import reading, writing

    read = read_terms(args.file)
    entries = _entries(read, args.document, world)
    with reading(engine) as session:
        known = shifts.standing(session, world)
    for index, fault in shifts.check_all(entries, world, known):
        column = "persons" if fault.part == "person" else fault.part
        read.wrong(read.rows[index], column, fault.message, fault.hint)
    if read.findings:
        lines = "\n".join(str(finding) for finding in read.findings)
        raise Failure(f"{lines}\n一行也没有登记", "改正后再导入")
    with writing(engine) as session:
        numbers = shifts.add(session, entries, present(session, context), "命令行", world)
    _warn(entries, world)
    print(f"已登记 {len(numbers)} 个驻点期，编号 {numbers[0]} 至 {numbers[-1]}")
    return 0


def _warn(entries: Sequence[Entry], world: World) -> None:
    from scheduler.shift_entries import outside

    for entry in entries:
        if said := outside(entry, world):
            print(f"注意：{said}", file=sys.stderr)


def _entries(read: Terms, document: str | None, world: World) -> list[Entry]:
    """Return the rows as entries; a row without a document gets the one that has its pairing."""
    from scheduler.shifts import Entry

    found: list[Entry] = []
    for row in read.rows:
        name = row.document or document or ""
        if not name:
            having = _having(row.supporter, row.recipient, world)
            name = having[0] if len(having) == 1 else ""
        if not name:
            said = "没有写文件，看不出属于哪一份"
            read.wrong(row, "supporter", said, "加一列 document，或用 --document")
            name = next(iter(world.documents))
        found.append(
            Entry(
                name, row.supporter, row.recipient, row.from_, row.until, row.people,
                row.staff, row.persons,
            )
        )  # fmt: skip
    return found


def _having(supporter: str, recipient: str, world: World) -> list[str]:
    found = []
    for name, roster in world.rosters.items():
        one, other = roster.find(supporter), roster.find(recipient)
        if one and other and any(
            (pair.supporter, pair.recipient) == (one.id, other.id) for pair in roster.pairings
        ):
            found.append(name)
    return found


def _withdraw(args: argparse.Namespace, context: Context, engine: Engine, world: World) -> int:
    from cli.address import present
    from scheduler import shifts
    from scheduler.store import writing

    with writing(engine) as session:
        now = present(session, context)
        term = shifts.withdraw(session, args.id, args.reason, now, "命令行", world)
    print(f"已撤回 {args.id}：{term.from_} 至 {term.until}（不含），{term.people}人")
    return 0


def _list(args: argparse.Namespace, _context: Context, engine: Engine, world: World) -> int:
    from cli.output import print_json, print_table
    from scheduler import shifts
    from scheduler.store import reading

    with reading(engine) as session:
        terms = shifts.standing(session, world)
    rows: list[dict[str, Any]] = []
    for term in sorted(terms, key=lambda t: (t.from_, t.document, t.pairing, t.id)):
        if args.document not in (None, term.document):
            continue
        named = world.rosters[term.document].institutions
        supporter, recipient = (
            named[one].name if one in named else one for one in (term.supporter, term.recipient)
        )
        rows.append(
            {
                "id": term.id, "document": term.document, "supporter": supporter,
                "recipient": recipient, "from": term.from_.isoformat(),
                "until": term.until.isoformat(), "people": term.people, "staff": term.staff,
                "persons": list(term.persons),
            }
        )  # fmt: skip
    if args.format == "json":
        print_json(rows)
    elif not rows:
        print("还没有登记驻点期。用 duban shift add 或 duban shift import 登记。")
    else:
        head = ["编号", "文件", "支援", "受援", "起", "止（不含）", "人数", "类别", "代号"]
        print_table(head, ([_cell(value) for value in row.values()] for row in rows))
    return 0


def _cell(value: Any) -> str:
    return "、".join(value) if isinstance(value, list) else str(value)


def _report(args: argparse.Namespace, _context: Context, engine: Engine, world: World) -> int:
    from cli.failure import Failure
    from cli.output import print_json, print_table
    from scheduler import shifts
    from scheduler.shift_report import objects, sheets
    from scheduler.store import reading

    if args.end < args.start:
        raise Failure("--to 早于 --from", "核对两个日期")
    with reading(engine) as session:
        terms = shifts.standing(session, world)
    document, roster = world.documents[args.document], world.rosters[args.document]
    rows = objects(sheets(document, roster, terms, args.start, args.end), roster)
    if args.format == "json":
        print_json(rows)
        return 0
    findings = [row for row in rows if "finding" in row]
    totals = [row for row in rows if "coverage_percent" in row]
    if findings:
        print_table(
            ["起", "止（不含）", "发现", "支援", "受援", "说明"],
            (_line(row) for row in findings),
        )
    print_table(["支援", "受援", "覆盖"], (_total(row) for row in totals))
    print(f"共 {len(totals)} 对帮扶关系，{len(findings)} 处")
    return 0


def _line(row: dict[str, Any]) -> Sequence[str]:
    kind = FINDINGS[row["finding"]]
    return [row["from"], row["until"], kind, row["supporter"], row["recipient"], row["detail"]]


def _total(row: dict[str, Any]) -> Sequence[str]:
    return [row["supporter"], row["recipient"], f"{row['coverage_percent']}%"]


_ACTIONS = {
    "add": _add, "import": _import, "list": _list, "withdraw": _withdraw, "report": _report,
}  # fmt: skip
