"""``duban sheet``: a draft of a pairing's self-check sheet from what is recorded."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.roster import Pairing, Roster
    from web.sheet_view import SheetPage

HELP = "自评表：按登记试算一对帮扶关系一年的得分（草稿）"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--document", required=True, metavar="ID", help="文件编号，如 hubei-2022")
    parser.add_argument("--supporter", required=True, metavar="N", help="支援医院的名称或编号")
    parser.add_argument("--recipient", required=True, metavar="N", help="受援医院的名称或编号")
    parser.add_argument("--year", required=True, type=int, metavar="Y", help="年度，如 2023")
    parser.add_argument(
        "--format", choices=("text", "json", "xlsx", "html"), default="text",
        help="输出格式；xlsx 和 html 写到标准输出，用 > 存成文件",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    from cli.failure import Failure
    from cli.output import print_json
    from web.sheet_view import as_html, as_json

    if args.format == "xlsx" and sys.stdout.isatty():
        raise Failure("xlsx 不能显示在终端上", "加上 > 自评表.xlsx")
    page = _page(args)
    if args.format == "json":
        print_json(as_json(page))
    elif args.format == "html":
        print(as_html(page))
    elif args.format == "xlsx":
        from web.sheet_book import as_book

        sys.stdout.flush()
        sys.stdout.buffer.write(as_book(page))
    else:
        _print(page)
    return 0


def _page(args: argparse.Namespace) -> SheetPage:
    from cli.address import present
    from cli.context import opened
    from cli.failure import Failure
    from cli.world import counted_world
    from scheduler.loading import folders
    from scheduler.sheet_records import drafted
    from scheduler.store import reading
    from web.sheet_view import SheetPage
    from workflows.sheet import SHEETS, beside, read_sheet

    context = opened()
    engine = context.engine()
    world = counted_world(context, engine)
    with reading(engine) as session:
        document = world.documents.get(args.document)
        if document is None:
            raise Failure(f"没有应用编号为“{args.document}”的文件", "现有文件见 duban documents")
        own = beside(context.settings.workflows)
        sheet, problems = read_sheet(folders(own, SHEETS), document)
        if sheet is None and problems:
            raise Failure("评分表有错误：\n" + "\n".join(map(str, problems)), "改正后再试")
        if sheet is None:
            raise Failure(f"{args.document} 没有评分表", "有评分表的文件：hubei-2022")
        roster = world.rosters[args.document]
        supporter, recipient = (_id(roster, name) for name in (args.supporter, args.recipient))
        found = [
            (pairing, scored)
            for pairing in _pairings(roster, supporter, recipient)
            if (scored := drafted(session, sheet, world, pairing, args.year, present(session, context)))
        ]
    if not found:
        raise Failure(f"{args.year}年不在文件的有效期或这对帮扶关系的存续期内", "核对 --year")
    pairing, scored = found[0]
    return SheetPage(
        scored,
        document.title,
        document.id,
        (supporter, roster.institutions[supporter].name),
        (recipient, roster.institutions[recipient].name),
        pairing.id,
        args.year,
    )


def _id(roster: Roster, name: str) -> str:
    from cli.failure import Failure

    found = roster.find(name)
    if found is None:
        raise Failure(f"名册里没有“{name}”", "核对名称，或用机构编号")
    return found.id


def _pairings(roster: Roster, supporter: str, recipient: str) -> Sequence[Pairing]:
    from cli.failure import Failure

    found = [p for p in roster.pairings if (p.supporter, p.recipient) == (supporter, recipient)]
    if not found:
        helped = [roster.institutions[p.recipient].name for p in roster.pairings
                  if p.supporter == supporter]  # fmt: skip
        hint = f"它支援的是：{'、'.join(helped)}" if helped else "核对支援医院和受援医院有没有写反"
        raise Failure("名册里没有这一对帮扶关系", hint)
    return found


def _print(page: Any) -> None:
    from cli.output import print_table
    from web.sheet_view import DRAFT, points, verdict

    scored = page.scored
    print(f"{scored.sheet.title}（{page.year}年）  {page.supporter[1]} 支援 {page.recipient[1]}")
    print(page.span)
    print(DRAFT)
    print()
    print_table(
        ("部分", "考核指标", "分值", "试算", "本系统的数据", "缺什么", "依据"),
        [
            (
                line.part, line.criterion, points(line.possible), points(line.points), line.figure,
                "；".join(line.missing) or "—", line.basis,
            )
            for line in scored.lines
        ],
    )  # fmt: skip
    print()
    for view in scored.vetoes:
        signs = "；".join(view.signs) or "没有看到迹象"
        print(f"一票否决（以{view.veto.proof}为依据）：{view.veto.title}：{signs}")
    print()
    print(verdict(scored))
