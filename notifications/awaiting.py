"""What waits for a mail's reader: reports to accept or return, wishes for more time to answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from notifications.items import TEXT_LIMIT, Entry, about, source, url
from notifications.links import Signer
from notifications.phrasing import brief, on, plain
from scheduler.ladder import ASKED, SUBMITTED
from scheduler.world import World

NEXT = "受理以后那一项办结；退回的请写明理由，对方会重新收到提醒。待审期间不再催报送单位。"
NEXT_ASKED = "同意的登记延期，提醒改按新的期限；没有登记以前，照常提醒申请的单位。"
_SAID = {SUBMITTED: "已报送，请受理或退回", ASKED: "申请延期，请答复"}
TITLE_LIMIT = 40


@dataclass(frozen=True)
class Review:
    """One duty of one date, and whose word on it waits: name, address, and what was said."""

    title: str
    due: str
    said: str
    source: str
    whose: tuple[tuple[str, str, str], ...]


def reviews(
    entries: Iterable[Entry], world: World, today: date, signer: Signer | None = None
) -> list[Review]:
    """Return what waits for a reader, by duty and date."""
    alike: dict[tuple[object, ...], list[Entry]] = {}
    for entry in sorted(entries, key=lambda e: (e.rung != SUBMITTED, e.due, e.occurrence.key)):
        one = entry.occurrence
        same = (entry.rung, one.document, one.obligation, one.title, one.due)
        alike.setdefault(same, []).append(entry)
    return [_review(group, world, today, signer) for group in alike.values()]


def _review(
    group: Sequence[Entry], world: World, today: date, signer: Signer | None
) -> Review:
    one = group[0].occurrence
    return Review(
        title=plain(one.title),
        due=f"期限 {on(one.due, today)}" if one.due else "",
        said=_SAID[group[0].rung],
        source=source(one, world),
        whose=tuple(
            (_name(entry), url(world, entry.occurrence.key, signer),
             plain(entry.note, TEXT_LIMIT) if entry.note else "")
            for entry in group
        ),
    )  # fmt: skip


def heading(entries: Sequence[Entry]) -> str:
    """Return the sentence at their head, as 待审：甲市人民医院已报送，请受理或退回."""
    said = []
    for rung in (SUBMITTED, ASKED):
        some = [entry for entry in entries if entry.rung == rung]
        if some:
            owing = {entry.occurrence.responsible for entry in some}
            name = plain(some[0].occurrence.responsible.name)
            who = name if len(owing) == 1 else f"{len(owing)} 家单位"
            many = f"有 {len(some)} 项" if len(some) > 1 else ""
            said.append(f"{who}{many}{_SAID[rung]}")
    return f"待审：{'；'.join(said)}" if said else ""


def subject(entries: Sequence[Entry], today: date) -> str:
    """Return the subject of a mail about nothing else."""
    first = min(entries, key=lambda e: (e.rung != SUBMITTED, e.due, e.occurrence.key))
    one = first.occurrence
    title = plain(one.title, TITLE_LIMIT)
    day = f" {brief(one.due, today)}到期的" if one.due else " "
    count = f"（共{len(entries)}项）" if len(entries) > 1 else ""
    return f"[督办] 待审：{plain(one.responsible.name)}{day}{title}{_SAID[first.rung]}{count}"


def follows(entries: Iterable[Entry]) -> str:
    """Return what happens next."""
    rungs = {entry.rung for entry in entries}
    return "".join(said for rung, said in ((SUBMITTED, NEXT), (ASKED, NEXT_ASKED)) if rung in rungs)


def _name(entry: Entry) -> str:
    name, apart = plain(entry.occurrence.responsible.name), about(entry.occurrence)
    return f"{name}（{apart}）" if apart else name
