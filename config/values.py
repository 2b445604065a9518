"""The kinds of values a setting can have, and what is said when one is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from config.addresses import is_database, is_web, mail_fault
from config.sheet import Finding
from config.text import HIDDEN

DEFAULT = "默认"
MAX_VALUE = 2000
MAX_SECONDS = 86_400
CHOICES = {"tls": ("none", "starttls", "tls"), "reading": ("inclusive", "strict")}

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")


class Given(NamedTuple):
    """A value as written, and where: ``base`` is what a relative folder counts from."""

    text: str
    path: str
    line: int = 1
    column: int = 1
    source: str = ""
    base: Path | None = None


class Wrong(Exception):
    """A value that cannot be used: code, sentence, hint."""


class Reader:
    """Turns written values into typed ones and gathers what is wrong with them."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.sources: dict[str, str] = {}

    def report(
        self, given: Given | None, code: str, message: str, hint: str, severity: str = "error"
    ) -> None:
        """Add one finding at the place of a value."""
        place = given or Given("", "DUBAN_*")
        plain = HIDDEN.sub("?", message), HIDDEN.sub("?", hint)
        self.findings.append(Finding(place.path, place.line, place.column, code, *plain, severity))

    def unknown(self, name: str, known: Iterable[str]) -> None:
        """Warn of a name that is no setting."""
        hint = near(name, known) or "运行 duban doctor 看有哪些设置"
        given = Given("", HIDDEN.sub("?", name[:80]))
        self.report(given, "S001", f"没有叫 {name[:80]} 的设置", hint, "warning")

    def value(self, kind: str, given: Given | None, name: str, default: str | None = None) -> Any:
        """Return the value of one setting; its default where it is not given or wrong."""
        self.sources[name] = given.source if given else DEFAULT
        if given is not None:
            try:
                return _read(kind, given)
            except Wrong as wrong:
                code, message, hint = wrong.args
                self.report(given, code, f"{name} {message}", hint)
                self.sources[name] = DEFAULT
        return None if default is None else _read(kind, Given(default, name))

    def secret(self, path: Path, given: Given) -> str | None:
        """Return the one line that a secret's file holds, or None after reporting why not."""
        hint = "文件里只写这一个值，占一行，程序要能读它"
        try:
            if not path.is_file():
                raise OSError
            with path.open("rb") as file:
                text = file.read(MAX_VALUE + 2).decode("utf-8-sig").rstrip("\r\n")
        except (OSError, ValueError):
            self.report(given, "S007", f"{given.path} 指的文件读不到", hint)
            return None
        if not text:
            self.report(given, "S007", f"{given.path} 指的文件是空的", hint)
            return None
        return text


def near(name: str, known: Iterable[str]) -> str:
    """Return a hint with the known name most like ``name``, or nothing."""
    import difflib  # only when something is wrong: every verb starts through here

    alike = difflib.get_close_matches(name[:80], sorted(known), 1, 0.75)
    return f"是不是 {alike[0]}？" if alike else ""


def _read(kind: str, given: Given) -> Any:
    text = given.text
    if len(text) > MAX_VALUE:
        raise Wrong("S009", f"的值太长，最多 {MAX_VALUE} 个字", "核对是不是填错了内容")
    if found := HIDDEN.search(text):
        raise Wrong("S009", f"的值里有换行或看不见的字符 U+{ord(found[0]):04X}", "重新输入这个值")
    if kind in CHOICES:
        if text not in CHOICES[kind]:
            raise Wrong(
                "S002", f"的值“{text[:40]}”不在规定之列", f"可以写：{'、'.join(CHOICES[kind])}"
            )
        return text
    if kind in ("port", "seconds"):
        return _number(text, 65_535 if kind == "port" else MAX_SECONDS)
    if kind == "zone":
        return _zone(text)
    if kind.endswith(("folder", "file")):
        return _place(kind, given)
    _address(kind, text)
    return text


def _number(text: str, limit: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= limit:
        raise Wrong("S003", f"的值应为 1 到 {limit} 的整数", "只写数字，不带单位")
    return int(text)


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise Wrong("S004", f"没有“{text[:40]}”这个时区", "写作 Asia/Shanghai") from None


def _place(kind: str, given: Given) -> Path:
    path = Path(given.base or "", given.text).absolute()
    if kind == "existing folder" and not path.is_dir():
        raise Wrong("S006", f"指的文件夹不存在：{path}", "核对路径，或先建好文件夹")
    if kind == "existing file" and not path.is_file():
        raise Wrong("S006", f"指的文件不存在：{path}", "核对路径")
    if kind == "folder" and path.exists() and not path.is_dir():
        raise Wrong("S006", f"指的不是文件夹：{path}", "核对路径")
    return path


def _address(kind: str, text: str) -> None:
    if kind == "mail" and (fault := mail_fault(text)):
        raise Wrong("S005", f"的值{fault}", "写一个地址，如 duban@example.cn，不带姓名")
    if kind == "site" and ("?" in text or "#" in text):
        raise Wrong("S005", "的值里不能有 ? 和 #", "只写到域名或其下的文件夹")
    if kind in ("web", "site") and not is_web(text):
        raise Wrong("S005", "的值不是网址", "写作 https://duban.example.cn")
    if kind == "database" and not is_database(text):
        hint = "写作 sqlite:////var/lib/duban/duban.db 或 postgresql+psycopg://用户@主机/库"
        raise Wrong("S005", "的值不是能用的数据库地址", hint)
    if kind == "host" and not _HOST.fullmatch(text):
        raise Wrong("S005", "的值不是主机名", "写作 smtp.example.cn，不带端口和 http")
