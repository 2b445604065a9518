"""Which folders ``duban demo`` made: it writes into no other, and they send no mail."""

from __future__ import annotations

import hashlib
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
ROOMS = ("cli", "config", "notifications", "scheduler", "workflows")  # what a story is made of
STORE = "duban.db"


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


def program() -> str:
    """Return a digest of the program and the documents that a story is made with."""
    home = Path(__file__).parent.parent
    kinds = (".py", ".yaml", ".csv")
    files = [path for room in ROOMS for path in (home / room).rglob("*") if path.suffix in kinds]
    said = hashlib.blake2b(digest_size=8)
    for path in sorted(files):
        said.update(str(path.relative_to(home)).encode() + path.read_bytes())
    return said.hexdigest()


def demand_ours(folder: Path) -> None:
    """Raise Failure unless a folder is empty, not there yet, or made by ``duban demo`` for all."""
    found = marked(folder) if folder.is_dir() else None
    if found is not None and "ends" in found:
        raise Failure(
            f"{folder} 是其中的一套，不能单独重建",
            f"全部重建：DUBAN_DATA={folder.parent} ./duban demo --reset",
        )
    if found is not None:
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Failure(
            f"{folder} 不是空的，也不是 duban demo 建的，没有动它",
            "换一个文件夹：DUBAN_DATA=演示文件夹 ./duban demo",
        )


def clear(folder: Path, names: tuple[str, ...]) -> None:
    """Delete the named folders in one that ``duban demo`` made; anything else stays.

    Those that an older version made there under other names, too. Raises Failure, and deletes
    nothing, where a folder is somebody else's or is being served.
    """
    from scheduler.replacing import InUse, release

    before = (marked(folder) or {}).get("years", ())
    found = []
    for name in dict.fromkeys((*names, *(one for one in before if _plain(one)))):
        inner = folder / name
        if inner.is_symlink() or not inner.is_dir():
            continue
        if marked(inner) is None and any(inner.iterdir()):
            raise Failure(f"{inner} 不是 duban demo 建的，没有动它", "先把它移到别处")
        try:
            if (inner / STORE).is_file():
                release(inner / STORE)
        except InUse:
            raise Failure(f"还有程序开着 {inner}，没有动它", "先停下那边的 duban serve") from None
        found.append(inner)
    for inner in found:
        _delete(inner)


def _plain(name: object) -> bool:
    return isinstance(name, str) and Path(name).name == name and name not in ("", ".", "..")


def _delete(inner: Path) -> None:
    """Delete a folder, its marker last: what is left of one that was cut short is still ours."""
    for path in list(inner.iterdir()):
        if path.name == MARKER:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
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
