"""A year at a glance: what falls due when and how it stands, as points on a line per document.

Pure, but for ``strip``, which reads. A point's shape says as much as its colour.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, select

from scheduler.tables import StoredOccurrence as Stored
from scheduler.world import World
from web.queries import ENDS, Stand, of_institution, reminded, stands
from web.standing import badge

LEFT, WIDTH, ROW, TOP = 4, 292, 30, 22  # of the drawing, in its own units
ORDER = ("late", "soon", "wait", "calm", "done")  # the first that is among a day's gives its tone
WORDS = {"late": "逾期未报", "soon": "临期", "wait": "待审或延期", "calm": "未到期", "done": "已报"}
ROWS = 3000


@dataclass(frozen=True)
class Point:
    """Some items that fall due on one day: the worst of their tones, and what is said of them."""

    x: float
    tone: str
    said: str


@dataclass(frozen=True)
class Line:
    """One document's points; ``y`` is the middle of its line."""

    name: str
    document: str
    y: int
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Strip:
    """The drawing: its lines, where the months begin, and where today is."""

    year: int
    lines: tuple[Line, ...]
    months: tuple[tuple[int, float], ...]
    today: float
    height: int


def strip(session: Session, today: date, world: World, institution: str | None) -> Strip | None:
    """Return the drawing of today's year, None where nothing falls due in it."""
    query = select(Stored).where(
        col(Stored.due) >= date(today.year, 1, 1),
        col(Stored.due) <= date(today.year, 12, 31),
        col(Stored.status).not_in(("cancelled", "history")),
        *reminded(by_terms=True),
        of_institution(institution),
    )
    rows = session.exec(query.order_by(col(Stored.document), ENDS).limit(ROWS))
    return drawn(stands(session, rows, today), today, world)


def drawn(found: Iterable[Stand], today: date, world: World) -> Strip | None:
    """Return the drawing of these occurrences."""
    days: dict[str, dict[date, list[tuple[str, str]]]] = {}
    for one, status, said in found:
        tone = badge(one, status, said, today, world.workdays).tone
        ends = said.extended_to or one.due
        if ends is not None and ends.year == today.year:
            days.setdefault(one.document, {}).setdefault(ends, []).append((tone, one.title))
    if not days:
        return None
    lines = tuple(
        Line(_name(world, document), document, TOP + 24 + ROW * number, tuple(_points(of)))
        for number, (document, of) in enumerate(days.items())
    )
    months = tuple((month, _x(date(today.year, month, 1))) for month in range(1, 13))
    return Strip(today.year, lines, months, _x(today), TOP + 8 + ROW * len(lines))


def _points(days: dict[date, list[tuple[str, str]]]) -> Iterable[Point]:
    for day, items in sorted(days.items()):
        tone = min((tone for tone, _ in items), key=ORDER.index)
        titles = list(dict.fromkeys(title for _, title in items))
        more = f"等 {len(titles)} 件" if len(titles) > 1 else ""
        many = f"（{len(items)} 项）" if len(items) > 1 else ""
        yield Point(_x(day), tone, f"{day.month}月{day.day}日 {titles[0]}{more}{many}：{WORDS[tone]}")


def _x(day: date) -> float:
    begins = date(day.year, 1, 1)
    length = (date(day.year + 1, 1, 1) - begins).days
    return round(LEFT + WIDTH * (day - begins).days / length, 1)


def _name(world: World, document: str) -> str:
    found = world.documents.get(document)
    return (found.number or found.title) if found else document
