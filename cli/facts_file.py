"""A facts file for ``duban simulate``: one JSON object a line, all bad lines told at once."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from cli.failure import Failure
from cli.simulated import Event
from scheduler.recording import Refused, Statement, check_form, from_json
from scheduler.world import World


def read_facts(
    file: Path, keys: Collection[str], other: Collection[str], world: World
) -> list[Event]:
    """Return the events of a facts file; raises Failure with every bad line.

    ``keys``: the occurrences that there are. ``other``: documents that are not simulated; lines
    about them are passed over.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"读不了 {file}：{error}", "应为 UTF-8 的文本文件") from None
    events: list[Event] = []
    faults: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            at, said = _line(line)
            if said.key.partition("/")[0] in other:
                continue
            if said.key not in keys:
                raise ValueError(f"没有这一事项：{said.key}")
            check_form(said, at.astimezone(world.timezone).date())
        except Refused as refusal:
            faults.append(f"第 {number} 行：{refusal.message}")
        except ValueError as error:
            faults.append(f"第 {number} 行：{error}")
        else:
            events.append(Event(at, number, said))
    if faults:
        told = "\n".join(faults)
        raise Failure(f"{file} 有 {len(faults)} 行不能用：\n{told}", "改正后再试")
    return events


def _line(text: str) -> tuple[datetime, Statement]:
    try:
        value = json.loads(text)
    except ValueError:
        raise ValueError("不是一行 JSON") from None
    if not isinstance(value, dict):
        raise ValueError("应为一个 JSON 对象")
    try:
        at = datetime.fromisoformat(str(value.get("at")))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError("at 应为带时差的时刻，如 2026-03-06T09:00:00+08:00")
    return at, from_json(value)

