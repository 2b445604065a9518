"""``duban demo``: a throw-away data folder with an invented year, made by the real engine."""

from __future__ import annotations

import argparse
import gc
import os
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from cli.demo_year import Plot

HELP = "演示：另建一个数据文件夹，填上虚构的一年"
FOLDER = "data-demo"
SEED = "duban-1"
ZONE = ZoneInfo("Asia/Shanghai")
SEE = {
    "guangxi-2019": "总览和台账（谁没报、谁迟报）、驻点、频次、邮件、任一事项的页面",
    "hubei-2022": "驻点空档和换班、频次、自评表（文件页里“试算自评表”）",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reset", action="store_true", help="删掉已有的演示数据，重新建")


def plots() -> tuple[Plot, ...]:
    """Return the years that are played."""
    from cli.demo_year import Plot

    return (
        Plot("guangxi-2019", "guangxi-2019", date(2019, 7, 11),
             datetime(2020, 6, 24, 10, tzinfo=ZONE)),
        Plot("hubei-2022", "hubei-2022", date(2023, 1, 1), datetime(2023, 12, 20, 10, tzinfo=ZONE)),
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    from cli import demo_folder
    from cli.context import opened
    from config.values import DEFAULT

    context = opened()
    settings = context.settings
    chosen = settings.sources["data"] != DEFAULT
    folder = settings.data if chosen else settings.data.absolute().parent / FOLDER
    demo_folder.demand_ours(folder)
    made = demo_folder.marked(folder)
    if made and made.get("done") and not args.reset:
        if made.get("program") == demo_folder.program():
            print(f"{folder} 里已有演示数据；要重建：duban demo --reset")
        else:
            print(f"{folder} 里的演示数据是另一个版本的程序建的，看到的会与现在的说明有出入")
            print("建成这个版本的：duban demo --reset（先停下正在用它的 duban serve）")
        _tell(folder)
        return 0
    found = plots()
    names = tuple(plot.name for plot in found)
    demo_folder.clear(folder, names)
    demo_folder.mark(folder, years=names, done=False)
    _build_all(folder, found)
    demo_folder.mark(folder, years=names, done=True, program=demo_folder.program())
    print(f"演示数据已建在 {folder}，全部是虚构的；邮件只写进文件夹，不会寄出")
    _tell(folder)
    return 0


def _build_all(folder: Path, found: tuple[Plot, ...]) -> None:
    """Build the years at the same time, each in a process of its own."""
    import multiprocessing

    from cli.progress import Progress

    context = multiprocessing.get_context("spawn")
    done = context.Array("i", len(found))
    whole = sum((plot.end.date() - plot.first).days for plot in found)
    bar = Progress("正在演出")
    with context.Pool(len(found), _share, (done,)) as pool:
        work = [(folder / plot.name, plot, n) for n, plot in enumerate(found)]
        result = pool.starmap_async(_build, work)
        while not result.ready():
            result.wait(0.2)
            bar(sum(done[:]), whole)
        bar.end()
        result.get()  # raises what went wrong there


_done: Any = None


def _share(done: Any) -> None:
    global _done
    _done = done


def _build(folder: Path, plot: Plot, number: int) -> None:
    from cli import demo_folder, demo_people
    from cli.address import remember
    from cli.context import opened
    from cli.demo_year import play
    from cli.world import base_world, sound_candidates
    from notifications.choosing import FOLDER as MAIL
    from notifications.choosing import desk
    from scheduler import store

    demo_folder.mark(folder, ends=plot.end.isoformat())
    (folder / "duban.toml").write_text(
        'contacts = "contacts.csv"\nmail_from = "duban@demo.example"\n', encoding="utf-8"
    )
    plain = {name: value for name, value in os.environ.items() if not name.startswith("DUBAN_")}
    context = opened(environ=plain | {"DUBAN_DATA": str(folder)})
    found = sound_candidates(context)
    contacts = folder / "contacts.csv"
    rosters = found.rosters
    last = plot.end.date()
    demo_people.write(contacts, rosters.values(), rosters[plot.document], plot.first, last, SEED)
    context = opened(environ=plain | {"DUBAN_DATA": str(folder)})  # now there is a list of contacts

    def played(days: int, _all: int) -> None:
        _done[number] = days

    gc.set_threshold(100_000)  # a short life with much that lasts
    engine = store.connect(context.settings.database_url, durable=False)
    try:
        store.migrate(engine)
        play(
            engine, found, base_world(context), plot, folder / MAIL, SEED, played,
            desk(context.settings, "demo"),
        )  # fmt: skip
        with store.writing(engine) as session:
            remember(session, context.settings.base_url, rehearsal=True)
    finally:
        engine.dispose()


def _tell(folder: Path) -> None:
    print("下一步，任选一套（Ctrl+C 停止；同一时间只开一套，或加 --port）：")
    for plot in plots():
        print(f"  DUBAN_DATA={folder / plot.name} ./duban serve --at {plot.end.isoformat()}")
        print(f"    看：{SEE[plot.name]}")
    print("用 serve 打印的登录链接打开；日历订阅在“订阅日历”页生成；邮件在各自的 mail 文件夹里。")
