"""``duban feed``: an institution's iCalendar bytes, the same as the server serves."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cli.tick import instant

if TYPE_CHECKING:
    from cli.context import Context
    from notifications.feed import Entry, Variant

HELP = "输出一个单位的日历（iCalendar），与订阅地址提供的相同"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("institution", metavar="INSTITUTION", help="单位的名称或编号")
    parser.add_argument("--output", type=Path, metavar="FILE", help="写入文件（默认标准输出）")
    parser.add_argument("--alarms", action="store_true", help="带提前14天和1天的闹钟")
    parser.add_argument("--frequent", action="store_true", help="连每周、每两周的频次也列出")
    parser.add_argument("--document", action="append", metavar="ID", help="只列这份文件（可重复）")
    parser.add_argument("--kind", action="append", metavar="K", help="只列这一类（可重复）")
    parser.add_argument("--at", type=instant, metavar="INSTANT", help="当作这一时刻（默认现在）")


def run(args: argparse.Namespace) -> int:
    from cli.context import demand_sound, opened
    from notifications.feed import Variant

    context = opened()
    demand_sound(context)
    variant = Variant(
        args.alarms, args.frequent, frozenset(args.document or ()), frozenset(args.kind or ())
    )
    body = _from_store(context, args.institution, variant, args.at)
    if body is None:
        body = _from_files(context, args.institution, variant, args.at or context.now())
    if args.output:
        args.output.write_bytes(body)
    else:
        sys.stdout.buffer.write(body)
        sys.stdout.flush()
    return 0


def _from_store(
    context: Context, institution: str, variant: Variant, at: datetime | None
) -> bytes | None:
    """Return the bytes by the store, None where nothing was ever applied to one.

    Nothing is written: the service alone says what was served.
    """
    from sqlalchemy import make_url

    from cli.address import known, present
    from cli.failure import Failure
    from cli.world import base_world
    from notifications import feed_changes, feeds
    from notifications.feed import DEFAULT
    from scheduler import queries
    from scheduler.proposing import applied_world
    from scheduler.store import reading
    from scheduler.tables import Feed

    url = make_url(context.settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return None  # asking must not make one
    engine = context.engine()
    with reading(engine) as session:
        if not queries.newest_version(session):
            return None
        base = replace(base_world(context), base_url=known(session, context))
        world = applied_world(session, base)
        found = next((i for r in world.rosters.values() if (i := r.find(institution))), None)
        if found is None:
            raise Failure(f"已应用的名册里没有“{institution}”", "核对名称，或用机构编号")
        now = at or present(session, context)
        today = feeds.today(now, world)
        entries = feeds.entries(session, found.id, today, world)
        kept = session.get(Feed, found.id)
    if variant != DEFAULT:
        return feeds.render_variant(engine, found.id, variant, now, world)
    owner = feeds.owner(found.id, world)
    before = kept.body if kept else None
    return feed_changes.render(owner, entries, now, today, world.base_url, before)


def _from_files(context: Context, institution: str, variant: Variant, now: datetime) -> bytes:
    """Return the bytes by the files; every event bears the day from which its document binds."""
    from notifications import feed

    ids = context.ids(institution) or set()
    today = now.astimezone(context.settings.timezone).date()
    name = sorted(ids)[0]
    known = next(r.institutions[name] for _, r in context.held() if name in r.institutions)
    entries = list(_entries(context, name, feed.window(today)))
    owner = feed.Owner(name, known.name)
    return feed.render(owner, entries, today, context.settings.base_url, variant)


def _entries(context: Context, institution: str, window: tuple[date, date]) -> Iterator[Entry]:
    from notifications.feed import Entry
    from notifications.feeds import moved_by_notice
    from scheduler.occurrences import occurrences
    from scheduler.relations import relations

    first, last = window
    for document, roster in context.held():
        parents = {one.id: one.parent for one in roster.institutions.values() if one.parent}
        binds = document.binds_from
        stamp = datetime(binds.year, binds.month, binds.day, tzinfo=UTC)
        for one in occurrences(
            document, roster, context.loaded.workdays, first, last, strict=context.strict
        ):
            relation = relations(one, parents).get(institution)
            if relation:
                entry = Entry(one, relation, stamp)
                unsure = moved_by_notice(document, one.obligation, one.due, context.loaded.workdays)
                yield replace(entry, tentative=unsure)
