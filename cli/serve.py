"""``duban serve``: pages, feeds and the engine in one process."""

from __future__ import annotations

import argparse
import socket
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cli.tick import instant

if TYPE_CHECKING:
    from config.settings import Settings
    from web.house import House

HELP = "启动服务：网页、日历订阅、定时提醒"
ROUND = 30.0  # seconds between two rounds of the engine
LOOK = 0.5  # seconds between two looks for feeds that changed
NEXT = 3  # deadlines named at the start


def port(text: str) -> int:
    """Return a port number, 0 for any free one."""
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"端口是 0 到 65535 的整数，不能是“{text}”")
    return int(text)


def factor(text: str) -> float:
    """Return how many times as fast a clock runs."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"倍数是大于 0 的数，不能是“{text}”")
    return value


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="监听的地址（默认只有本机能访问）")
    parser.add_argument("--port", type=port, default=8000, help="监听的端口（默认 8000）")
    parser.add_argument(
        "--at", type=instant, metavar="INSTANT", help="时钟从这一刻走起，用于演练"
    )
    parser.add_argument(
        "--rate", type=factor, metavar="N", help="时钟走得有多快（默认 1；与 --at 同用）"
    )
    parser.add_argument("--metrics", action="store_true", help="在 /metrics 提供监测数字")


def run(args: argparse.Namespace) -> int:
    from cli.failure import Failure

    if args.rate is not None and args.at is None:
        raise Failure("--rate 要和 --at 同用", "例如 --at 2026-03-06T08:59:00+08:00 --rate 60")
    bound = _bind(args.host, args.port)
    try:
        return _serve(args, bound)
    finally:
        bound.close()


def _bind(host: str, number: int) -> socket.socket:
    """Return a listening socket; Failure where the address cannot be had."""
    from cli.failure import Failure

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server((host, number), family=family, backlog=512)
    except OSError as error:
        hint = "换一个 --port，或停掉占用它的程序"
        raise Failure(f"{host}:{number} 用不了：{error.strerror or error}", hint) from None
    bound.set_inheritable(True)
    # Connections inherit it. Without it the body waits for the client to have acknowledged the
    # header, up to 40 ms; asyncio sets it only where the socket's protocol is named.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound


def _serve(args: argparse.Namespace, bound: socket.socket) -> int:
    import logging.config
    from datetime import UTC

    from cli.address import remember, shared
    from cli.agreed_clock import BEAT, Agreed
    from cli.context import opened
    from cli.demo_folder import guard
    from cli.round import Rounds
    from cli.running_clock import Running, lasting, running
    from cli.steady import Steady, patiently
    from cli.world import base_world
    from notifications.choosing import desk, owner, transport
    from notifications.monitor import Monitor
    from scheduler import queries
    from scheduler.clock import Job, clock
    from scheduler.store import writing
    from web.app import build
    from web.house import House
    from web.redaction import configuration
    from web.watch import Watch

    logging.config.dictConfig(configuration())
    context = opened()
    settings = _addressed(context.settings, args.host, bound)
    base = base_world(context)
    guard(settings)
    engine = patiently(context.engine)
    # A demonstration goes on where its story ends: by the real clock all of it would be long late.
    at = args.at or patiently(lambda: guard(settings, engine))

    def begin() -> tuple[str, str | None]:
        with writing(engine) as session:
            address = shared(session, context.settings, settings.base_url)
            remember(session, address, rehearsal=at is not None)
            return address, queries.mark(session, "tick")

    address, ticked = patiently(begin)
    base = replace(base, base_url=address)
    now = running(
        context.now, at, args.rate or 1.0, datetime.fromisoformat(ticked) if ticked else None
    )
    name, agreed = owner(), None
    way = transport(settings)
    house = House(
        engine=engine,
        settings=settings,
        base=base,
        now=now,
        wall=context.now,
        load=lambda: opened().loaded,
        watched=_watched(settings),
        known=context.loaded,
        mail=way.describe(),
        rate=args.rate or 1.0,
        metrics=args.metrics,
    )
    patiently(lambda: _adopt(house))
    patiently(lambda: _settle_in(house))
    patiently(lambda: _tell(house))
    if isinstance(now, Running):
        now.go()
        agreed = Agreed(engine, now, name)
        patiently(agreed.beat)
    watch, lease = Watch(house), lasting(settings.lease, house.rate)
    rounds = Rounds(
        engine, now, lambda: house.world, way, name, lease, desk(settings, name),
        Monitor(settings.monitor_url), house.rate,
    )  # fmt: skip

    round_ = agreed.then(rounds.run) if agreed else rounds.run
    jobs = [
        Job("round", max(1.0, ROUND / house.rate), Steady("巡查", round_)),
        Job("watch", LOOK, Steady("查看变化", watch.notice)),
        Job("feeds", LOOK, Steady("更新日历", watch.work)),
    ]
    if agreed:
        jobs.append(Job("clock", BEAT, Steady("对时", agreed.beat)))
    scheduler = clock(jobs, datetime.now(UTC))
    scheduler.start()
    try:
        _listen(build(house), bound)
    finally:
        print("正在停止……", flush=True)
        rounds.close()
        house.upkeep.stop()
        scheduler.shutdown(wait=True)
        Steady("保存取用记录", watch.close)()
        engine.dispose()
    print("已停止，数据已保存", flush=True)
    return 0


def _listen(application: object, bound: socket.socket) -> None:
    """Serve until a signal to stop."""
    import signal

    import uvicorn

    from web.line import Line

    server = uvicorn.Server(
        uvicorn.Config(
            application,  # type: ignore[arg-type]
            http=Line,
            log_config=None,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=5,
        )
    )
    # uvicorn raises the signal once more when it has stopped; what is left to do is ours.
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda _number, _frame: None)
    server.run(sockets=[bound])


def _addressed(settings: Settings, host: str, bound: socket.socket) -> Settings:
    """Return the settings, with the address that is listened on where none is set."""
    from cli.address import is_set

    if is_set(settings):
        return settings
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104
    if ":" in name and not name.startswith("["):
        name = f"[{name}]"
    return replace(settings, base_url=f"http://{name}:{bound.getsockname()[1]}")


def _watched(settings: Settings) -> tuple[Path, ...]:
    """Return the folders and files whose change makes the files another thing."""
    from scheduler.loading import ROSTERS, folders
    from workflows.library import DOCUMENTS

    found = [*folders(settings.workflows, DOCUMENTS), *folders(settings.rosters, ROSTERS)]
    return tuple(found)


def _adopt(house: House) -> None:
    """Apply the files once, without mail, where nothing was ever applied."""
    from cli.failure import Failure
    from scheduler import queries
    from scheduler.applying import adopt_bundled
    from scheduler.store import reading, writing

    with reading(house.engine) as session:
        if queries.newest_version(session):
            return
    loaded = house.files
    if loaded.faulty:
        lines = "\n".join(str(p) for p in loaded.problems if p.severity == "error")
        raise Failure(f"文件有错误，还没有应用任何文件：\n{lines}", "改正后再启动")
    print(f"第一次启动，正在应用 {len(loaded.documents)} 份文件……", flush=True)
    with writing(house.engine) as session:
        adopt_bundled(session, loaded, house.now(), house.base)


def _settle_in(house: House) -> None:
    """Say so where this store is the copy of one that sends mail, and must not."""
    from notifications import elsewhere
    from scheduler.store import writing

    if house.settings.smtp_host is None:
        return
    here = elsewhere.place(house.engine, house.settings.data)
    with writing(house.engine) as session:
        said = elsewhere.settle_in(session, here, house.now())
    if said:
        print(f"■ {said}。{elsewhere.CURE}。", flush=True)


def _tell(house: House) -> None:
    """Print where to go, how to sign in, where mail goes, what is tracked and what comes next."""
    from notifications import wording
    from scheduler.store import reading, writing
    from web import queries, sessions
    from web.overview import AHEAD, ROWS, grouped

    with writing(house.engine) as session:
        secret = sessions.new_link(session, house.wall())
    today, workdays = house.today, house.world.workdays
    with reading(house.engine) as session:
        tracked = queries.tracked(session)
        coming = queries.between(session, today, today + AHEAD, ROWS)
    soonest = grouped(coming, today, workdays)[:NEXT]
    base = house.settings.base_url
    lines = [
        f"督办已启动：{base}",
        f"登录链接（24小时内有效，只能用一次）：{base}/sign-in/{secret}",
        f"邮件：{house.mail}",
        f"跟踪 {tracked} 个期限" + ("，最近的：" if soonest else ""),
        *(
            f"  {wording.day(group.first.due)} {group.first.title}（{group.kind_of}）"
            for group in soonest
            if group.first.due
        ),
    ]
    differing = house.differing()
    if differing:
        lines.append(f"文件与已应用的不同：{'、'.join(differing)}；用 duban plan 看会改动什么")
    print("\n".join(lines), flush=True)
    sys.stdout.flush()
