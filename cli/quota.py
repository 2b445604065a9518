"""``duban quota``: how far each quota is fulfilled, window by window."""

from __future__ import annotations

import argparse

from cli.deadlines import day

HELP = "频次进度：每一期要多少、有多少、应有多少"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--document", required=True, metavar="ID", help="文件编号")
    parser.add_argument(
        "--from", dest="start", required=True, type=day, metavar="D", help="期末不早于（含）"
    )
    parser.add_argument(
        "--to", dest="end", required=True, type=day, metavar="D", help="期末不晚于（含）"
    )
    parser.add_argument("--institution", metavar="NAME", help="只列与这个单位有关的（名称或编号）")
    parser.add_argument("--format", choices=("table", "json"), default="table", help="输出格式")


def run(args: argparse.Namespace) -> int:
    from cli.address import present
    from cli.context import opened
    from cli.failure import Failure
    from cli.output import print_json, print_table
    from cli.world import counted_world
    from scheduler.counting import STATES
    from scheduler.quota_report import lines, row
    from scheduler.store import reading

    if args.end < args.start:
        raise Failure("--to 早于 --from", "核对两个日期")
    context = opened()
    engine = context.engine()
    world = counted_world(context, engine)
    if args.document not in world.documents:
        raise Failure(f"没有编号为“{args.document}”的文件", "现有文件见 duban documents")
    ids = None
    if args.institution is not None:
        found = world.rosters[args.document].find(args.institution)
        if found is None:
            raise Failure(f"名册里没有“{args.institution}”", "核对名称，或用机构编号")
        ids = {found.id}
    with reading(engine) as session:
        today = present(session, context).astimezone(world.timezone).date()
        found_lines = lines(session, world, args.document, args.start, args.end, today, ids)
        rows = [row(line) for line in found_lines]
    if args.format == "json":
        print_json(rows)
        return 0
    print_table(
        ["起", "止", "事项", "支援（责任单位）", "受援（对象）", "状态", "进度", "缺"],
        [
            [
                one["opens"], one["due"], one["title"], one["supporter"] or one["institution"],
                one["recipient"] or one["about"] or "",
                STATES[one["state"]] + ("" if one["enforced"] else "（只列不计）"),
                one["pace"], "、".join(one["missing"]),
            ]
            for one in rows
        ],
    )  # fmt: skip
    print(f"共 {len(rows)} 期")
    return 0
