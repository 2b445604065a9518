"""Strict YAML 1.2 to plain values, remembering where each stood; and Problem, how we complain.

Only the pure-Python event parser is used: the tree is built here, event by event, so that nesting,
anchors and repeated keys are refused before anything is expanded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml
from yamlcore import CoreLoader

from workflows.text import ENCODED_WORD, IN_VALUE, Place, clean, decode, plain

MAX_DEPTH = 20
MAX_NODES = 20_000
MAX_PROBLEMS = 200

Path = tuple[str | int, ...]


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
        """Add one problem at a place of this file; after two hundred, more would help nobody."""
        if sum(problem.severity == severity for problem in self.problems) < MAX_PROBLEMS:
            texts = plain(message), plain(hint)
            self.problems.append(Problem(self.path, *place, code, *texts, severity))

    def place(self, path: Path) -> Place:
        """Return the place of a value, or of the nearest thing around it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))


def read(raw: bytes, path: str) -> Source:
    """Return a YAML file's values and places, with every problem of its writing."""
    source = Source(path)
    text = decode(raw, source.report)
    text = text if text is None else clean(text, source.report)
    if text is None:
        return source
    loader = CoreLoader(text)
    try:
        _Tree(loader, source).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        source.report(place, "Y004", "YAML 写法有误", _explain(error))
    except yaml.YAMLError:
        source.report((1, 1), "Y004", "YAML 写法有误", "有无法读取的字符，请逐行检查")
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
        self.nodes = 0

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

    def node(self, path: Path, depth: int) -> Any:
        event = self.loader.get_event()
        place = (event.start_mark.line + 1, event.start_mark.column + 1)
        self.source.places[path] = place
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self.source.report(place, "Y016", f"内容超过 {MAX_NODES} 项", "一个文件只写一份公文")
            raise _Refused
        if isinstance(event, yaml.AliasEvent):
            self.source.report(place, "Y006", "用了引用（*）", "把内容直接写在这里")
            raise _Refused
        if event.anchor is not None:
            self.source.report(place, "Y006", "用了锚点（&）", "去掉它，在用到的地方各写一遍")
        if depth > MAX_DEPTH:
            self.source.report(place, "Y008", f"嵌套超过 {MAX_DEPTH} 层", "检查括号与缩进")
            raise _Refused
        if event.tag is not None and event.tag != "!":
            self.source.report(place, "Y009", "用了类型标记（!）", "去掉感叹号开头的标记")
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
            if fault := self.key(key, values, place):
                self.source.report(place, *fault)
                self.node((*path, "?"), depth + 1)  # read on, so that what follows is checked too
                continue
            self.source.keys[(*path, key)] = place
            values[key] = self.node((*path, key), depth + 1)
        self.loader.get_event()
        return values

    def key(self, key: Any, values: dict[str, Any], place: Place) -> tuple[str, str, str] | None:
        """Return what is wrong with a key: code, message, hint."""
        if not isinstance(key, str) or key == "<<":
            return "Y014", "键不是文字", "键要用规定的英文词"
        if "：" in key:
            return "Y012", f"键“{key}”里有全角冒号", "改成半角冒号加一个空格"
        if key in values:
            return "Y007", f"“{key}”在这里写了两次", "只保留一处，或改成不同的键"
        return None

    def scalar(self, event: yaml.ScalarEvent, place: Place) -> Any:
        value = event.value.rstrip("\n") if event.style in ("|", ">") else event.value
        implicit = event.implicit if event.tag is None else (event.style is None, True)
        kind = self.loader.resolve(yaml.ScalarNode, value, implicit).rpartition(":")[2]
        if kind == "null":
            return None
        if kind == "bool":
            return value.lower() == "true"
        if kind == "int":
            return self.integer(value, place)
        if kind == "float":
            return float(value.lower().replace(".inf", "inf").replace(".nan", "nan"))
        if found := IN_VALUE.search(value):
            code = f"U+{ord(found[0]):04X}"
            hint = "写在一行里，去掉反斜线转义的字符"
            self.source.report(place, "Y011", f"文字里有换行或控制字符 {code}", hint)
        if ENCODED_WORD.search(value):
            self.source.report(place, "Y017", "有邮件编码字样 =?…?=", "改写成看得懂的文字")
        return value

    def integer(self, value: str, place: Place) -> int:
        """Return a whole number; one that readers of YAML disagree on is reported."""
        digits = value.lstrip("+-")
        if len(value) > 20:
            self.source.report(place, "Y015", "数字太长", "检查这个数，或给文字加引号")
            return 0
        if digits != "0" and digits.startswith("0"):
            self.source.report(
                place, "Y018", f"数字“{value}”以 0 开头", "去掉前面的 0；若是编号，加引号"
            )
            return 0 if not digits.isdigit() else int(value)
        return int(value)
