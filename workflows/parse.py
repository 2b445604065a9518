"""One file's values become a Document, or every reason why they cannot."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from workflows.consistency import inconsistencies
from workflows.document import Document, Duty, Obligation
from workflows.source import Path, Source, read

_OBLIGATION: TypeAdapter[Duty] = TypeAdapter(Obligation)

_WANTED = {
    "string_type": "文字",
    "int_type": "整数",
    "int_from_float": "整数",
    "bool_type": "true 或 false",
    "tuple_type": "列表",
    "dict_type": "一组“键: 值”",
    "model_type": "一组“键: 值”",
    "model_attributes_type": "一组“键: 值”",
    "date_type": "日期，写作 2019-07-22",
}


def parse(raw: bytes, path: str) -> tuple[Document | None, Source]:
    """Return the document that a workflow file's bytes hold, and the file with its problems.

    The document is None when any problem is an error.
    """
    source = read(raw, path)
    if source.data is None:
        if not source.problems:
            source.report((1, 1), "Y013", "文件是空的", "从 docs 里的样例抄一份开始写")
        return None, source
    data = source.data
    if not isinstance(data, dict):
        source.report((1, 1), "F003", "整个文件应为一组“键: 值”", "从 id: 一行开始写")
        return None, source
    duties = _obligations(data.get("obligations"), source)
    head = _head(data, source, duties)
    for problem in inconsistencies(data, duties, source):
        source.report(*problem)
    source.problems.sort()
    if any(problem.severity == "error" for problem in source.problems):
        return None, source
    return head, source


def _obligations(values: Any, source: Source) -> dict[int, Duty]:
    duties: dict[int, Duty] = {}
    if not isinstance(values, tuple):
        return duties
    for index, value in enumerate(values):
        try:
            duties[index] = _OBLIGATION.validate_python(value)
        except ValidationError as error:
            report_all(error, source, ("obligations", index))
    return duties


def _head(data: dict[str, Any], source: Source, duties: dict[int, Duty]) -> Document | None:
    values = data.get("obligations")
    whole = dict(data)
    if isinstance(values, tuple) and values:
        # Obligations were read one by one, so that one bad one hides none of the others.
        whole["obligations"] = tuple(duties.values())
    try:
        return Document.model_validate(whole)
    except ValidationError as error:
        skipped = bool(values) and isinstance(values, tuple)
        report_all(error, source, skip_obligations=skipped)
        return None


def report_all(
    error: ValidationError, source: Source, prefix: Path = (), skip_obligations: bool = False
) -> None:
    """Report every complaint of pydantic at the place of the value that it is about."""
    for details in error.errors(include_url=False, include_context=True):
        if details["type"] == "too_short" and details["input"]:
            continue  # it has entries, every one with a problem of its own
        path = _path((*prefix, *details["loc"]), source)
        if details["loc"][-1:] == ("[key]",):
            source.report(source.keys.get(path, (1, 1)), "F007", *_bad_id(path[-1]))
            continue
        if skip_obligations and path[:1] == ("obligations",):
            continue
        _report_one(details, path, source)


def _path(loc: Path, source: Source) -> Path:
    """Return pydantic's location without the names of types that it puts in between."""
    if loc[-1] == "[key]":
        loc = loc[:-1]
    path: Path = ()
    for index, part in enumerate(loc):
        last = index == len(loc) - 1
        if (*path, part) in source.places or last:
            path = (*path, part)
    return path


def _report_one(details: ErrorDetails, path: Path, source: Source) -> None:
    kind = details["type"]
    context = details.get("ctx") or {}
    name = next((str(part) for part in reversed(path) if isinstance(part, str)), "文件")
    place = source.place(path)
    if kind == "extra_forbidden":
        place = source.keys.get(path, place)
        source.report(place, "F001", f"不认识的键“{path[-1]}”", "看 duban schema 里这里能写哪些键")
    elif kind == "missing" or kind == "union_tag_not_found":
        missing = "kind" if kind == "union_tag_not_found" else str(path[-1])
        source.report(source.place(path), "F002", f"缺少“{missing}”", f"在这一项里补上 {missing}:")
    elif kind in _WANTED:
        source.report(place, "F003", f"“{name}”的类型不对", f"应为{_WANTED[kind]}")
    elif kind == "value_error" and "date" in str(context.get("error")):
        if "impossible" in str(context["error"]):
            source.report(place, "F004", f"“{name}”不是日历上有的日子", "核对月份的天数和闰年")
        else:
            source.report(place, "F004", f"“{name}”的日期写法不对", "写作 2019-07-22")
    elif kind == "literal_error":
        expected = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
        hint = _one_of(str(details.get("input")), expected)
        source.report(place, "F005", f"“{name}”的值不在规定之列", hint)
    elif kind == "union_tag_invalid":
        place = source.place((*path, "kind"))
        kinds = str(context.get("expected_tags", "")).replace("'", "")
        hint = _one_of(str(context.get("tag", "")), kinds)
        source.report(place, "F005", "“kind”的值不在规定之列", hint)
    elif kind in ("greater_than_equal", "less_than_equal"):
        limit = context.get("ge", context.get("le"))
        word = "不小于" if kind == "greater_than_equal" else "不大于"
        source.report(place, "F006", f"“{name}”超出范围", f"应{word} {limit}")
    elif kind == "string_pattern_mismatch":
        source.report(place, "F007", f"“{name}”的写法不对", _shape(name))
    elif kind in ("string_too_long", "too_long"):
        source.report(place, "F008", f"“{name}”太长", f"最多 {context.get('max_length')}")
    elif kind in ("string_too_short", "too_short"):
        source.report(place, "F009", f"“{name}”是空的", "写上内容，或删去这一行")
    else:
        source.report(place, "F003", f"“{name}”的值不对", "看 duban schema 里的说明")


def _one_of(written: str, expected: str) -> str:
    near = difflib.get_close_matches(written[:40], expected.split(", "), 1)
    return (f"是不是 {near[0]}？" if near else "") + f"可以写：{expected}"


def _bad_id(name: object) -> tuple[str, str]:
    return f"“{name}”不能作名字", "只用小写字母、数字和短横线，如 file-agreement"


def _shape(name: str) -> str:
    if name in ("before", "after"):
        return "写天数加 d，或工作日数加 wd，如 14d、2wd，不能为零或负"
    if name == "on":
        return "每年的日子写作 '03-20'"
    if name == "phrase":
        return "原文短语写在一行里"
    return "只用小写字母、数字和短横线，如 file-agreement"
