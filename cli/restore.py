"""``duban restore``: a backup becomes the store again, in one step; the old one is kept aside."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli.context import Context
    from scheduler.archive import Archive

HELP = "恢复备份，先停下服务；也用来在 SQLite 和 PostgreSQL 之间搬家"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="duban backup 写的文件")
    parser.add_argument(
        "--replace", action="store_true", help="现在的数据库不是空的也恢复，旧的另存一份"
    )


def run(args: argparse.Namespace) -> int:
    from sqlalchemy import make_url

    from cli.backup import told
    from cli.context import demand_settings, opened
    from cli.verify import told_plainly

    context = opened()
    demand_settings(context)
    url = make_url(context.settings.database_url)
    with told_plainly(args.file) as archive:
        if url.get_backend_name() == "sqlite":
            kept = _into_file(archive, Path(str(url.database)).absolute(), args.replace, context)
        else:
            kept = _into_postgresql(archive, args.replace, context)
        lines = told(archive.manifest)
    print(f"已恢复：{args.file}")
    print("\n".join(lines))
    if kept:
        print(f"原来的数据库另存为：{'、'.join(map(str, kept))}")
    print("备份以后交出去的邮件，启动时按数据文件夹里的 journal 补记，不会再发；要在别的机器上恢复，")
    print("请把原来的 journal 文件夹一起带过去。启动后先看一眼 duban outbox。")
    if missing := _missing(context):
        print(f"■ 备份时已有、这里没有的交付日志：{'、'.join(missing)}；先带过来，再启动。")
    return 0


def _aside(context: Context, folder: Path, name: str, end: str = "") -> Path:
    """Return a name that is free for what is kept aside."""
    stamp = f"{name}-{context.now():%Y%m%dT%H%M%S}"
    for number in range(1, 1000):
        file = folder / (f"{stamp}{end}" if number == 1 else f"{stamp}-{number}{end}")
        if not file.exists():
            return file
    raise AssertionError("a thousand restores within a second")


def _missing(context: Context) -> list[str]:
    """Return the journals that the backup knew and that are not in the data folder."""
    from notifications.catching_up import unknown
    from notifications.journal import FOLDER
    from scheduler.store import connect, reading

    engine = connect(context.settings.database_url)
    try:
        with reading(engine) as session:
            return unknown(session, context.settings.data / FOLDER)
    finally:
        engine.dispose()


def _into_file(archive: Archive, file: Path, replace: bool, context: Context) -> list[Path]:
    import os

    from cli.failure import Failure
    from scheduler.replacing import BESIDE, InUse, put_in_place, release

    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.restoring-{os.getpid()}")
    try:
        if file.exists():
            _demand_leave(file, replace)
        _build(archive, fresh)
        try:
            if file.exists():
                release(file)
        except InUse:
            raise Failure("还有程序开着这个数据库", "先停下 duban serve，再恢复") from None
        return put_in_place(
            fresh, file, _aside(context, file.parent, f"{file.name}.replaced")
        )
    finally:
        for end in ("", *BESIDE):
            Path(f"{fresh}{end}").unlink(missing_ok=True)


def _demand_leave(file: Path, replace: bool) -> None:
    """Raise Failure where a database file is in use, or holds something that is to be kept."""
    from sqlalchemy.exc import SQLAlchemyError

    from cli.failure import Failure
    from scheduler.replacing import InUse, holds_anything, release
    from scheduler.store import connect

    try:
        sound = release(file)
    except InUse:
        raise Failure("还有程序开着这个数据库", "先停下 duban serve，再恢复") from None
    if replace:
        return
    engine = connect(f"sqlite:///{file}")
    try:
        anything = not sound or holds_anything(engine)
    except SQLAlchemyError:
        anything = True
    finally:
        engine.dispose()
    if anything:
        raise Failure(f"{file} 不是空的", "确实要换掉它，加上 --replace，旧的会另存一份")


def _build(archive: Archive, fresh: Path) -> None:
    """Make a whole, closed database file from a backup; it is on the disk when this returns."""
    from cli.progress import Progress
    from notifications import elsewhere
    from scheduler.replacing import release
    from scheduler.staging import examine, stage
    from scheduler.store import writing

    progress = Progress("恢复")
    staged = stage(archive, fresh, progress, durable=True)
    try:
        examine(staged)
        with writing(staged) as session:
            elsewhere.forget(session)
    finally:
        staged.dispose()
        progress.end()
    release(fresh)


def _into_postgresql(archive: Archive, replace: bool, context: Context) -> list[Path]:
    import tempfile

    from cli.backup import save
    from cli.failure import Failure
    from cli.progress import Progress
    from notifications import elsewhere
    from scheduler.replacing import InUse, holds_anything, pour
    from scheduler.staging import examine, stage
    from scheduler.store import connect, migrate, writing

    target = connect(context.settings.database_url)
    kept: list[Path] = []
    progress = Progress("恢复")
    with tempfile.TemporaryDirectory(prefix="duban-") as folder:
        staged = stage(archive, Path(folder) / "staged.db", progress, durable=False)
        try:
            examine(staged)
            with writing(staged) as session:
                elsewhere.forget(session)
            if holds_anything(target):
                if not replace:
                    hint = "确实要换掉它，加上 --replace，旧的会另存一份"
                    raise Failure("数据库不是空的", hint)
                aside = _aside(context, context.settings.data, "replaced", ".zip")
                aside.parent.mkdir(parents=True, exist_ok=True)
                save(target, aside, context)
                kept.append(aside)
            migrate(target)
            pour(staged, target)
        except InUse:
            for one in kept:
                one.unlink()
            raise Failure("还有 duban 连着这个数据库", "先停下全部副本，再恢复") from None
        finally:
            progress.end()
            staged.dispose()
            target.dispose()
    return kept
