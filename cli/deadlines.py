"""``duban deadlines``: who owes what by when, from the files or from the store."""

from __future__ import annotations

import argparse
import re
from datetime import date, timedelta
from typing import Any

HELP = "列出到期事项：谁、何时、依据哪一条"
KINDS = (
    "once", "recurring", "fuzzy", "quota", "rotation", "event", "target", "window", "standing",
)  # fmt: skip
PHASES = ("pre-issue", "core", "open-ended", "contested")


def day(text: str) -> date:
    """Return the date of a YYYY-MM-DD word, of the years that a workflow may speak of."""
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError
        found = date.fromisoformat(text)
    except ValueError:
        message = f"日期写作 2019-07-22，不能是“{text}”"
        raise argparse.ArgumentTypeError(message) from None
    if not 1949 <= found.year <= 2200:
        raise argparse.ArgumentTypeError(f"年份从 1949 到 2200，不能是“{text}”")
    return found


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--document", action="append", metavar="ID", help="只列这份文件（可重复）")
    parser.add_argument("--institution", metavar="NAME", help="只列与这个单位有关的（名称或编号）")
    parser.add_argument(
        "--from", dest="start", type=day, metavar="D", help="到期日不早于（默认今天）"
    )
    parser.add_argument(
        "--to", dest="end", type=day, metavar="D", help="到期日不晚于（默认90天后）"
    )
    parser.add_argument("--kind", action="append", choices=KINDS, help="只列这一类（可重复）")
    parser.add_argument("--phase", action="append", choices=PHASES, help="只列这一依据（可重复）")
    parser.add_argument("--store", action="store_true", help="列已应用的事项及其状态")
    parser.add_argument(
        "--format", choices=("table", "json", "csv"), default="table", help="输出格式"
    )


def run(args: argparse.Namespace) -> int:
    from cli.context import demand_sound, opened
    from cli.failure import Failure

    only = args.document[0] if args.document and len(args.document) == 1 else None
    context = opened(only=None if args.store else only)
    demand_sound(context)
    today = context.today()
    start = args.start or (today if (args.end or today) >= today else args.end - timedelta(days=90))
    end = args.end or start + timedelta(days=90)
    if end < start:
        raise Failure("--to 早于 --from", "核对两个日期")
    from scheduler.selection import Selection, select

    known = context.loaded.documents
    for name in args.document or ():
        if name not in known:
            raise Failure(f"没有编号为“{name}”的文件", "现有文件见 duban documents")
    chosen = Selection(
        documents=tuple(args.document or known),
        start=start,
        end=end,
        kinds=tuple(args.kind or (kind for kind in KINDS if kind != "standing")),
        phases=tuple(args.phase or PHASES),
        institution=args.institution,
        dateless=bool(args.kind),
    )
    if args.store:
        from scheduler.listing import stored

        rows = stored(context.engine(), chosen, context.ids(args.institution))
    else:
        context.ids(args.institution)  # an unknown name is a fault, not an empty list
        rows = select(context.loaded, chosen, strict=context.strict)
    _print(rows, args.format)
    return 0


def _print(rows: list[dict[str, Any]], form: str) -> None:
    from cli.output import print_csv, print_json, print_table

    if form == "json":
        print_json(rows)
        return
    if form == "csv":
        from scheduler.rows import FIELDS

        print_csv(FIELDS, ([_cell(row[name]) for name in FIELDS] for row in rows))
        return
    from notifications.wording import PHASES as PHASE_WORDS

    print_table(
        ["期限", "最后工作日", "责任单位", "事项", "对象", "文件", "条款", "依据"],
        (
            [
                row["due"] or "无日期", _last(row), row["responsible"], row["title"], _about(row),
                row["document"], "、".join(row["clauses"]), PHASE_WORDS[row["phase"]],
            ]
            for row in rows
        ),
    )  # fmt: skip
    print(f"共 {len(rows)} 项")


def _last(row: dict[str, Any]) -> str:
    if not row["last_working_day"]:
        return ""
    return f"{row['last_working_day']}{'（暂定）' if row['provisional'] else ''}"


def _about(row: dict[str, Any]) -> str:
    pairings = row["pairings"]
    if not pairings:
        return ""
    if len(pairings) == 1:
        one = pairings[0]
        other = one["recipient"] if one["supporter"] == row["responsible"] else one["supporter"]
        return str(other)
    return f"{len(pairings)} 对关系"


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return "；".join(_cell(one) for one in value)
    if isinstance(value, dict):
        return "，".join(str(one) for one in value.values() if one is not None)
    return "" if value is None else value
