"""``duban remind``: whoever still owes a period's report is reminded once, at once."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scheduler.reminding import Outlook, Reminder

HELP = "催报：只催一份文件这一期还没报的"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--document", required=True, metavar="ID", help="文件编号")
    parser.add_argument("--period", required=True, metavar="P", help="哪一期，如 2026-jun；或一年")
    parser.add_argument(
        "--all", action="store_true", help="连没到期的一起催（不写：只催逾期、退回、临期的）"
    )
    parser.add_argument("--preview", action="store_true", help="只看会催谁，不催")


def run(args: argparse.Namespace) -> int:
    from cli.address import present
    from cli.context import opened
    from cli.failure import Failure
    from cli.world import base_world, stored_world
    from scheduler.refusals import Refused
    from scheduler.reminding import foresee, remind
    from scheduler.store import reading, writing

    context = opened()
    base = base_world(context)
    asked = args.document, args.period
    try:
        if args.preview:
            with reading(context.engine()) as session:
                world = stored_world(session, base)
                found = foresee(session, *asked, present(session, context), world, args.all)
        else:
            with writing(context.engine()) as session:
                world = stored_world(session, base)
                now = present(session, context)
                found = remind(session, *asked, now, world, "命令行", args.all)
    except Refused as refused:
        raise Failure(refused.message, refused.hint) from None
    _print(found, args.preview)
    return 0


def _print(found: Outlook, preview: bool) -> None:
    from cli.output import print_table
    from scheduler.statuses import brief

    rows = [
        [one.institution, _owing(one), "、".join(to.address for to in one.to)] for one in found.told
    ]
    rows += [[one.institution, _owing(one), "没有可送的邮箱"] for one in found.unreachable]
    rows += [[one.institution, _owing(one), "今天已经催过"] for one in found.before]
    if rows:
        print_table(["单位", "欠", "送"], rows)
    verb = "会催" if preview else "催了"
    if not any(found):
        print("这一期没有谁还欠着；已报、待审、免报和已知悉的不催")
    elif found.told or preview:
        print(f"{verb} {len(found.told)} 家单位，信在办公时间随汇总发出，当天已发过的下一个工作日发")
    else:
        print("没有催到谁")
    if found.before:
        print(f"另有 {_items(found.before)} 项今天已经催过，同一事项一天只催一次")
    if found.unreachable:
        print(
            f"另有 {len(found.unreachable)} 家没有可送的邮箱：单位和上级都没有登记联络员、协调员，"
            "补进联系人表"
        )
    if left := found.put_off:
        day = brief(left[0].extended_to or left[0].due)
        print(f"另有 {len(left)} 项没有到期前七个工作日（最早的 {day}到期），没有催；要催加 --all")


def _owing(one: Reminder) -> str:
    return "、".join(dict.fromkeys(cell.title for cell in one.cells))


def _items(some: Iterable[Reminder]) -> int:
    return sum(len(one.cells) for one in some)
