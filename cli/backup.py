"""``duban backup``: one file that holds all that cannot be worked out again, while all goes on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from cli.context import Context
    from scheduler.archive import Manifest

HELP = "备份：把数据库写成一个文件，服务不用停"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="写到这个文件（不能已经存在）")


def run(args: argparse.Namespace) -> int:
    from cli.context import opened
    from cli.failure import Failure

    if args.file.exists():
        raise Failure(f"{args.file} 已经存在", "换一个文件名；备份从不覆盖旧的备份")
    context = opened()
    engine = existing(context)
    manifest = save(engine, args.file, context)
    print(f"已备份到 {args.file}（{args.file.stat().st_size:,} 字节）")
    print("\n".join(told(manifest)))
    print(f"核对：duban verify {args.file}")
    return 0


def existing(context: Context) -> Engine:
    """Return the store's engine as it is; Failure where there is none or a setting is wrong."""
    from sqlalchemy import make_url

    from cli.context import demand_settings
    from cli.failure import Failure
    from scheduler.store import connect

    demand_settings(context)
    url = make_url(context.settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise Failure(f"没有数据库：{url.database}", "核对 DUBAN_DATA 和 DUBAN_DATABASE_URL")
    return connect(context.settings.database_url)


def save(engine: Engine, file: Path, context: Context) -> Manifest:
    """Write a backup under another name first, so that a file of that name is always whole."""
    import os

    from cli.__main__ import VERSION
    from cli.failure import Failure
    from cli.progress import Progress
    from scheduler.archive import write

    draft = file.with_name(f"{file.name}.part")
    progress = Progress("备份")
    try:
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)  # it holds addresses
        with os.fdopen(descriptor, "w+b") as target:
            manifest = write(engine, target, context.now(), VERSION, progress)
            target.flush()
            os.fsync(target.fileno())
        draft.replace(file)
    except LookupError:
        draft.unlink(missing_ok=True)
        raise Failure("数据库还是空的，没有可备份的", "第一次运行 duban serve 以后再备份") from None
    except FileNotFoundError:
        raise Failure(f"没有文件夹 {file.parent}", "先建好它") from None
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    finally:
        progress.end()
        engine.dispose()
    return manifest


NAMES = {
    "applied_version": "应用过的版本",
    "occurrence": "事项",
    "fact": "登记",
    "notice": "提醒",
    "message": "邮件",
    "token": "订阅地址",
    "audit": "日志",
}


def told(manifest: Manifest) -> list[str]:
    """Return the lines that say of when a backup is and what it holds."""
    parts = manifest.tables
    counts = "，".join(
        f"{word} {parts[name].rows}" for name, word in NAMES.items() if name in parts
    )
    made = manifest.made_at.isoformat(sep=" ", timespec="seconds")
    return [
        f"时刻 {made}，督办 {manifest.program}，数据格式 {manifest.schema}（{manifest.database}）",
        counts,
    ]
