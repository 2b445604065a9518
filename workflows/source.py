"""Strict YAML 1.2 to plain values, remembering where each stood; and Problem, how we complain.

Only the pure-Python event parser is used: the tree is built here, event by event, so that nesting,
anchors and repeated keys are refused before anything is expanded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from yamlcore import CoreLoader

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20

Path = tuple[str | int, ...]
Place = tuple[int, int]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One complaint: where (line and column count from 1, in characters), what, and the cure."""

    path: str
    line: int
    column: int
    code: str
    message: str
    hint: str
    severity: str = "error"

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}:{self.column}"
        return f"{where}: {self.code} {self.message} ({self.hint})"


@dataclass(slots=True)
class Source:
    """A file as plain values: mappings are dicts, lists are tuples, dates are still strings.

    ``places`` has the place of each value by its path of keys and indexes, ``keys`` that of each
    mapping key. Both count lines and columns from 1, columns in characters.
    """

    path: str
    data: Any = None
    places: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def report(
        self, place: Place, code: str, message: str, hint: str, severity: str = "error"
    ) -> None:
        """Add one problem at a place of this file."""
        self.problems.append(Problem(self.path, *place, code, message, hint, severity))

    def place(self, path: Path) -> Place:
        """Return the place of a value, or of the nearest thing around it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))


# C0 and C1 controls but tab, LF, CR, NEL; line separators; direction overrides; a BOM in the text.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u200e\u200f\u2028\u2029\u202a-\u202e"
    "\u2060\u2066-\u2069\ufeff\ufffe\uffff]"
)
_TAB = re.compile(r"^ *\t", re.MULTILINE)
_WIDE_COLON = re.compile(r"^[ ]*(?:- +)*[A-Za-z_]+[ ]*(：)", re.MULTILINE)


def _place_of(text: str, offset: int) -> Place:
    start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - start + 1


def decode(raw: bytes, source: Source) -> str | None:
    """Return the text of a file's bytes, or None after reporting why it cannot be read."""
    if len(raw) > MAX_BYTES:
        source.report(
            (1, 1), "Y003", f"文件超过 {MAX_BYTES // 1024} KB", "一个文件只写一份公文，拆开再存"
        )
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
        try:
            raw.decode("gb18030")
            hint = "看起来是 GBK 编码，请在编辑器里另存为 UTF-8"
        except UnicodeDecodeError:
            hint = "请在编辑器里另存为 UTF-8"
        source.report(place, "Y001", "不是 UTF-8 编码的文字", hint)
        return None
    found = False
    for match in _HIDDEN.finditer(text):
        source.report(
            _place_of(text, match.start()),
            "Y011",
            f"有看不见的控制字符 U+{ord(match[0]):04X}",
            "删掉这个字符，或整行重新输入",
        )
        found = True
    return None if found else text


def read(raw: bytes, path: str) -> Source:
    """Return a YAML file's values and places, with every problem of its writing."""
    source = Source(path)
    text = decode(raw, source)
    if text is None:
        return source
    for match in _TAB.finditer(text):
        source.report(
            _place_of(text, match.end() - 1), "Y005", "用制表符缩进", "缩进只用空格，每层两个"
        )
    for match in _WIDE_COLON.finditer(text):
        source.report(
            _place_of(text, match.start(1)), "Y012", "键后面是全角冒号", "改成半角冒号加一个空格"
        )
    if source.problems:
        return source
    loader = CoreLoader(text)
    try:
        _Tree(loader, source).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        source.report(place, "Y004", "YAML 写法有误", _explain(error))
    except yaml.YAMLError as error:
        source.report((1, 1), "Y004", "YAML 写法有误", str(error).splitlines()[0])
    except (ValueError, RecursionError):
        source.report((1, 1), "Y004", "YAML 写法有误", "有无法读取的值，请逐行检查")
    finally:
        loader.dispose()
    return source


