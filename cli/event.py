"""``duban event``: an event is recorded, and the duty that answers it begins."""

from __future__ import annotations

import argparse

from cli.deadlines import day

HELP = "登记一件事（如人员变动），遇事即办的事项从这天起算"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("obligation", metavar="OBLIGATION", help="遇事即办的事项的 id")
    parser.add_argument("--document", required=True, metavar="ID", help="文件编号")
    parser.add_argument("--institution", required=True, metavar="N", help="单位的名称、别名或编号")
    parser.add_argument("--on", required=True, type=day, metavar="D", help="哪一天发生的")
    parser.add_argument(
        "--partner", metavar="N", help="这个单位在这一事项里有几对帮扶关系时，写明对方"
    )
    parser.add_argument("--cause", default="", metavar="T", help="发生了什么，一句话")
    parser.add_argument(
        "--again", action="store_true", help="与已登记的同一天、同样的话，但确是另一件事"
    )


def run(args: argparse.Namespace) -> int:
    from cli.address import present
    from cli.context import opened
    from cli.failure import Failure
    from cli.world import base_world, stored_world
    from scheduler.happenings import by_hand
    from scheduler.holding import known
    from scheduler.refusals import Refused
    from scheduler.store import writing

    context = opened()
    base = base_world(context)
    try:
        with writing(context.engine()) as session:
            world = stored_world(session, base)
            if args.document not in world.documents:
                raise Failure(
                    f"没有应用过编号为“{args.document}”的文件", "现有文件见 duban documents"
                )
            roster = world.rosters[args.document]
            ids = []
            for name in (args.institution, args.partner):
                found = roster.find(name) if name else None
                if name and found is None:
                    raise Failure(f"这份文件的名册里没有“{name}”", "核对名称，或用机构编号")
                ids.append(found.id if found else None)
            now = present(session, context)
            key = by_hand(
                session, args.document, args.obligation, ids[0] or "", args.on, args.cause, now,
                world, "命令行", ids[1], args.again,
            )  # fmt: skip
            one = known(session, [key])[key].occurrence
    except Refused as refused:
        raise Failure(refused.message, refused.hint) from None
    print(f"已登记：{one.title}，{one.responsible.name}，最迟 {one.due}")
    if one.reading:
        print(one.reading)
    print(key)
    return 0
