"""``duban apply``: carries out a saved plan, if the store is still as the plan found it."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "执行 duban plan --save 存下的方案；情况已变的方案不执行"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="存下的方案")


def run(args: argparse.Namespace) -> int:
    from cli.address import present
    from cli.context import opened
    from cli.failure import Failure
    from cli.plan import WORDS
    from cli.saved import read_saved
    from cli.world import base_world
    from scheduler.applying import carry_out
    from scheduler.proposing import candidates, propose
    from scheduler.store import one_planner, writing

    saved = read_saved(args.file)
    try:
        found = candidates(saved.texts)
    except ValueError as error:
        raise Failure(f"方案里的文件读不了：{error}", "重新运行 duban plan --save") from None
    context = opened()
    base = base_world(context)
    with writing(context.engine()) as session:
        one_planner(session, slow=True)
        now = present(session, context)
        proposal = propose(session, found, now, base)
        if proposal.state != saved.state or proposal.fingerprint != saved.fingerprint:
            raise Failure(
                "方案已过时：存下之后，已应用的版本、登记或日期有了变化，执行的结果会与预览不同",
                "重新运行 duban plan --save，看过再执行",
            )
        carry_out(session, proposal, now, "duban apply")
    counts = (f"{word} {proposal.changes.count(a)} 项" for a, word in WORDS.items())  # type: ignore[arg-type]
    print(f"已执行：{'，'.join(counts)}")
    return 0
