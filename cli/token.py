"""``duban token``: secret feed addresses, made, listed and revoked."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cli.feed_owner import owner, sides

if TYPE_CHECKING:
    from cli.context import Context
    from scheduler.world import World

HELP = "管理日历订阅地址：生成、列出、停用"


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="操作", required=True)
    create = actions.add_parser("create", help="生成一个地址，只显示这一次")
    create.add_argument("institution", nargs="?", metavar="INSTITUTION", help="单位的名称或编号")
    sides(create)
    create.add_argument("--document", metavar="ID", help="整份文件的，或其中一对结对的")
    create.add_argument("--name", required=True, metavar="TEXT", help="给谁用，如：办公室值班手机")
    listing = actions.add_parser("list", help="列出全部地址")
    listing.add_argument("--format", choices=("table", "json"), default="table", help="输出格式")
    revoke = actions.add_parser("revoke", help="停用一个地址")
    revoke.add_argument("id", type=int, metavar="ID", help="编号，见 duban token list")


def run(args: argparse.Namespace) -> int:
    from cli.context import opened

    context = opened()
    if args.action == "create":
        return _create(context, args)
    if args.action == "revoke":
        return _revoke(context, args.id)
    return _list(context, args.format)


def _create(context: Context, args: argparse.Namespace) -> int:
    import sys
    from dataclasses import replace

    from cli.address import known, present
    from cli.failure import Failure
    from cli.world import base_world
    from notifications import feed_scopes, tokens
    from scheduler import queries
    from scheduler.proposing import applied_world
    from scheduler.store import reading, writing

    name: str = args.name.strip()
    if not name:
        raise Failure("--name 是空的", "写明给谁用，以后才好停用")
    engine = context.engine()
    with reading(engine) as session:
        if not queries.newest_version(session):
            hint = "先运行 duban serve，或 duban plan --save 与 duban apply"
            raise Failure("还没有应用任何文件", hint)
        base = replace(base_world(context), base_url=known(session, context))
        world = applied_world(session, base)
        now = present(session, context)
    whose = owner(world, args, args.document)
    with writing(engine) as session:
        row, secret = tokens.create(session, whose, name, now, "命令行")
        number = row.id
    said = feed_scopes.owner(whose, world).name
    print(f"{world.base_url}/feeds/{secret}.ics")
    print(f"编号 {number}，{said}，给“{name}”。地址只显示这一次。", file=sys.stderr)
    return 0


def _revoke(context: Context, number: int) -> int:
    from cli.address import present
    from cli.failure import Failure
    from notifications import feed_scopes, tokens
    from scheduler.store import writing

    with writing(context.engine()) as session:
        row = tokens.revoke(session, number, present(session, context), "命令行")
        if row is None:
            raise Failure(f"没有编号为 {number} 的地址", "现有地址见 duban token list")
        name = feed_scopes.owner(row.institution, _world(context)).name
        said = f"已停用 {number}：{name}，{row.name}"
    print(said)
    return 0


def _list(context: Context, form: str) -> int:
    from cli.output import print_json, print_table
    from notifications import feed_scopes, tokens
    from scheduler.store import reading

    zone = context.settings.timezone
    world = _world(context)
    with reading(context.engine()) as session:
        rows = [
            {
                "id": row.id,
                "institution": feed_scopes.owner(row.institution, world).name,
                "institution_id": row.institution,
                "scope": feed_scopes.WORDS[feed_scopes.owner(row.institution, world).scope],
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
            ["编号", "谁的日历", "范围", "给谁用", "生成", "停用", "最近取用", "软件"],
            [
                [str(value or "") for name, value in row.items() if name != "institution_id"]
                for row in rows
            ],
        )
    return 0


def _world(context: Context) -> World:
    """Return the names that the files have; a list of addresses needs no sound files."""
    from scheduler.world import World

    loaded = context.loaded
    return World(loaded.documents, loaded.rosters, loaded.workdays)
