"""``duban record``: what people say of an occurrence: done, submitted, accepted, extended, …"""

from __future__ import annotations

import argparse

from cli.deadlines import day

HELP = "登记：完成、报送、受理、退回、知悉、延期、免报、更正"
KINDS = (
    "completed", "submitted", "accepted", "returned", "acknowledged", "extended", "waived",
    "corrected",
)  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="事项编号，见 duban deadlines")
    parser.add_argument(
        "fact", choices=KINDS, help="完成、报送、受理、退回、知悉、延期、免报、更正"
    )
    parser.add_argument("--on", type=day, metavar="D", help="办结、报送或决定的日期（默认今天）")
    parser.add_argument(
        "--until", type=day, metavar="D", help="知悉后静默到哪一天，或延期到哪一天（都含）"
    )
    parser.add_argument("--reason", metavar="T", help="理由（免报、退回、更正必填）")
    parser.add_argument("--basis", metavar="文号", help="依据的文号（延期必填）")
    parser.add_argument(
        "--evidence", metavar="FILE|URL", help="佐证材料的文件（存入数据库）、地址或说明"
    )
    parser.add_argument(
        "--fact", type=int, metavar="ID", dest="number", help="更正哪一条登记（默认最近的一条）"
    )


def run(args: argparse.Namespace) -> int:
    from cli.address import present
    from cli.context import opened
    from cli.failure import Failure
    from cli.world import base_world, stored_world
    from scheduler.evidence import given, stored
    from scheduler.recording import WORDS, Refused, Statement, record, stored_key
    from scheduler.store import writing

    context = opened()
    base = base_world(context)
    try:
        with writing(context.engine()) as session:
            world = stored_world(session, base)
            now = present(session, context)
            key = stored_key(session, args.key)
            evidence = given(session, args.evidence, now, "命令行")
            said = Statement(
                key, args.fact, args.on, args.until, args.reason, args.basis, evidence,
                args.number,
            )  # fmt: skip
            status = record(session, said, now, "命令行", world)
    except Refused as refused:
        raise Failure(refused.message, refused.hint) from None
    tail = ""
    if args.until:
        tail = f"，{'静默' if args.fact == 'acknowledged' else '延期'}到 {args.until}"
    if args.fact == "submitted" and status == "completed":
        tail = "，接收单位没有用本系统，算作办结"
    if status == "cancelled":
        tail += "；文件里已经没有这一事项，随之取消"
    print(f"已登记{WORDS[args.fact]}：{key}{tail}")
    if stored(evidence) and evidence != args.evidence:
        print(f"佐证存为 {evidence}")
    return 0
