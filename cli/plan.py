"""``duban plan``: what an edit of documents or rosters would do, before it does it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scheduler.foreseen_events import Foreseen
    from scheduler.plan import Move
    from scheduler.proposing import Proposal

HELP = "预览改动：改了文件或名册，哪些事项新增、改动、取消、保留"
WORDS = {"add": "新增", "change": "改动", "remove": "取消", "keep": "保留（已报或免报）"}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path", nargs="?", type=Path, metavar="PATH", help="候选的文件或文件夹（默认用设置里的）"
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="存成方案，供 duban apply 执行")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="输出格式")


def run(args: argparse.Namespace) -> int:
    from cli.address import present
    from cli.candidates import candidates_at
    from cli.context import opened
    from cli.output import print_json
    from cli.saved import save
    from cli.world import base_world
    from scheduler.foreseen_events import foreseen
    from scheduler.proposing import propose
    from scheduler.store import reading

    context = opened()
    found = candidates_at(context, args.path)
    with reading(context.engine()) as session:
        now = present(session, context)
        proposal = propose(session, found, now, base_world(context))
        events = foreseen(session, proposal, now)
    if args.save:
        save(proposal, now, args.save)
    if args.format == "json":
        print_json(as_json(proposal, events))
    else:
        print("\n".join(as_text(proposal, events)))
        if args.save and proposal.any:
            print(f"方案已存入 {args.save}；执行：duban apply {args.save}")
    return 2 if proposal.any else 0


def as_json(proposal: Proposal, events: Sequence[Foreseen] = ()) -> dict[str, Any]:
    """Return a proposal as the object that ``--format json`` prints."""
    moves = sorted(proposal.changes.moves, key=lambda m: (str(m.new or m.old or ""), m.key))
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
        "events": [
            one._asdict() | {"on": one.on.isoformat(), "due": one.due.isoformat()}
            for one in events
        ],
    }


def as_text(proposal: Proposal, events: Sequence[Foreseen] = ()) -> Iterable[str]:
    """Yield the lines for people, gathered by obligation and cause."""
    if not proposal.any and not proposal.changes.moves:
        yield "没有改动：文件与已应用的一致。"
        return
    for name in proposal.edited:
        yield f"文件或名册有改动：{name}"
    for name in proposal.withdrawn:
        yield f"文件不再列入：{name}"
    counts = [f"{word} {proposal.changes.count(a)} 项" for a, word in WORDS.items()]  # type: ignore[arg-type]
    yield "，".join(counts)
    yield from _moves(proposal.changes.moves)
    yield from _events(events)
    if proposal.edited and not proposal.changes.any and not events:
        yield "只改了文字，没有改动任何事项。"


def _events(events: Sequence[Foreseen]) -> Iterable[str]:
    """Yield a line for each event duty that the edit starts by itself."""
    groups: dict[tuple[str, str, str, date, str], list[str]] = {}
    for one in events:
        same = (one.document, one.obligation, one.title, one.due, one.cause)
        groups.setdefault(same, []).append(one.responsible)
    for (document, obligation, title, due, cause), who in groups.items():
        names = "、".join(dict.fromkeys(who))
        yield f"  起算 {document}/{obligation} {title}〔{names}〕：最迟 {due}（{cause}；今天执行就从今天起算）"


def _moves(moves: Iterable[Move]) -> Iterable[str]:
    """Yield a line for each group of moves that a reader takes for one thing.

    They are of one obligation, with one cause; where a date moves, from one day to one other.
    """
    groups: dict[tuple[Any, ...], list[Move]] = {}
    for move in moves:
        moved = (move.old, move.new) if move.action == "change" and move.old != move.new else None
        obligation = "/".join(move.key.split("/")[:2])
        same = (move.action, obligation, move.title, move.cause, moved)
        groups.setdefault(same, []).append(move)
    for (action, obligation, title, cause, moved), some in groups.items():
        head = f"  {WORDS[action]} {obligation} {title}"
        if len(some) == 1:
            head = f"  {WORDS[action]} {some[0].key} {title}〔{some[0].responsible}〕"
        yield f"{head}：{_when(some, moved)}（{'；'.join(_notes(cause, some))}）"


def _when(some: list[Move], moved: tuple[date, date] | None) -> str:
    if moved is not None:
        dates = " → ".join(day.isoformat() if day else "无日期" for day in moved)
        return dates if len(some) == 1 else f"{dates}，{len(some)} 项"
    days = sorted({day for move in some if (day := move.new or move.old)})
    if not days:
        return f"{len(some)} 项，无日期"
    span = days[0].isoformat() if len(days) == 1 else f"{days[0]} 至 {days[-1]}"
    return span if len(some) == 1 else f"{len(some)} 项，{span}"


def _notes(cause: str, some: list[Move]) -> Iterable[str]:
    from notifications.wording import rung_name

    yield cause
    if len(some) > 1:
        names = list(dict.fromkeys(move.responsible for move in some))
        yield "、".join(names[:3]) + (f"等 {len(names)} 家" if len(names) > 3 else "")
    if sent := sum(move.sent for move in some):
        yield f"已发 {sent} 封"
    at_once = [rung for move in some for rung in move.mails]
    for rung in dict.fromkeys(at_once):
        yield f"随即发“{rung_name(rung)}” {at_once.count(rung)} 项"
