"""``duban remind``: whoever still owes a period's report is reminded once, at once."""

from __future__ import annotations

import argparse

HELP = "催报：只催一份文件这一期还没报的"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--document", required=True, metavar="ID", help="文件编号")
    parser.add_argument("--period", required=True, metavar="P", help="哪一期，如 2026-jun；或一年")


def run(args: argparse.Namespace) -> int:
    from cli.address import present
    from cli.context import opened
    from cli.failure import Failure
    from cli.output import print_table
    from cli.world import base_world, stored_world
    from scheduler.refusals import Refused
    from scheduler.reminding import remind
    from scheduler.store import writing

    context = opened()
    base = base_world(context)
    try:
        with writing(context.engine()) as session:
            world = stored_world(session, base)
            now = present(session, context)
            told = remind(session, args.document, args.period, now, world, "命令行")
    except Refused as refused:
        raise Failure(refused.message, refused.hint) from None
    print_table(
        ["单位", "欠", "送"],
        (
            [
                one.institution,
                "、".join(dict.fromkeys(cell.title for cell in one.cells)),
                "、".join(to.address for to in one.to) or "没有可送的邮箱",
            ]
            for one in told
        ),
    )
    nobody = sum(not one.to for one in told)
    print(f"催了 {len(told) - nobody} 家单位，信在办公时间随当天的汇总发出")
    if nobody:
        print(f"另有 {nobody} 家没有可送的邮箱，见 duban outbox")
    return 0
