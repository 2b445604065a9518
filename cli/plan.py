"""``duban plan``: what an edit of documents or rosters would do, before it does it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scheduler.plan import Move
    from scheduler.proposing import Proposal

HELP = "预览改动：改了文件或名册，哪些事项新增、改动、取消、保留"
WORDS = {"add": "新增", "change": "改动", "remove": "取消", "keep": "保留（已有登记）"}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path", nargs="?", type=Path, metavar="PATH", help="候选的文件或文件夹（默认用设置里的）"
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="存成方案，供 duban apply 执行")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="输出格式")


def run(args: argparse.Namespace) -> int:
    from cli.candidates import candidates_at
    from cli.context import opened
    from cli.output import print_json
    from cli.saved import save
    from cli.world import base_world
    from scheduler.proposing import propose
    from scheduler.store import reading

    context = opened()
    found = candidates_at(context, args.path)
    now = context.now()
    with reading(context.engine()) as session:
        proposal = propose(session, found, now, base_world(context))
    if args.save:
        save(proposal, now, args.save)
    if args.format == "json":
        print_json(as_json(proposal))
    else:
        print("\n".join(as_text(proposal)))
        if args.save and proposal.any:
            print(f"方案已存入 {args.save}；执行：duban apply {args.save}")
    return 2 if proposal.any else 0


def as_json(proposal: Proposal) -> dict[str, Any]:
    """Return a proposal as the object that ``--format json`` prints."""
    moves = sorted(
        proposal.changes.moves, key=lambda m: (str(m.new or m.old or ""), m.key)
    )
    return {
        "edited": list(proposal.edited),
        "withdrawn": list(proposal.withdrawn),
        "counts": {action: proposal.changes.count(action) for action in WORDS},  # type: ignore[arg-type]
        "moves": [
            {
                "action": move.action,
                "key": move.key,
                "document": move.document,
                "title": move.title,
                "responsible": move.responsible,
                "cause": move.cause,
                "old": move.old.isoformat() if move.old else None,
                "new": move.new.isoformat() if move.new else None,
                "sent": move.sent,
                "mails": list(move.mails),
            }
            for move in moves
        ],
    }


def as_text(proposal: Proposal) -> Iterable[str]:
    """Yield the lines for people: a line each, but additions gathered by obligation."""
    if not proposal.any and not proposal.changes.moves:
        yield "没有改动：文件与已应用的一致。"
        return
    for name in proposal.edited:
        yield f"文件或名册有改动：{name}"
    for name in proposal.withdrawn:
        yield f"文件不再列入：{name}"
    counts = [f"{word} {proposal.changes.count(a)} 项" for a, word in WORDS.items()]  # type: ignore[arg-type]
    yield "，".join(counts)
    yield from _additions([m for m in proposal.changes.moves if m.action == "add"])
    for move in proposal.changes.moves:
        if move.action != "add":
            yield _line(move)
    if proposal.edited and not proposal.changes.any:
        yield "只改了文字，没有改动任何事项。"


def _additions(moves: list[Move]) -> Iterable[str]:
    gathered: dict[tuple[str, str, str], list[Move]] = {}
    for move in moves:
        obligation = "/".join(move.key.split("/")[:2])
        gathered.setdefault((obligation, move.title, move.cause), []).append(move)
    for (obligation, title, cause), some in gathered.items():
        days = sorted(move.new for move in some if move.new)
        span = f"{days[0]} 至 {days[-1]}" if days else "无日期"
        mails = sum(bool(move.mails) for move in some)
        tail = f"；其中 {mails} 项随即提醒" if mails else ""
        yield f"  新增 {obligation} {title}：{len(some)} 项，{span}（{cause}{tail}）"


def _line(move: Move) -> str:
    old = move.old.isoformat() if move.old else "无日期"
    new = move.new.isoformat() if move.new else "取消" if move.action != "change" else "无日期"
    dates = old if old == new else f"{old} → {new}"
    notes = [move.cause]
    if move.sent:
        notes.append(f"已发 {move.sent} 封")
    if move.mails:
        notes.append(f"将发 {'、'.join(move.mails)}")
    word = WORDS[move.action]
    return f"  {word} {move.key} {move.title}〔{move.responsible}〕：{dates}（{'；'.join(notes)}）"
