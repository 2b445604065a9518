"""Whether what somebody says of an occurrence can be recorded. Pure; what cannot is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from config.text import HIDDEN
from scheduler.facts import DONE, KINDS, Reading, Said
from scheduler.occurrences import Occurrence
from scheduler.refusals import Refused
from scheduler.statement import Statement
from workflows.kinds import LADDER_KINDS

TEXT_LIMIT = 2_000  # characters of a reason, a basis or a mention of evidence
LAST_YEAR = 2200
_BREAKS = dict.fromkeys(map(ord, "\r\n\t"))


def check_text(name: str, text: str | None) -> None:
    """Raise Refused for a text that is too long, or with what nobody sees; lines may break."""
    if text and len(text) > TEXT_LIMIT:
        raise Refused(f"{name}超过 {TEXT_LIMIT} 字", "写短些，全文作为佐证材料交来")
    if text and HIDDEN.search(text.translate(_BREAKS)):
        raise Refused(f"{name}里有不能保存的字符", "去掉看不见的字符再试")


def check_form(said: Statement, today: date) -> None:
    """Raise Refused for a statement that fits no occurrence at all on a local day."""
    if said.kind not in KINDS:
        raise Refused(f"不认识的记录“{said.kind}”", f"可以写：{'、'.join(KINDS)}")
    for name, text in (
        ("事项编号", said.key), ("理由", said.reason), ("依据", said.basis), ("佐证", said.evidence),
    ):  # fmt: skip
        check_text(name, text)
    if said.on is not None and said.on > today:
        raise Refused(f"日期 {said.on} 还没有到", "写已经发生的日期，或不写（即今天）")
    if said.kind in ("waived", "returned", "corrected") and not (said.reason or "").strip():
        what = {"waived": "免报", "returned": "退回", "corrected": "更正"}[said.kind]
        more = "，有文号的再加 --basis" if said.kind == "waived" else ""
        raise Refused(f"登记{what}要写理由", f"加上 --reason{more}")
    if said.fact is not None and said.kind != "corrected":
        raise Refused("只有更正可以写 --fact", "去掉 --fact")
    if said.kind == "acknowledged":
        if said.until is None:
            raise Refused("登记已知悉要写静默到哪一天", "加上 --until YYYY-MM-DD")
        if said.until < today:
            raise Refused(f"静默截止日 {said.until} 已经过去", "写今天或以后的日期")
    elif said.kind == "extended":
        if said.until is None:
            raise Refused("登记延期要写新的期限", "加上 --until YYYY-MM-DD（含当日）")
        if not (said.basis or "").strip():
            raise Refused("登记延期要写依据", "加上 --basis 文号")
        if said.on is None and said.until < today:
            raise Refused(f"新的期限 {said.until} 已经过去", "早先就批准的，用 --on 写文件的日期补登")
        if said.on is not None and said.on > said.until:
            raise Refused(f"文件日期 {said.on} 晚于新的期限 {said.until}", "核对 --on 和 --until")
        if said.until.year > LAST_YEAR:
            raise Refused(f"新的期限 {said.until} 太远", f"年份最多到 {LAST_YEAR}")
    elif said.until is not None:
        raise Refused("只有“已知悉”和“延期”可以写 --until", "去掉 --until")


def check(
    said: Statement,
    one: Occurrence,
    status: str,
    found: Reading,
    facts: Sequence[Said],
    today: date,
) -> None:
    """Raise Refused where a statement of sound form does not fit this occurrence as it stands.

    ``status`` as stored; ``found`` what its facts come to, which ``facts`` are.
    """
    if status == "cancelled":
        raise Refused("这一事项已取消，不能再登记", "事项因改动文件或名册而取消，看 duban plan")
    stage, day = found.stage, said.on or today
    if said.kind == "acknowledged":
        if stage in DONE:
            raise Refused("这一事项已办结，无须登记知悉", "")
        if stage == "submitted":
            raise Refused("这一事项已报送待审，本来就不提醒", "")
        if status == "history":
            raise Refused("这一事项的期限早于启用日，本来就不提醒", "已办结的可登记 completed")
    elif said.kind == "submitted":
        if stage in DONE:
            word = "已办结" if stage == "completed" else "已免报"
            raise Refused(f"这一事项{word}，不用再报送", "登记有误的先用 corrected 更正")
        _not_before(day, _last(facts, "returned") if stage == "returned" else None, "退回")
    elif said.kind == "accepted":
        if stage != "submitted":
            raise Refused("没有待审的报送，不能受理", "先登记 submitted；已办结的不用再受理")
        _not_before(day, found.reported_on, "报送")
    elif said.kind == "returned":
        if stage not in ("submitted", "completed"):
            raise Refused("没有报送过，不能退回", "只有已报送或已完成的可以退回")
        _not_before(day, found.reported_on, "报送")
    elif said.kind == "extended":
        _extension(said, one, found)


def _extension(said: Statement, one: Occurrence, found: Reading) -> None:
    """Raise Refused where no later day can be granted.

    What was done late may still turn out to have been granted: both days are assessed.
    """
    assert said.until is not None
    ends = max((day for day in (one.due, found.extended_to) if day), default=None)
    late = found.stage == "completed" and found.reported_on and ends and found.reported_on > ends
    if found.stage in DONE and not late:
        word = "免报" if found.stage == "waived" else "按期办结"
        raise Refused(f"这一事项已{word}，不用延期", "登记有误的先用 corrected 更正")
    if one.due is None or one.kind not in LADDER_KINDS:
        raise Refused("这一事项没有可以延的期限", "只有一次性、定期、约期和遇事即办的事项可以延期")
    if said.until <= one.due:
        raise Refused(f"新的期限 {said.until} 不晚于原定的 {one.due}", "延期要写更晚的日期")
    if found.extended_to and said.until <= found.extended_to:
        raise Refused(
            f"已经延期到 {found.extended_to}，新的期限须更晚", "要提前就先用 corrected 更正那次延期"
        )


def _last(facts: Sequence[Said], kind: str) -> date | None:
    return next((fact.on for fact in reversed(facts) if fact.kind == kind), None)


def _not_before(day: date, earlier: date | None, what: str) -> None:
    if earlier and day < earlier:
        raise Refused(f"日期 {day} 早于{what}的 {earlier}", "核对 --on")
