"""``duban status``: who has reported what of a document, and who has not."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scheduler.matrix import Cell, Matrix

HELP = "台账：一份文件谁报了、谁没报"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--document", required=True, metavar="ID", help="文件编号")
    parser.add_argument("--period", metavar="P", help="只看这一期，如 2026-jun；或一年，如 2026")
    parser.add_argument(
        "--format", choices=("table", "json", "xlsx"), default="table", help="输出格式"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="xlsx 写入这个文件（默认写到标准输出）"
    )


def run(args: argparse.Namespace) -> int:
    from cli.address import present
    from cli.context import opened
    from cli.failure import Failure
    from cli.output import print_json
    from cli.world import base_world, stored_world
    from scheduler.matrix import matrix
    from scheduler.refusals import Refused
    from scheduler.store import reading

    if args.output and args.format != "xlsx":
        raise Failure("--output 只用于 --format xlsx", "其余格式用 > 文件")
    context = opened()
    base = base_world(context)
    try:
        with reading(context.engine()) as session:
            world = stored_world(session, base)
            now = present(session, context)
            found = matrix(session, world, args.document, now, args.period)
    except Refused as refused:
        raise Failure(refused.message, refused.hint) from None
    if args.format == "json":
        print_json(as_json(found))
    elif args.format == "xlsx":
        _write(found, args.output)
    else:
        _print(found)
    return 0


def as_json(found: Matrix) -> dict[str, Any]:
    """Return the object of ``--format json``; dates are YYYY-MM-DD."""
    return {
        "document": found.document,
        "title": found.title,
        "as_of": found.today.isoformat(),
        "periods": list(found.periods),
        "rows": [
            {
                "institution": row.institution,
                "institution_id": row.institution_id,
                "cells": [_cell(cell) for cell in row.cells],
            }
            for row in found.rows
        ],
        "counts": {
            "expected": found.counts.expected,
            "reported": found.counts.reported,
            "on_time": found.counts.on_time,
        },
    }


def _cell(cell: Cell) -> dict[str, Any]:
    days = {
        name: day.isoformat() if (day := getattr(cell, name)) else None
        for name in ("due", "last_working_day", "extended_to", "reported_on")
    }
    return {
        "key": cell.key,
        "obligation": cell.obligation,
        "title": cell.title,
        "period": cell.period,
        **days,
        "status": cell.status,
        "state": cell.state,
        "on_time": cell.on_time,
        "on_time_original": cell.on_time_original,
        "expected": cell.expected,
        "about": cell.about,
        "note": cell.note,
    }


def _write(found: Matrix, output: Path | None) -> None:
    from cli.failure import Failure
    from scheduler.ledger import workbook

    body = workbook(found)
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
        return
    try:
        output.write_bytes(body)
    except OSError as error:
        raise Failure(f"写不了 {output}：{error.strerror or error}", "核对路径和权限") from None
    print(f"已写入 {output}", file=sys.stderr)


def _print(found: Matrix) -> None:
    from cli.output import print_table

    print_table(
        ["单位", *found.periods],
        ([row.institution, *(_words(row.of(period)) for period in found.periods)]
         for row in found.rows),
    )  # fmt: skip
    counts = found.counts
    print(f"应报 {counts.expected}，已报 {counts.reported}，按期 {counts.on_time}")


def _words(cells: Iterable[Cell]) -> str:
    """Return each word once, with how often it is there."""
    often: dict[str, int] = {}
    for cell in cells:
        often[cell.status] = often.get(cell.status, 0) + 1
    return "、".join(word if n == 1 else f"{word}×{n}" for word, n in often.items()) or "–"
