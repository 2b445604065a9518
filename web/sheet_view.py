"""A draft of a scoring sheet as the faces show it: JSON, and a page on paper."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from scheduler.scoring import in_full
from scheduler.sheet import Line, Scored
from workflows.document import Interpretation

HERE = Path(__file__).parent
DRAFT = "草稿：按本系统的登记试算，供负责人核对后签字，不是考核结果"


@dataclass(frozen=True)
class SheetPage:
    """One draft with the names that its head prints."""

    scored: Scored
    title: str
    document: str
    supporter: tuple[str, str]
    recipient: tuple[str, str]
    pairing: str
    year: int

    @property
    def name(self) -> str:
        """Return the name of a file that holds it, without its ending."""
        return f"自评表-{self.supporter[1]}-{self.recipient[1]}-{self.year}"

    @property
    def span(self) -> str:
        """Return which days it is about, in words."""
        known = self.scored.known_of
        if known.over:
            return f"{in_full(known.first)}至{in_full(known.last)}"
        days = f"{in_full(known.first)}至{in_full(known.last)}"
        return f"{days}，算到{in_full(known.today)}；之后的登记还会改变结果"


def number(value: Decimal) -> int | float:
    """Return points as JSON has them: whole ones without a point."""
    return int(value) if value == value.to_integral_value() else float(value)


def points(value: Decimal | None) -> str:
    """Return points as people read them; 人工 where only a person can say."""
    return "人工" if value is None else f"{number(value)}"


def verdict(scored: Scored) -> str:
    """Return in one sentence what is known and what may come of it."""
    bonus = f"；加分项最多再加{points(scored.bonus)}分" if scored.bonus else ""
    range_ = f"{points(scored.least)}—{points(scored.most)}"
    left = scored.sheet.total - scored.known - scored.open_
    rest = ""
    if left > 0 and not scored.known_of.over:
        rest = f"，其余{points(left)}分以后登记了还能得"
    return (
        f"已能算出{points(scored.known)}分，另有{points(scored.open_)}分要由人判断{rest}；"
        f"七个部分合计在{range_}分之间（满分{points(scored.sheet.total)}分）{bonus}。"
        f"可能的等次：{'、'.join(scored.grades)}。"
    )


def as_json(page: SheetPage) -> dict[str, Any]:
    """Return a draft as ``duban sheet --format json`` prints it."""
    scored = page.scored
    sheet, known = scored.sheet, scored.known_of
    return {
        "draft": True,
        "notice": DRAFT,
        "document": sheet.document,
        "title": sheet.title,
        "clause": sheet.clause,
        "supporter": page.supporter[1],
        "supporter_id": page.supporter[0],
        "recipient": page.recipient[1],
        "recipient_id": page.recipient[0],
        "pairing": page.pairing,
        "year": page.year,
        "from": known.first.isoformat(),
        "to": known.last.isoformat(),
        "as_of": min(known.today, known.last).isoformat(),
        "year_over": known.over,
        "year_reading": _reading(sheet.year),
        "lines": [_line(line) for line in scored.lines],
        "parts": [
            {
                "id": part.id,
                "name": part.name,
                "possible": number(part.possible),
                "known": number(part.known),
                "by_hand": number(part.open_),
                "least": number(part.least),
                "most": number(part.most),
            }
            for part in scored.parts
        ],
        "bonus": [
            {
                "id": one.id,
                "title": one.title,
                "levels": [{"name": x.name, "points": number(x.points)} for x in one.levels],
                "points": None,
                "most": number(one.most),
            }
            for one in sheet.bonus
        ],
        "bonus_reading": _reading(sheet.bonus_note),
        "vetoes": [
            {
                "id": one.veto.id,
                "title": one.veto.title,
                "proof": one.veto.proof,
                "applies": None,
                "signs": list(one.signs),
            }
            for one in scored.vetoes
        ],
        "total": {
            "possible": number(sheet.total),
            "known": number(scored.known),
            "by_hand": number(scored.open_),
            "least": number(scored.least),
            "most": number(scored.most),
            "bonus_most": number(scored.bonus),
        },
        "grades": list(scored.grades),
        "grades_note": sheet.grades_note,
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "id": line.id,
        "part": line.part,
        "criterion": line.criterion,
        "rule": line.rule,
        "possible": number(line.possible),
        "figure": line.figure,
        "missing": list(line.missing),
        "points": None if line.points is None else number(line.points),
        "least": number(line.least),
        "most": number(line.most),
        "basis": line.basis,
        "obligations": list(line.feeds),
        "interpretation": _reading(line.interpretation),
    }


def _reading(one: Interpretation | None) -> dict[str, str] | None:
    return None if one is None else {"taken": one.taken, "other": one.other, "why": one.why}


def as_html(page: SheetPage) -> str:
    """Return a draft as a page of its own: one file, for A4, nothing from elsewhere."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("sheet_paper.html").render(values(page))


def values(page: SheetPage) -> dict[str, Any]:
    """Return what the templates of a draft need."""
    return {
        "sheet_page": page,
        "scored": page.scored,
        "sheet": page.scored.sheet,
        "notice": DRAFT,
        "verdict": verdict(page.scored),
        "points": points,
    }
