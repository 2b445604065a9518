"""``duban feed``: a feed's iCalendar bytes, the same as the server serves."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cli.feed_owner import owner, sides
from cli.tick import instant

if TYPE_CHECKING:
    from cli.context import Context
    from notifications.feed import Entry, Variant
    from scheduler.world import World

HELP = "输出一个日历（iCalendar），与订阅地址提供的相同"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("institution", nargs="?", metavar="INSTITUTION", help="单位的名称或编号")
    sides(parser)
    parser.add_argument("--output", type=Path, metavar="FILE", help="写入文件（默认标准输出）")
    parser.add_argument("--alarms", action="store_true", help="带提前14天和1天的闹钟")
    parser.add_argument("--frequent", action="store_true", help="连每周、每两周的频次也列出")
    parser.add_argument(
        "--document", action="append", metavar="ID",
        help="只列这份文件（可重复）；不写单位时，就是整份文件的日历",
    )  # fmt: skip
    parser.add_argument("--kind", action="append", metavar="K", help="只列这一类（可重复）")
    parser.add_argument("--at", type=instant, metavar="INSTANT", help="当作这一时刻（默认现在）")


def run(args: argparse.Namespace) -> int:
    from cli.context import demand_sound, opened
    from cli.failure import Failure
    from notifications.feed import Variant

    context = opened()
    demand_sound(context)
    documents = args.document or []
    if not args.institution:
        if len(documents) > 1:
            raise Failure("只写了文件的日历，只能是一份文件的", "留一个 --document，或写上单位")
        args.whole, documents = (documents[0] if documents else None), []
    else:
        args.whole = None
    variant = Variant(args.alarms, args.frequent, frozenset(documents), frozenset(args.kind or ()))
    body = _from_store(context, args, variant)
    if body is None:
        body = _from_files(context, args, variant)
    if args.output:
        args.output.write_bytes(body)
    else:
        sys.stdout.buffer.write(body)
        sys.stdout.flush()
    return 0


def _from_store(context: Context, args: argparse.Namespace, variant: Variant) -> bytes | None:
    """Return the bytes by the store, None where nothing was ever applied to one.

    Nothing is written: the service alone says what was served.
    """
    from sqlalchemy import make_url

    from cli.address import known, present
    from cli.world import base_world
    from notifications import feed_next
    from scheduler import queries
    from scheduler.proposing import applied_world
    from scheduler.store import reading

    url = make_url(context.settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return None  # asking must not make one
    with reading(context.engine()) as session:
        if not queries.newest_version(session):
            return None
        base = replace(base_world(context), base_url=known(session, context))
        world = applied_world(session, base)
        now = args.at or present(session, context)
        return feed_next.variant(session, owner(world, args, args.whole), variant, now, world)


def _from_files(context: Context, args: argparse.Namespace, variant: Variant) -> bytes:
    """Return the bytes by the files; every event bears the day from which its document binds."""
    from notifications import feed, feed_scopes
    from scheduler.world import World

    if args.institution:
        context.ids(args.institution)  # refuses a name that is in no file
    documents = {document.id: document for document, _ in context.held()}
    rosters = {document.id: roster for document, roster in context.held()}
    world = World(documents, rosters, context.loaded.workdays)
    whose = owner(world, args, args.whole)
    now = args.at or context.now()
    today = now.astimezone(context.settings.timezone).date()
    entries = list(_entries(context, whose, world, feed.window(today)))
    named = feed_scopes.owner(whose, world)
    return feed.render(named, entries, today, context.settings.base_url, variant)


def _entries(
    context: Context, whose: str, world: World, window: tuple[date, date]
) -> Iterator[Entry]:
    from notifications.feed import Entry
    from notifications.feed_entries import moved_by_notice
    from notifications.feed_scopes import belongs
    from scheduler.occurrences import occurrences
    from scheduler.relations import relations

    first, last = window
    wanted = belongs(whose, world)
    for document, roster in context.held():
        parents = {one.id: one.parent for one in roster.institutions.values() if one.parent}
        binds = document.binds_from
        stamp = datetime(binds.year, binds.month, binds.day, tzinfo=UTC)
        for one in occurrences(
            document, roster, context.loaded.workdays, first, last, strict=context.strict
        ):
            if wanted(one, relations(one, parents)):
                unsure = moved_by_notice(document, one.obligation, one.due, context.loaded.workdays)
                yield Entry(one, stamp, tentative=unsure)
