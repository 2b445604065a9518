"""``duban check``: every problem of workflows, sheets, rosters, contacts, settings, at its place."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

HELP = "检查工作流、评分表、名册和设置，列出全部问题"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH",
        help="只检查这些文件或文件夹（工作流 .yaml，或名册文件夹）；默认检查全部",
    )  # fmt: skip
    parser.add_argument("--format", choices=("text", "json"), default="text", help="输出格式")


def run(args: argparse.Namespace) -> int:
    from cli.context import opened
    from cli.inspection import inspect

    problems = inspect(args.paths) if args.paths else opened().problems
    if args.format == "json":
        from cli.output import print_json

        print_json([asdict(problem) for problem in problems])
    else:
        for problem in problems:
            print(problem)
        errors = sum(problem.severity == "error" for problem in problems)
        print(f"{errors} 个错误，{len(problems) - errors} 个提醒")
    return int(any(problem.severity == "error" for problem in problems))
