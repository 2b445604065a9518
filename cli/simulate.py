"""``duban simulate``: every mail that would go out in a period, by the real engine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.deadlines import day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

    from scheduler.proposing import Candidates

HELP = "演算：某段时间里会发出哪些邮件，不碰真实数据"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="start", type=day, required=True, metavar="D", help="从这天起采用文件"
    )
    parser.add_argument(
        "--to", dest="end", type=day, required=True, metavar="D", help="到这天为止（含）"
    )
    parser.add_argument("--document", action="append", metavar="ID", help="只算这份文件（可重复）")
    parser.add_argument("--facts", type=Path, metavar="FILE", help="期间的登记，一行一个 JSON")
    parser.add_argument("--outbox", type=Path, metavar="DIR", help="把邮件存成这个 Maildir")
    parser.add_argument("--format", choices=("table", "json"), default="table", help="输出格式")


def run(args: argparse.Namespace) -> int:
    from cli.context import opened
    from cli.failure import Failure
    from cli.output import print_json, print_table
    from cli.simulated import mails, simulate, throw_away
    from cli.world import base_world, sound_candidates

    if args.end < args.start:
        raise Failure("--to 早于 --from", "核对两个日期")
    context = opened()
    base = base_world(context, placeholders=True)
    everything = sound_candidates(context)
    found = chosen(everything, args.document)
    events = _events(args, everything, found, base) if args.facts else []
    with throw_away() as engine:
        refused = simulate(engine, found, base, args.start, args.end, events)
        if refused:
            raise Failure(f"{args.facts} 有登记不能用：\n" + "\n".join(refused), "改正后再试")
        sent = mails(engine, _world(base, found))
        if args.outbox:
            _write(engine, args.outbox)
    if args.format == "json":
        print_json(sent)
    else:
        print_table(("时刻", "收件人", "类别", "主题"), _rows(sent))
        print(f"共 {len(sent)} 封")
    return 0


def chosen(found: Candidates, names: Sequence[str] | None) -> Candidates:
    """Return the named documents alone, or all; raises Failure for a name that there is not."""
    from cli.failure import Failure
    from scheduler.proposing import Candidates

    for name in names or ():
        if name not in found.documents:
            raise Failure(f"没有编号为“{name}”的文件", "现有文件见 duban documents")
    kept = list(dict.fromkeys(names or found.documents))
    return Candidates(
        {name: found.documents[name] for name in kept},
        {name: found.rosters[name] for name in kept},
        {name: found.texts[name] for name in kept},
    )


def _world(base: Any, found: Candidates) -> Any:
    from dataclasses import replace

    return replace(base, documents=found.documents, rosters=found.rosters)


def _events(args: argparse.Namespace, everything: Candidates, found: Candidates, base: Any) -> Any:
    from cli.facts_file import read_facts
    from scheduler.plan import horizon, wanted

    world = _world(base, found)
    keys = {one.key for one in wanted(world, found.documents, horizon(args.end))}
    other = everything.documents.keys() - found.documents.keys()
    return read_facts(args.facts, keys, other, world)


def _write(engine: Engine, folder: Path) -> None:
    """Write every mail that went out into a Maildir."""
    from sqlalchemy import select

    from cli.failure import Failure
    from notifications.maildir import write
    from notifications.transport import Envelope
    from scheduler.queries import MESSAGES
    from scheduler.store import reading

    message = MESSAGES.c
    query = select(message.message_id, message.recipient, message.body)
    with reading(engine) as session:
        for row in session.execute(query.where(message.state == "sent").order_by(message.id)):
            try:
                write(folder, Envelope(row.message_id, row.recipient, row.body))
            except OSError as error:
                raise Failure(f"写不进 {folder}：{error.strerror}", "换一个文件夹") from None


def _rows(sent: list[dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    from notifications.compose import ROLES

    words = {"statutory": "法定", "ordinary": "普通"}
    return [
        (
            mail["at"][:16].replace("T", " "),
            f"{mail['to']['institution']}{ROLES.get(mail['to']['role'], '')} <{mail['to']['address']}>",
            words[mail["class"]],
            mail["subject"],
        )
        for mail in sent
    ]