def _explain(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or ""
    if "mapping values are not allowed" in problem:
        return "这里多了一个冒号；含冒号的文字请加引号"
    if "could not find expected ':'" in problem:
        return "缺少冒号，或上一行缩进不齐"
    if "block end" in problem or "block mapping" in problem or "block sequence" in problem:
        return "缩进与上面的行不齐"
    if "scanning a quoted scalar" in (error.context or ""):
        return "引号没有成对"
    if "flow" in (error.context or ""):
        return "方括号或花括号没有成对，或缺少逗号"
    if "cannot start any token" in problem:
        return "这个字符不能开头；请给文字加引号"
    return "对照上下行的缩进、冒号和引号检查"


class _Refused(Exception):
    """The file is refused as a whole; the problem has been reported."""


class _Tree:
    def __init__(self, loader: Any, source: Source) -> None:
        self.loader = loader
        self.source = source

    def document(self) -> None:
        loader = self.loader
        loader.get_event()  # stream start
        if loader.check_event(yaml.StreamEndEvent):
            self.source.report((1, 1), "Y013", "文件是空的", "从 docs 里的样例抄一份开始写")
            return
        loader.get_event()  # document start
        try:
            self.source.data = self.node((), 1)
        except _Refused:
            self.source.data = None
            return
        loader.get_event()  # document end
        if not loader.check_event(yaml.StreamEndEvent):
            mark = loader.peek_event().start_mark
            self.source.report(
                (mark.line + 1, mark.column + 1),
                "Y010",
                "一个文件里有多份内容",
                "删去 --- 分隔，或拆成多个文件",
            )
            self.source.data = None

    def node(self, path: Path, depth: int) -> Any:
        event = self.loader.get_event()
        place = (event.start_mark.line + 1, event.start_mark.column + 1)
        self.source.places[path] = place
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self.source.report(place, "Y006", "用了锚点或引用（& 或 *）", "把内容直接写在这里")
            raise _Refused
        if depth > MAX_DEPTH:
            self.source.report(place, "Y008", f"嵌套超过 {MAX_DEPTH} 层", "检查括号与缩进")
            raise _Refused
        if event.tag is not None and event.tag != "!":
            self.source.report(place, "Y009", "用了类型标记（!）", "去掉感叹号开头的标记")
            raise _Refused
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, place)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(path, depth)
        return self.mapping(path, depth)

    def sequence(self, path: Path, depth: int) -> tuple[Any, ...]:
        values: list[Any] = []
        while not self.loader.check_event(yaml.SequenceEndEvent):
            values.append(self.node((*path, len(values)), depth + 1))
        self.loader.get_event()
        return tuple(values)

    def mapping(self, path: Path, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not self.loader.check_event(yaml.MappingEndEvent):
            start = self.loader.peek_event().start_mark
            place = (start.line + 1, start.column + 1)
            key = self.node((*path, "?"), depth + 1)
            if not isinstance(key, str) or key == "<<":
                self.source.report(place, "Y014", "键不是文字", "键要用规定的英文词")
                key = f"?{len(values)}"
            if key in values:
                self.source.report(
                    place, "Y007", f"“{key}”在这里写了两次", "只保留一处，或改成不同的键"
                )
                key = f"?{key}"  # read on, so that what follows is checked too
            self.source.keys[(*path, key)] = place
            values[key] = self.node((*path, key), depth + 1)
        self.loader.get_event()
        return {key: value for key, value in values.items() if not key.startswith("?")}

    def scalar(self, event: yaml.ScalarEvent, place: Place) -> Any:
        tag = self.loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        kind = tag.rpartition(":")[2]
        value = event.value
        if kind == "null":
            return None
        if kind == "bool":
            return value.lower() == "true"
        if kind == "int":
            if len(value) > 20:
                self.source.report(place, "Y015", "数字太长", "检查这个数，或给文字加引号")
                return 0
            return int(value, 16 if value[:2] == "0x" else 8 if value[:2] == "0o" else 10)
        if kind == "float":
            return float(value.replace(".inf", "inf").replace(".nan", "nan").replace(".Inf", "inf"))
        return value
