"""``duban activity``: what was done towards a quota is recorded, imported, listed, withdrawn."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from cli.deadlines import day

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from cli.context import Context
    from scheduler.world import World

HELP = "频次活动：登记、导入、列出、撤回"


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="操作", required=True)
    add = actions.add_parser("add", help="登记一次活动")
    add.add_argument("--document", required=True, metavar="ID", help="文件编号")
    add.add_argument("--obligation", required=True, metavar="ID", help="频次事项的编号或标题")
    add.add_argument("--supporter", default="", metavar="N", help="支援单位的名称、别名或编号")
    add.add_argument("--recipient", default="", metavar="N", help="受援单位的名称、别名或编号")
    add.add_argument("--institution", default="", metavar="N", help="不逐对计的事项：哪个单位")
    add.add_argument("--on", required=True, type=day, metavar="D", help="活动日期")
    add.add_argument("--count", type=int, default=1, metavar="N", help="次数、人数（默认1）")
    add.add_argument("--item", metavar="TEXT", help="是哪一项，或到了哪一处（分项、逐个覆盖的）")
    add.add_argument("--evidence", metavar="X", help="佐证：文件（存入数据库）、地址或文字")
    load = actions.add_parser("import", help="从 CSV 或 Excel 导入，有一处错就一行也不记")
    load.add_argument("file", type=Path, metavar="FILE", help="一行一次活动")
    load.add_argument("--document", default="", metavar="ID", help="没有写文件的行属于这份文件")
    listing = actions.add_parser("list", help="列出登记的活动")
    listing.add_argument("--document", metavar="ID", help="只列这份文件")
    listing.add_argument("--from", dest="start", type=day, metavar="D", help="起日（含）")
    listing.add_argument("--to", dest="end", type=day, metavar="D", help="止日（含）")
    listing.add_argument("--withdrawn", action="store_true", help="连撤回的也列出")
    listing.add_argument("--format", choices=("table", "json"), default="table", help="输出格式")
    withdraw = actions.add_parser("withdraw", help="撤回一次活动，不再计数")
    withdraw.add_argument("id", type=int, metavar="ID", help="编号，见 duban activity list")
    withdraw.add_argument("--reason", required=True, metavar="T", help="理由")


def run(args: argparse.Namespace) -> int:
    from cli.context import opened
    from cli.failure import Failure
    from cli.world import counted_world
    from scheduler.refusals import Refused

    context = opened()
    engine = context.engine()
    world = counted_world(context, engine)
    try:
        return _ACTIONS[args.action](args, context, engine, world)
    except Refused as refused:
        raise Failure(refused.message, refused.hint) from None


def _add(args: argparse.Namespace, context: Context, engine: Engine, world: World) -> int:
    from dataclasses import replace

    from cli.address import present
    from scheduler.activities import Done, record
    from scheduler.evidence import given, stored
    from scheduler.store import writing

    done = Done(
        document=args.document,
        obligation=args.obligation,
        on=args.on,
        supporter=args.supporter,
        recipient=args.recipient,
        institution=args.institution,
        count=args.count,
        item=args.item,
    )
    with writing(engine) as session:
        now = present(session, context)
        mention = given(session, args.evidence, now, "命令行")
        done = replace(done, evidence=mention)
        number, odd = record(session, done, now, "命令行", world)
    _warn(odd)
    print(f"已登记，编号 {number}：{args.on}，{args.count} 次（人、项）")
    if stored(mention) and mention != args.evidence:
        print(f"佐证存为 {mention}")
    return 0


def _import(args: argparse.Namespace, context: Context, engine: Engine, world: World) -> int:
    from cli.address import present
    from cli.failure import Failure
    from config.activity_rows import read_activities
    from scheduler.importing import take_over
    from scheduler.store import writing

    read = read_activities(args.file)
    with writing(engine) as session:
        now = present(session, context)
        numbers = take_over(session, read, args.document, now, "命令行", world)
    if read.faulty:
        said = "\n".join(str(finding) for finding in read.findings)
        raise Failure(f"{said}\n一行也没有登记", "改正后再导入")
    _warn(str(finding) for finding in read.findings)
    print(f"已登记 {len(numbers)} 次活动，跳过 {len(read.rows) - len(numbers)} 行")
    return 0


def _list(args: argparse.Namespace, context: Context, engine: Engine, world: World) -> int:
    from dataclasses import asdict

    from cli.output import print_json, print_table
    from scheduler.activities import listed
    from scheduler.store import reading

    with reading(engine) as session:
        found = listed(
            session, args.document, None, args.start or date.min, args.end or date.max,
            withdrawn=args.withdrawn,
        )  # fmt: skip
    zone = context.settings.timezone
    rows = [
        asdict(one)
        | {
            "on": one.on.isoformat(),
            "recorded_at": one.recorded_at.astimezone(zone).isoformat(),
            "withdrawn_at": one.withdrawn_at and one.withdrawn_at.astimezone(zone).isoformat(),
        }
        for one in found
    ]
    if args.format == "json":
        print_json(rows)
        return 0
    print_table(
        ["编号", "日期", "文件", "事项", "对象", "次数", "项目", "佐证", "状态"],
        [
            [
                str(one.id), one.on.isoformat(), one.document, one.obligation, one.subject,
                str(one.count), one.item or "", one.evidence or "",
                f"已撤回：{one.reason}" if one.withdrawn_at else "",
            ]
            for one in found
        ],
    )  # fmt: skip
    print(f"共 {len(found)} 次")
    return 0


def _withdraw(args: argparse.Namespace, context: Context, engine: Engine, world: World) -> int:
    from cli.address import present
    from scheduler.activities import withdraw
    from scheduler.store import writing

    with writing(engine) as session:
        now = present(session, context)
        one = withdraw(session, args.id, args.reason, now, "命令行", world)
    print(f"已撤回 {args.id}：{one.on}，{one.obligation}")
    return 0


def _warn(said: Iterable[str]) -> None:
    for line in said:
        print(f"注意：{line}", file=sys.stderr)


_ACTIONS = {"add": _add, "import": _import, "list": _list, "withdraw": _withdraw}
