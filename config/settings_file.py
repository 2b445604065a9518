"""``duban.toml``: the settings that are kept in the data folder."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from config.sheet import Finding
from config.values import Given, Reader, near

NAME = "duban.toml"
MAX_BYTES = 64 * 1024

_AT = re.compile(r"at line (\d+), column (\d+)")


def read_file(folder: Path, known: Collection[str], findings: list[Finding]) -> dict[str, Given]:
    """Return the values written in a data folder's ``duban.toml``; nothing if there is none.

    What is wrong with the file is added to ``findings``.
    """
    reader = Reader()
    reader.findings = findings
    path = folder / NAME
    here = Given("", str(path), source=NAME, base=folder.absolute())
    text = _text(path, here, reader)
    if not text:
        return {}
    import tomllib  # only where there is a file: every verb starts through here

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = _AT.search(str(error))
        place = (int(at[1]), int(at[2])) if at else (text.count("\n") + 1, 1)
        where = here._replace(line=place[0], column=place[1])
        hint = '一行一项，写作 smtp_host = "smtp.example.cn"；每项只写一次，文字加引号'
        reader.report(where, "S008", f"{NAME} 写法有误", hint)
        return {}
    except RecursionError:
        reader.report(here, "S008", f"{NAME} 写法有误", "括号套得太深")
        return {}
    found: dict[str, Given] = {}
    for name, value in data.items():
        given = _given(name, value, text, here)
        if name not in known:
            hint = near(name, known) or "运行 duban doctor 看有哪些设置"
            reader.report(given, "S001", f"没有叫 {name[:80]} 的设置", hint, "warning")
        elif isinstance(value, bool) or not isinstance(value, str | int):
            reader.report(given, "S003", f"{name} 的值应为文字或整数", "文字加引号，整数不加")
        elif given.text:
            found[name] = given
    return found


def _given(name: str, value: Any, text: str, here: Given) -> Given:
    mark = re.search(rf"^[ \t]*\[?[ \t]*(['\"]?{re.escape(name)}\b)", text, re.MULTILINE)
    if not mark:
        return here._replace(text=str(value))
    start = text.rfind("\n", 0, mark.start(1)) + 1
    line = text.count("\n", 0, mark.start(1)) + 1
    return here._replace(text=str(value), line=line, column=mark.start(1) - start + 1)


def _text(path: Path, here: Given, reader: Reader) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return ""
    except OSError:
        reader.report(here, "S008", f"读不到 {NAME}", "它应是文件，程序要能读它")
        return ""
    if len(raw) > MAX_BYTES:
        reader.report(here, "S008", f"{NAME} 超过 {MAX_BYTES // 1024} KB", "核对是不是存错了文件")
        return ""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = here._replace(line=raw.count(b"\n", 0, error.start) + 1)
        reader.report(where, "S008", f"{NAME} 不是 UTF-8 编码的文字", "在编辑器里另存为 UTF-8")
        return ""
