"""``duban verify``: whether a backup is whole and can be restored, tried without touching anything."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scheduler.archive import Archive

HELP = "核对备份：完整不完整，恢复得了恢复不了"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="duban backup 写的文件")


def run(args: argparse.Namespace) -> int:
    import tempfile

    from cli.backup import told
    from cli.progress import Progress
    from scheduler.staging import examine, stage

    progress = Progress("核对")
    with tempfile.TemporaryDirectory(prefix="duban-") as folder, told_plainly(args.file) as archive:
        staged = stage(archive, Path(folder) / "verify.db", progress, durable=False)
        try:
            examine(staged)
        finally:
            staged.dispose()
            progress.end()
        lines = told(archive.manifest)
    print(f"备份完好，可以恢复：{args.file}")
    print("\n".join(lines))
    return 0


class told_plainly:  # noqa: N801 - reads as a verb where it is used
    """Open a backup; what is wrong with it becomes a Failure."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> Archive:
        from cli.failure import Failure
        from scheduler.archive import Archive

        try:
            self._archive = Archive(self._file)
        except FileNotFoundError:
            raise Failure(f"没有 {self._file} 这个文件", "核对路径") from None
        except IsADirectoryError:
            raise Failure(f"{self._file} 是文件夹", "写 duban backup 写的文件") from None
        except Exception as error:
            self._tell(error)
            raise
        return self._archive

    def __exit__(self, _kind: object, error: BaseException | None, _at: object) -> None:
        self._archive.__exit__()
        if error is not None:
            self._tell(error)

    def _tell(self, error: BaseException) -> None:
        from cli.failure import Failure
        from scheduler.archive import Damaged
        from scheduler.migrating import Newer

        if isinstance(error, Damaged):
            raise Failure(f"{self._file}：{error}", "用更早的一份备份") from error
        if isinstance(error, Newer):
            said = f"{self._file} 由更新版本的督办写成（{error.found}），这个版本读不了"
            raise Failure(said, "用写它的那个版本，或更新的版本") from error
