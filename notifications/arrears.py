"""What others owe, for a mail up the line: by duty, then who, with what was sent to them when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from notifications import links, shortfalls
from notifications.items import FOOTING, TEXT_LIMIT, Entry, Told, about, how, source, url
from notifications.links import PARAMETER, Signer
from notifications.phrasing import brief, on, plain
from notifications.replies import in_words
from notifications.stationed import first_day, is_gap, remaining, when
from scheduler.ladder import CHANGED, REVIEWS
from scheduler.matrix import KINDS
from scheduler.occurrences import Occurrence
from scheduler.world import World

NEVER_LEFT = ("failed", "bounced", "expired")
NOBODY, UNSURE = "nobody", "in_doubt"
OWN = "本单位"

Line = tuple[str, bool]  # a sentence, and whether it tells of something that went wrong


@dataclass(frozen=True)
class Owing:
    """Institutions of which the same is to be said; each with the address of its item."""

    names: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Arrear:
    """One duty of one due date, and who has not done it.

    ``when`` is the word before its date, ``undone`` the one before who it is, ``count`` how many
    institutions, and where there are more, items they are.
    """

    title: str
    when: str
    undone: str
    due: str
    remaining: str
    late: bool
    source: str
    count: str
    owing: tuple[Owing, ...]


def arrears(
    entries: Iterable[Entry],
    world: World,
    today: date,
    signer: Signer | None = None,
    reader: str = "",
) -> list[Arrear]:
    """Return what others owe, the oldest debt first.

    ``reader`` is the id of the recipient's institution: it may be among them.
    """
    duties: dict[tuple[object, ...], list[Entry]] = {}
    for entry in sorted(entries, key=lambda e: (e.due, e.occurrence.key)):
        one = entry.occurrence
        same = (
            entry.due, one.document, one.obligation, one.title, first_day(one, entry.due),
            one.number, one.clauses,
        )  # fmt: skip
        duties.setdefault(same, []).append(entry)
    return [_arrear(group, world, today, signer, reader) for group in duties.values()]


def ledger(entries: Iterable[Entry], world: World, signer: Signer) -> str:
    """Return the address of the 台账 of those below a mail's recipient, open without a session.

    It opens at the year and the document of the oldest debt that stands there. Where nothing is
    signed it is the first page's.
    """
    home = f"{world.base_url.rstrip('/')}/"
    token = signer.token(links.ledger(signer.institution))
    if not token:
        return home
    oldest = min(entries, key=lambda e: (e.occurrence.kind not in KINDS, e.due), default=None)
    asked = {}
    if oldest is not None:
        asked["document"] = oldest.occurrence.document
        if oldest.occurrence.kind in KINDS:
            asked["period"] = str((oldest.original or oldest.due).year)
    return f"{home}ledgers/{signer.institution}?{urlencode({**asked, PARAMETER: token})}"


def _arrear(
    group: Sequence[Entry], world: World, today: date, signer: Signer | None, reader: str
) -> Arrear:
    first = group[0]
    rows = {entry.occurrence.key: entry.occurrence.responsible for entry in group}
    often = Counter(rows.values())
    alike: dict[tuple[Line, ...], list[tuple[str, str]]] = {}
    for entry in sorted(group, key=lambda entry: entry.occurrence.responsible.id != reader):
        one = entry.occurrence
        own = one.responsible.id == reader
        name = OWN if own else plain(one.responsible.name)
        if (often[one.responsible] > 1 or is_gap(one)) and (apart := about(one)):
            name = f"{name}（{apart}）"
        lines = tuple(_lines(entry, today))
        if own:  # it is not told of its duty anywhere else
            lines = (*((line, False) for line in how(one)), *lines)
        alike.setdefault(lines, []).append((name, url(world, one.key, signer)))
    late = first.due < today
    return Arrear(
        title=plain(first.occurrence.title),
        when=shortfalls.when(first.occurrence, late) or when(first.occurrence, late),
        undone=_undone(first.occurrence),
        due=on(first_day(first.occurrence, first.due), today),
        remaining=shortfalls.ended_short(first.occurrence, late)
        or remaining(first.occurrence, world.workdays, today, first.due),
        late=late and not shortfalls.is_quota(first.occurrence),
        source=source(first.occurrence, world),
        count=f"{len(often)} 家" + (f" {len(rows)} 项" if len(rows) > len(often) else ""),
        owing=tuple(Owing(tuple(names), lines) for lines, names in alike.items()),
    )


def _undone(one: Occurrence) -> str:
    if shortfalls.is_quota(one):
        return "不够"
    return "无人驻点" if is_gap(one) else "未办"


def _lines(entry: Entry, today: date) -> Iterable[Line]:
    """Yield what was sent when, what reached nobody, and what else is to be known."""
    if entry.kept is not None:
        yield shortfalls.shortfall(entry.occurrence, entry.kept.tally, today), False
    told = [t for t in entry.told if t.rung not in (CHANGED, *REVIEWS)]
    sent = [t for t in told if t.outcome == "sent"]
    parts = []
    for word, side in (("已提醒", "before"), ("已催办", "after")):
        days = sorted({t.day for t in sent if t.rung.startswith(side)})
        if days:
            parts.append(f"{word} " + "、".join(brief(day, today) for day in days))
    if parts:
        yield "，".join(parts), False
    lost = (t for t in told if t.outcome in (*NEVER_LEFT, NOBODY))
    for day, why in dict.fromkeys((t.day, _why(t)) for t in lost):
        yield f"{brief(day, today)}的提醒没有送到：{why}", True
    for unsure in sorted({t.day for t in told if t.outcome == UNSURE}):
        yield f"{brief(unsure, today)}的提醒不能确定是否送到", True
    if not told and entry.due < today and entry.kept is None:
        yield "此前没有提醒送到过", True
    if entry.was:
        yield f"期限由{on(entry.was, today)}改为{on(entry.due, today)}", False
    if entry.note:
        yield plain(entry.note, TEXT_LIMIT), entry.was is None
    if entry.original and entry.original != entry.was:
        yield f"原定{on(entry.original, today)}，延期后的期限已写在上面", False
    if entry.occurrence.phase in FOOTING:
        yield FOOTING[entry.occurrence.phase], False


def _why(told: Told) -> str:
    if told.outcome == NOBODY:
        return plain(told.reason or "无人可送", TEXT_LIMIT)
    return in_words(told.reason, told.outcome)
