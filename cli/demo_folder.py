"""Which folders ``duban demo`` made: it writes into no other, and they send no mail."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.failure import Failure
from config.values import DEFAULT

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

    from config.settings import Settings

MARKER = "demo.json"
WORDS = {"made_by": "duban demo"}


def mark(folder: Path, **more: Any) -> None:
    """Write into a folder that it is a demonstration."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(WORDS | more, ensure_ascii=False, indent=2) + "\n"
    (folder / MARKER).write_text(text, encoding="utf-8")


def marked(folder: Path) -> dict[str, Any] | None:
    """Return what the marker of a demonstration says; None where a folder has none."""
    try:
        found = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ours = isinstance(found, dict) and found.get("made_by") == WORDS["made_by"]
    return found if ours else None


def demand_ours(folder: Path) -> None:
    """Raise Failure unless a folder is empty, not there yet, or made by ``duban demo``."""
    if folder.is_dir() and marked(folder) is not None:
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Failure(
            f"{folder} 不是空的，也不是 duban demo 建的，没有动它",
            "换一个文件夹：DUBAN_DATA=演示文件夹 ./duban demo",
        )


def clear(folder: Path, names: tuple[str, ...]) -> None:
    """Delete the named folders in one that ``duban demo`` made; anything else stays."""
    for name in names:
        inner = folder / name
        if inner.is_symlink() or not inner.is_dir():
            continue
        if marked(inner) is None and any(inner.iterdir()):
            raise Failure(f"{inner} 不是 duban demo 建的，没有动它", "先把它移到别处")
        shutil.rmtree(inner)


def guard(settings: Settings, engine: Engine | None = None) -> datetime | None:
    """Return where the story of a demonstration ends, None outside of one.

    Raises Failure where a demonstration could send real mail, or its settings would be used on
    another store.
    """
    ends = None
    if engine is not None:
        from scheduler.demonstration import ends as story_ends
        from scheduler.store import reading

        with reading(engine) as session:
            ends = story_ends(session)
    found = marked(settings.data)
    if found is None and ends is None:
        return None
    if settings.smtp_host is not None:
        raise Failure(
            "这是演示数据，不能接邮件服务器：演示的提醒不得寄出去", "去掉 DUBAN_SMTP_HOST 再试"
        )
    if found is not None and found.get("years"):
        inner = "、".join(f"DUBAN_DATA={settings.data / name}" for name in found["years"])
        raise Failure(f"{settings.data} 里有几套演示数据，要选一套", inner)
    if found is not None and settings.sources["database_url"] != DEFAULT:
        raise Failure("演示数据只用它自己的数据库", "去掉 DUBAN_DATABASE_URL 再试")
    return ends
