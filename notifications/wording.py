"""How dates, counts and footings are said in Chinese, alike in feeds and on pages."""

from __future__ import annotations

import re
from datetime import date

from scheduler.ladder import ASKED, CHANGED, REMIND, SUBMITTED
from scheduler.occurrences import Occurrence
from scheduler.quotas import Count
from workflows.document import Submission

WEEKDAYS = "一二三四五六日"
KINDS = {
    "once": "一次性",
    "recurring": "定期",
    "fuzzy": "约期",
    "quota": "频次要求",
    "rotation": "轮换驻点",
    "event": "遇事即办",
    "target": "目标",
    "window": "实施时段",
    "standing": "常态事项",
}
PHASES = {
    "pre-issue": "印发前",
    "core": "文件期内",
    "open-ended": "未写终期",
    "contested": "终期存疑",
}
PHASE_NOTES = {
    "pre-issue": "日期早于文件印发，只列出，不提醒",
    "open-ended": "文件没有写明终期，按继续执行列出",
    "contested": "文件终期有两种读法，这一期存在争议",
}
PERS = {
    "week": "每周",
    "fortnight": "每两周",
    "month": "每月",
    "two-months": "每两个月",
    "quarter": "每季度",
    "half-year": "每半年",
    "year": "每年",
    "shift": "每批",
    "whole": "全期",
}
WAYS = {"post": "邮寄", "email": "电子邮件", "system": "系统填报", "visit": "当面"}
TO = {"post": "寄至", "email": "发至", "system": "报入", "visit": "送至"}
RELATIONS = {
    "responsible": "由本单位负责",
    "assisting": "本单位配合",
    "receiver": "报送本单位",
    "concerned": "涉及本单位",
}


def day(value: date) -> str:
    """Return a date as 2019年9月20日（周五）."""
    return f"{value.year}年{value.month}月{value.day}日（周{WEEKDAYS[value.weekday()]}）"


def short_day(value: date) -> str:
    """Return a date without its year, as 9月20日."""
    return f"{value.month}月{value.day}日"


def quota(count: Count) -> str:
    """Return what a quota demands, as 每周至少1次."""
    per = PERS[count.per]
    if count.at_least is not None and count.at_least == count.at_most:
        return f"{per}{count.at_least}{count.unit}"
    limits = []
    if count.at_least is not None:
        limits.append(f"至少{count.at_least}{count.unit}")
    if count.at_most is not None:
        limits.append(f"至多{count.at_most}{count.unit}")
    return per + "、".join(limits or [f"有{count.unit}即可"])


def submission(one: Submission) -> str:
    """Return one way of handing something in, as 邮寄：协议（2份），寄至医政处."""
    copies = f"（{one.copies}份）" if one.copies else ""
    return f"{WAYS[one.by]}：{one.what}{copies}，{TO[one.by]}{one.to}"


def citation(one: Occurrence) -> str:
    """Return document number and clauses; without a number, the clauses alone."""
    return " ".join(part for part in (one.number or "", "、".join(one.clauses)) if part)


def last_working_day(one: Occurrence) -> str:
    """Return the last working day with its mark, or an empty string where there is no date."""
    if one.last_working_day is None:
        return ""
    mark = "（暂定，待当年放假通知）" if one.provisional else ""
    return day(one.last_working_day) + mark


def who(one: Occurrence) -> str:
    """Return the responsible and the assisting institutions, as 甲医院；配合：乙医院."""
    assisting = "、".join(party.name for party in one.assisting)
    return one.responsible.name + (f"；配合：{assisting}" if assisting else "")


_PERIODS = (
    (r"(\d{4})-W(\d\d)", "{}年第{}周"),
    (r"(\d{4})-W(\d\d)-W(\d\d)", "{}年第{}、{}周"),
    (r"(\d{4})-M(\d\d)", "{}年{}月"),
    (r"(\d{4})-M(\d\d)-M(\d\d)", "{}年{}—{}月"),
    (r"(\d{4})-Q(\d)", "{}年第{}季度"),
    (r"(\d{4})-H(\d)", "{}年第{}个半年"),
    (r"(\d{4})(?:-.*)?", "{}年"),
    (r"whole", "全期"),
)


def period(label: str) -> str:
    """Return a period's label in words, as 2019年7—8月; an empty string where it says nothing."""
    for pattern, words in _PERIODS:
        match = re.fullmatch(pattern, label)
        if match:
            return words.format(*(str(int(part)) for part in match.groups()))
    return ""


def rung_name(rung: str) -> str:
    """Return a rung in words, as 提醒：提前2个工作日."""
    if rung == CHANGED:
        return "期限改动通知"
    named = {REMIND: "催报", SUBMITTED: "待审通知", ASKED: "延期申请通知"}
    if rung in named:
        return named[rung]
    side, _, span = rung.partition("-")
    unit = "个工作日" if span.endswith("wd") else "天"
    count = span.rstrip("wd")
    return f"提醒：提前{count}{unit}" if side == "before" else f"催办：逾期{count}{unit}"
