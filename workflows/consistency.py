"""What the types alone cannot see: references, order of dates, choices that exclude each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from workflows.document import Duty, Rung, Standing
from workflows.kinds import (
    LADDER_KINDS,
    DatedEntry,
    FuzzyRule,
    QuotaRule,
    RecurringRule,
    RotationRule,
    TargetRule,
    WindowRule,
    read_date,
)  # fmt: skip
from workflows.source import Path, Source
from workflows.text import Place

Complaint = tuple[Place, str, str, str, str]

_DATED = re.compile(r"\d\s*(月|日|号|次|名|人)|每(周|年|月|季|半年)|[上中下]旬|[月年]底")
_YEAR_PARTS = ("year-end", "by-year-end", "year")


def inconsistencies(
    data: dict[str, Any], duties: dict[int, Duty], source: Source
) -> Iterator[Complaint]:
    """Yield (place, code, message, hint, severity) for every contradiction within one file.

    Works on what could be read, so a fault in one obligation does not hide those of another.
    """

    def at(path: Path, code: str, message: str, hint: str, severity: str = "error") -> Complaint:
        return source.place(path), code, message, hint, severity

    roles = data.get("roles")
    roles = roles if isinstance(roles, dict) else {}
    yield from _head(data, at)
    yield from _roles(roles, at)
    known = _ids(data.get("obligations"))
    programmes = _ids(data.get("programmes"))
    seen: set[str] = set()
    for index, duty in duties.items():
        path: Path = ("obligations", index)
        if duty.id in seen:
            yield at((*path, "id"), "D001", f"事项“{duty.id}”写了两次", "每个事项的 id 只用一次")
        seen.add(duty.id)
        yield from _references(duty, path, roles, known, programmes, at)
        yield from _duty(duty, path, roles, at)
        yield from _endless(duty, path, data.get("validity"), at)
    yield from _cycles(duties, at)
    yield from _ladder(data.get("ladder"), ("ladder",), at)
    for index, value in enumerate(_mappings(data.get("unresolved"))):
        if isinstance(what := value.get("what"), str):
            hint = "得到后补进名册或本文件"
            yield at(("unresolved", index), "W001", f"原文未附：{what}", hint, "warning")


def _mappings(values: Any) -> list[dict[str, Any]]:
    return [v for v in values if isinstance(v, dict)] if isinstance(values, tuple) else []


def _ids(values: Any) -> set[str]:
    ids = (value.get("id") for value in _mappings(values))
    return {id_ for id_ in ids if isinstance(id_, str)}


def _day(value: Any) -> date | None:
    try:
        found = read_date(value)
    except ValueError:
        return None
    return found if isinstance(found, date) else None


def _head(data: dict[str, Any], at: Any) -> Iterator[Complaint]:
    issued, in_force = data.get("issued"), data.get("in_force_from")
    if issued is None and in_force is None and "issued" in data:
        yield at(("issued",), "D012", "没有印发日期，也没有起效日", "写 in_force_from 和依据 basis")
    if issued is not None and in_force is not None:
        yield at(("in_force_from",), "D012", "既有印发日期又有起效日", "两者只写一个")
    validity = data.get("validity")
    if not isinstance(validity, dict):
        return
    binds = _day(issued) or _day(in_force.get("on") if isinstance(in_force, dict) else None)
    core = _day(validity.get("core_until"))
    contested = _day(validity.get("contested_until"))
    if binds and core and core < binds:
        yield at(("validity", "core_until"), "D007", "终止日早于起效日", "核对两个日期")
    if core and contested and contested <= core:
        yield at(
            ("validity", "contested_until"), "D007", "有争议的年份早于终止日", "应晚于 core_until"
        )


def _roles(roles: dict[str, Any], at: Any) -> Iterator[Complaint]:
    for name, role in roles.items():
        if not isinstance(role, dict):
            continue
        given = [key for key in ("side", "institution", "group", "words") if role.get(key)]
        # A group may say by which side its members collect pairings.
        if given != ["side", "group"] and len(given) != 1:
            yield at(
                ("roles", name), "D011", f"角色“{name}”的出处不明确",
                "side、institution、group、words 写其中一个",
            )  # fmt: skip
        if bool(role.get("words")) != bool(role.get("unresolved")):
            yield at(
                ("roles", name), "D011", f"角色“{name}”没有说清为何未明确",
                "words 和 unresolved 一起写",
            )  # fmt: skip


def _references(
    duty: Duty, path: Path, roles: dict[str, Any], known: set[str], programmes: set[str], at: Any
) -> Iterator[Complaint]:
    names: list[tuple[Path, str]] = [((*path, "responsible"), duty.responsible)]
    names += [((*path, "assisting", i), name) for i, name in enumerate(duty.assisting)]
    names += [((*path, "recipients", i), name) for i, name in enumerate(duty.recipients)]
    names += [((*path, "each"), duty.each)] if duty.each else []
    for place, name in names:
        if name not in roles:
            yield at(place, "D002", f"没有叫“{name}”的角色", "先在 roles 里写明这个角色")
    if duty.before and duty.before not in known:
        yield at((*path, "before"), "D003", f"没有叫“{duty.before}”的事项", "核对另一事项的 id")
    of = getattr(getattr(duty, "rule", None), "of", None)
    if of and of not in known:
        yield at((*path, "rule", "of"), "D003", f"没有叫“{of}”的事项", "核对另一事项的 id")
    if duty.programme and duty.programme not in programmes:
        yield at(
            (*path, "programme"),
            "D014",
            f"没有叫“{duty.programme}”的项目",
            "先在 programmes 里写明",
        )


def _duty(duty: Duty, path: Path, roles: dict[str, Any], at: Any) -> Iterator[Complaint]:
    if not duty.clauses:
        yield at((*path, "clauses"), "D006", f"事项“{duty.id}”没有条款", "写明出自原文哪一条")
    role = roles.get(duty.responsible)
    if isinstance(role, dict):
        if role.get("words") and duty.per != "document":
            yield at((*path, "per"), "D013", "责任单位未明确，不能逐家计", "改为 per: document")
        many = role.get("group") or role.get("side") == "both"
        if duty.per == "pairing" and many:
            yield at(
                (*path, "responsible"),
                "D013",
                "每对关系要有一个责任方",
                "改用一方，另一方写进 assisting",
            )
    if duty.each and duty.per != "institution":
        yield at((*path, "each"), "D013", "each 只与 per: institution 同用", "改 per，或删去 each")
    if duty.ladder is not None:
        if getattr(duty, "kind", "") not in LADDER_KINDS:
            yield at((*path, "ladder"), "D005", "这一类事项没有提醒阶梯", "删去 ladder")
        yield from _rungs(duty.ladder, (*path, "ladder"), at)
    if isinstance(duty, Standing) and _DATED.search(duty.phrase):
        yield at(
            (*path, "phrase"), "D017", "常态事项的原文里有时间或次数", "改用带日期或频次的类别"
        )
    yield from _rule(duty.rule, (*path, "rule"), at)  # type: ignore[attr-defined]
    previous: date | None = None
    for index, change in enumerate(getattr(duty, "changes", ())):
        if previous and change.from_ <= previous:
            yield at(
                (*path, "changes", index, "from"), "D018", "变更的先后颠倒", "按日期从早到晚写"
            )
        previous = change.from_
        on = getattr(change.rule, "on", None)
        if on and on < change.from_:
            yield at(
                (*path, "changes", index, "rule", "on"), "D018",
                "改后的日期早于变更之日，这一期就落空了", "核对 from 和改后的日期",
            )  # fmt: skip
        yield from _rule(change.rule, (*path, "changes", index, "rule"), at)


def _endless(duty: Duty, path: Path, validity: Any, at: Any) -> Iterator[Complaint]:
    rule = duty.rule  # type: ignore[attr-defined]
    open_ended = isinstance(validity, dict) and validity.get("open_ended") is True
    if isinstance(rule, QuotaRule) and rule.per == "whole" and open_ended and not rule.until:
        yield at((*path, "rule"), "D010", "全程计数却没有止日", "文件没有终期，写上 until")


def _rule(rule: Any, path: Path, at: Any) -> Iterator[Complaint]:
    from_, until = getattr(rule, "from_", None), getattr(rule, "until", None)
    if isinstance(rule, WindowRule):
        until = rule.to
    if from_ and until and until < from_:
        key = "to" if isinstance(rule, WindowRule) else "until"
        yield at((*path, key), "D007", "止日早于起日", "核对两个日期")
    if isinstance(rule, RecurringRule):
        yield from _entries(rule.dates, (*path, "dates"), at)
    elif isinstance(rule, FuzzyRule):
        if (rule.year is None) != rule.every_year:
            yield at(path, "D010", "年份不明确", "year 和 every_year: true 写其中一个")
        yield from _month(rule.part, rule.month, path, at)
    elif isinstance(rule, TargetRule):
        if (rule.on is None) == (rule.part is None or rule.year is None):
            yield at(path, "D010", "目标的时间不明确", "写 on，或写 year 和 part")
        elif rule.part is not None:
            yield from _month(rule.part, rule.month, path, at)
    elif isinstance(rule, QuotaRule):
        if rule.at_least is None and rule.at_most is None:
            yield at(path, "D010", "频次没有数", "写 at_least 或 at_most")
        elif rule.at_least and rule.at_most and rule.at_least > rule.at_most:
            yield at((*path, "at_most"), "D010", "上限小于下限", "核对两个数")
    elif isinstance(rule, RotationRule) and (rule.min_months or 0) > (rule.max_months or 9999):
        yield at((*path, "max_months"), "D010", "最长期限短于最短期限", "核对两个数")


def _month(part: str, month: int | None, path: Path, at: Any) -> Iterator[Complaint]:
    if (part in _YEAR_PARTS) == (month is not None):
        hint = "去掉 month" if month is not None else "写上 month"
        yield at(path, "D010", f"“{part}”与月份不相符", hint)


def _entries(entries: tuple[DatedEntry, ...], path: Path, at: Any) -> Iterator[Complaint]:
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        if entry.id in seen:
            yield at((*path, index, "id"), "D008", f"“{entry.id}”写了两次", "清单里每项的 id 不同")
        seen.add(entry.id)
        if (entry.on is None) == (entry.part is None):
            yield at((*path, index), "D010", "这一项的日子不明确", "写 on，或写 month 和 part")
        elif entry.part is not None:
            yield from _month(entry.part, entry.month, (*path, index), at)
        elif _day(f"2020-{entry.on}") is None:
            yield at((*path, index, "on"), "D015", f"没有 {entry.on} 这一天", "核对月份的天数")


def _ladder(value: Any, path: Path, at: Any) -> Iterator[Complaint]:
    rungs = []
    for item in _mappings(value):
        try:
            rungs.append(Rung.model_validate(item))
        except ValueError:
            return  # reported with its own place already
    yield from _rungs(tuple(rungs), path, at)


def _rungs(rungs: tuple[Any, ...], path: Path, at: Any) -> Iterator[Complaint]:
    names: set[str] = set()
    late = False
    for index, rung in enumerate(rungs):
        if (rung.before is None) == (rung.after is None):
            yield at(
                (*path, index), "D005", "这一档没有说清在期限前还是后", "before 和 after 写其中一个"
            )
            continue
        if rung.before and late:
            yield at((*path, index), "D005", "期限前的一档排在期限后", "先写 before，再写 after")
        late = late or rung.after is not None
        if rung.name in names:
            yield at((*path, index), "D005", f"“{rung.name}”写了两次", "每档只写一次")
        names.add(rung.name)


def _cycles(duties: dict[int, Duty], at: Any) -> Iterator[Complaint]:
    follows = {duty.id: duty.before for duty in duties.values() if duty.before}
    for index, duty in duties.items():
        seen, step = {duty.id}, follows.get(duty.id)
        while step and step not in seen:
            seen.add(step)
            step = follows.get(step)
        if step == duty.id:
            yield at(
                ("obligations", index, "before"), "D004", "先后次序绕成了圈", "去掉其中一个 before"
            )
