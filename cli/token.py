"""``duban token``: secret feed addresses, made, listed and revoked."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli.context import Context

HELP = "管理日历订阅地址：生成、列出、停用"


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="操作", required=True)
    create = actions.add_parser("create", help="生成一个地址，只显示这一次")
    create.add_argument("institution", metavar="INSTITUTION", help="单位的名称或编号")
    create.add_argument("--name", required=True, metavar="TEXT", help="给谁用，如：办公室值班手机")
    listing = actions.add_parser("list", help="列出全部地址")
    listing.add_argument("--format", choices=("table", "json"), default="table", help="输出格式")
    revoke = actions.add_parser("revoke", help="停用一个地址")
    revoke.add_argument("id", type=int, metavar="ID", help="编号，见 duban token list")


def run(args: argparse.Namespace) -> int:
    from cli.context import opened

    context = opened()
    if args.action == "create":
        return _create(context, args.institution, args.name)
    if args.action == "revoke":
        return _revoke(context, args.id)
    return _list(context, args.format)


def _create(context: Context, institution: str, name: str) -> int:
    import sys
    from dataclasses import replace

    from cli.address import known, present
    from cli.failure import Failure
    from cli.world import base_world
    from notifications import tokens
    from scheduler import queries
    from scheduler.proposing import applied_world
    from scheduler.store import reading, writing

    if not name.strip():
        raise Failure("--name 是空的", "写明给谁用，以后才好停用")
    engine = context.engine()
    with reading(engine) as session:
        if not queries.newest_version(session):
            hint = "先运行 duban serve，或 duban plan --save 与 duban apply"
            raise Failure("还没有应用任何文件", hint)
        base = replace(base_world(context), base_url=known(session, context))
        world = applied_world(session, base)
        now = present(session, context)
    found = next((i for r in world.rosters.values() if (i := r.find(institution))), None)
    if found is None:
        raise Failure(f"已应用的名册里没有“{institution}”", "核对名称，或用机构编号")
    with writing(engine) as session:
        row, secret = tokens.create(session, found.id, name, now, "命令行")
        number = row.id
    print(f"{world.base_url}/feeds/{secret}.ics")
    print(f"编号 {number}，{found.name}，给“{name.strip()}”。地址只显示这一次。", file=sys.stderr)
    return 0


def _revoke(context: Context, number: int) -> int:
    from cli.address import present
    from cli.failure import Failure
    from notifications import tokens
    from scheduler.store import writing

    with writing(context.engine()) as session:
        row = tokens.revoke(session, number, present(session, context), "命令行")
        if row is None:
            raise Failure(f"没有编号为 {number} 的地址", "现有地址见 duban token list")
        rosters = context.loaded.rosters.values()
        known = (r.find(row.institution) for r in rosters)
        name = next((one.name for one in known if one), row.institution)
        said = f"已停用 {number}：{name}，{row.name}"
    print(said)
    return 0


def _list(context: Context, form: str) -> int:
    from cli.output import print_json, print_table
    from notifications import tokens
    from scheduler.store import reading

    zone = context.settings.timezone
    names = {i.id: i.name for _, roster in context.held() for i in roster.institutions.values()}
    with reading(context.engine()) as session:
        rows = [
            {
                "id": row.id,
                "institution": names.get(row.institution, row.institution),
                "institution_id": row.institution,
                "name": row.name,
                "created_at": row.created_at.astimezone(zone).isoformat(),
                "revoked_at": row.revoked_at and row.revoked_at.astimezone(zone).isoformat(),
                "fetched_at": row.fetched_at and row.fetched_at.astimezone(zone).isoformat(),
                "fetched_by": row.fetched_by,
            }
            for row in tokens.listed(session)
        ]
    if form == "json":
        print_json(rows)
    elif not rows:
        print("还没有订阅地址。用 duban token create 生成。")
    else:
        print_table(
            ["编号", "单位", "给谁用", "生成", "停用", "最近取用", "软件"],
            [
                [str(value or "") for name, value in row.items() if name != "institution_id"]
                for row in rows
            ],
        )
    return 0
