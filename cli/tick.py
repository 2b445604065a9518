"""``duban tick``: one pass on the real store, delivery included."""

from __future__ import annotations

import argparse
from datetime import datetime

HELP = "在真实数据上跑一遍：该提醒的提醒，该发的发出，然后结束"


def instant(text: str) -> datetime:
    """Return the instant of an RFC 3339 word with its offset."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        value = None
    if value is None or value.tzinfo is None:
        raise argparse.ArgumentTypeError(f"时刻写作 2026-03-06T09:00:00+08:00，不能是“{text}”")
    return value


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--at", type=instant, metavar="INSTANT", help="当作这一时刻（默认现在）")


def run(args: argparse.Namespace) -> int:
    from datetime import timedelta

    from cli.context import opened
    from cli.demo_folder import guard
    from cli.failure import Failure
    from cli.round import Rounds
    from cli.world import base_world
    from notifications import elsewhere
    from notifications.choosing import desk, owner, transport
    from notifications.monitor import Monitor
    from scheduler import queries
    from scheduler.proposing import applied_world
    from scheduler.store import reading, writing

    context = opened()
    base = base_world(context)
    guard(context.settings)
    engine = context.engine()
    ends = guard(context.settings, engine)
    with reading(engine) as session:
        if not queries.newest_version(session):
            raise Failure("还没有应用任何文件", "先运行 duban serve，或 duban plan --save 与 duban apply")
        world = applied_world(session, base)
    started = context.now()
    at = args.at or ends
    shift = (at - started) if at else timedelta()
    if context.settings.smtp_host is not None:
        here = elsewhere.place(engine, context.settings.data)
        with writing(engine) as session:
            elsewhere.settle_in(session, here, started + shift)
    name = owner()
    monitor = Monitor(context.settings.monitor_url)
    report = Rounds(
        engine,
        lambda: context.now() + shift,
        lambda: world,
        transport(context.settings),
        name,
        timedelta(seconds=context.settings.lease),
        desk(context.settings, name),
        monitor,
    ).run()
    monitor.wait()
    print(
        f"看了 {report.planned.looked_at} 项，计划 {report.planned.planned} 条提醒，"
        f"拟信 {report.composed.composed} 封，发出 {report.delivered.sent} 封"
    )
    if report.planned.to_nobody:
        print(f"其中 {report.planned.to_nobody} 条无人可送，见 duban outbox")
    if report.delivered.paused:
        print(f"发送已暂停：{report.delivered.paused}")
    return 0
