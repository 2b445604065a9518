"""From the words of a command line to a verb's ``run``, and from its end to an exit code."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import re
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from cli.__main__ import VERBS
from cli.failure import Failure

_CHINESE = (
    (r"unrecognized arguments: (.+)", r"不认识的参数：\1"),
    (r"the following arguments are required: (.+)", r"缺少参数：\1"),
    (r"argument (.+?): expected one argument", r"参数 \1 后面要跟一个值"),
    (r"argument (.+?): expected at least one argument", r"参数 \1 后面至少要跟一个值"),
    (
        r"argument (.+?): invalid choice: (.+?) \(choose from (.+)\)",
        r"参数 \1 不能是 \2，可以是 \3",
    ),
    (r"argument (.+?): invalid int value: (.+)", r"参数 \1 应为整数，不能是 \2"),
    (r"argument (.+?): invalid .+ value: (.+)", r"参数 \1 的值不对：\2"),
    (r"argument (.+?): not allowed with argument (.+)", r"参数 \1 不能与 \2 同用"),
    (r"argument (.+?): (.+)", r"参数 \1：\2"),
)


class Parser(argparse.ArgumentParser):
    """Says in Chinese what is wrong with a command line, and ends with the user's exit code."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **{"allow_abbrev": False, **named})
        self._positionals.title = "参数"
        self._optionals.title = "选项"

    def error(self, message: str) -> NoReturn:
        for pattern, chinese in _CHINESE:
            if re.fullmatch(pattern, message):
                message = re.sub(pattern, chinese, message)
                break
        raise Failure(message, f"用法见 {self.prog} --help")

    def format_usage(self) -> str:
        return super().format_usage().replace("usage:", "用法：")

    def format_help(self) -> str:
        text = super().format_help().replace("usage:", "用法：")
        return text.replace("show this help message and exit", "显示本说明")


def run(given: Sequence[str]) -> int:
    """Run the verb that the words name; see ``cli.__main__.main`` for the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # whatever the locale, what we print is UTF-8
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        if not given or given[0] in ("-h", "--help", "help"):
            print(_overview())
            return 0 if given else 1
        if given[0] not in VERBS:
            raise Failure(f"没有“{given[0]}”这个命令", "可用的命令见 duban --help")
        verb = importlib.import_module(f"cli.{given[0]}")
        parser = Parser(prog=f"duban {given[0]}", description=verb.HELP)
        verb.arguments(parser)
        code = int(verb.run(parser.parse_args(list(given[1:]))))
        sys.stdout.flush()  # here, so that a reader who has gone is met by the branch below
        return code
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("已中断", file=sys.stderr)
        return 130
    except Exception as error:
        return _of_the_store(error) or _ours(given)


def _of_the_store(error: Exception) -> int:
    """Tell a fault of database or disk and return the user's exit code; 0 where it is none."""
    if not isinstance(error, OSError) and "scheduler.store" not in sys.modules:
        return 0
    from scheduler.faults import fault

    known = fault(error)
    if known is None:
        return 0
    print(Failure(known.said, known.hint), file=sys.stderr)
    return 1


def _overview() -> str:
    lines = ["用法：duban 命令 [参数]", ""]
    for verb in VERBS:
        lines.append(f"  {verb:<10} {importlib.import_module(f'cli.{verb}').HELP}")
    lines += ["", "每个命令的说明：duban 命令 --help"]
    return "\n".join(lines)


def _ours(given: Sequence[str]) -> int:
    trace = traceback.format_exc()
    print(trace, file=sys.stderr)
    folder = Path(os.environ.get("DUBAN_DATA", "data"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / "errors.log"
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC).isoformat()} duban {given[0]}\n{trace}\n")
        print(f"程序出错，已记入 {log}；数据没有改动的部分都已保留。", file=sys.stderr)
    except OSError:
        print("程序出错，而且无法写日志。", file=sys.stderr)
    return 3
