"""``duban record``: someone says that an occurrence is done, known, or waived."""

from __future__ import annotations

import argparse

from cli.deadlines import day

HELP = "登记：已完成、已知悉（静默到某日）、免报"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="事项编号，见 duban deadlines")
    parser.add_argument(
        "fact", choices=("completed", "acknowledged", "waived"), help="完成、知悉、免报"
    )
    parser.add_argument("--on", type=day, metavar="D", help="完成或决定的日期（默认今天）")
    parser.add_argument("--until", type=day, metavar="D", help="知悉后静默到哪一天（含）")
    parser.add_argument("--reason", metavar="T", help="理由（免报必填）")
    parser.add_argument("--basis", metavar="文号", help="依据的文号")
    parser.add_argument("--evidence", metavar="FILE|URL", help="佐证材料的文件或地址")


def run(args: argparse.Namespace) -> int:
    from cli.address import present
    from cli.context import opened
    from cli.failure import Failure
    from cli.world import base_world
    from scheduler.proposing import applied_world
    from scheduler.recording import WORDS, Refused, Statement, record
    from scheduler.store import writing

    context = opened()
    base = base_world(context)
    said = Statement(
        args.key, args.fact, args.on, args.until, args.reason, args.basis, args.evidence
    )
    try:
        with writing(context.engine()) as session:
            now = present(session, context)
            record(session, said, now, "命令行", applied_world(session, base))
    except Refused as refused:
        raise Failure(refused.message, refused.hint) from None
    tail = f"，静默到 {args.until}" if args.until else ""
    print(f"已登记{WORDS[args.fact]}：{args.key}{tail}")
    return 0
