"""An event is recorded, by hand or because a change was seen, and starts its duty.

One change starts a duty once: its ``origin`` names it, and the store takes each name once.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from config.roster import Roster
from config.text import HIDDEN
from scheduler import queries
from scheduler.parties import Subject, subjects
from scheduler.recorded import EVENTS
from scheduler.refusals import Refused
from scheduler.revising import revise
from scheduler.world import World
from workflows.document import Document
from workflows.kinds import EventRule

CAUSE_LIMIT = 200


def happened(
    session: Session,
    document: str,
    watches: str,
    subjects_about: Collection[str],
    on: date,
    cause: str,
    origin: str,
    now: datetime,
    world: World,
    by: str,
    former: Roster | None = None,
    of: str | None = None,
) -> int:
    """Start the duties of a document that watch for a change; return how many were started.

    In the caller's transaction. ``subjects_about``: ids of the pairings or institutions that
    changed; ``on`` the local day; ``origin`` names the change for good, so that it counts once
    however often and by whomever it is seen. ``former``: the roster before it changed, for what is
    no longer on it. ``of``: the obligation the change was seen at.
    """
    found = 0
    for duty, about in starting(world, document, watches, subjects_about, former, of):
        started = [
            subject
            for subject in sorted(about)
            if _enter(session, document, duty.id, subject, on, cause, origin, now, by)
        ]
        if started:
            revise(session, document, [duty.id], started, now, world, by)
        found += len(started)
    return found


def starting(
    world: World,
    document: str,
    watches: str,
    subjects_about: Collection[str],
    former: Roster | None = None,
    of: str | None = None,
) -> Iterable[tuple[Any, set[str]]]:
    """Yield the duties that watch for a change, with the subjects of each that it is about.

    The arguments are those of ``happened``.
    """
    source, roster = world.documents[document], world.rosters[document]
    for duty in _watching(source, watches, of):
        about = _about(source, roster, duty, subjects_about)
        if former is not None:
            still = {one.id for one in _subjects(source, roster, duty)}
            about |= _about(source, former, duty, subjects_about) & still
        yield duty, about


def by_hand(
    session: Session,
    document: str,
    obligation: str,
    institution: str,
    on: date,
    cause: str,
    now: datetime,
    world: World,
    by: str,
    partner: str | None = None,
    again: bool = False,
) -> str:
    """Record an event that somebody tells of, and return the key of the duty that it started.

    ``institution`` and ``partner`` are ids. ``again``: it is another one, though told in the same
    words of the same day. Raises Refused where there is no such duty, where nobody or more than
    one is meant, for a day that has not come, and for what is recorded already.
    """
    source = world.documents.get(document)
    if source is None:
        raise Refused(f"没有应用过编号为“{document}”的文件", "现有文件见 duban documents")
    duty: Any = next((duty for duty in source.obligations if duty.id == obligation), None)
    events = [duty.id for duty in source.obligations if duty.kind == "event"]
    if duty is None or duty.kind != "event":
        what = "没有叫" if duty is None else "不是遇事即办的事项："
        raise Refused(f"{what}“{obligation}”", f"这份文件遇事即办的有：{'、'.join(events) or '无'}")
    if on > now.astimezone(world.timezone).date():
        raise Refused(f"日期 {on} 还没有到", "写已经发生的日期")
    if on < source.binds_from:
        raise Refused(f"日期 {on} 早于文件生效的 {source.binds_from}", "核对 --on")
    subject = _meant(source, world.rosters[document], duty, institution, partner, on)
    cause = cause.strip()
    if len(cause) > CAUSE_LIMIT or HIDDEN.search(cause):
        raise Refused("说明太长，或有看不见的字符", f"写成一行，不超过 {CAUSE_LIMIT} 个字")
    if not again and _told(session, document, obligation, subject, on, cause):
        said = "同一天、同样的事已经登记过" if cause else "这一天的事已经登记过"
        raise Refused(said, "确是另一件事的，用 --cause 写明不同，或加 --again")
    origin = f"hand:{uuid.uuid4()}"
    before = set(queries.keys_under(session, f"{document}/{obligation}/{subject}/"))
    _enter(session, document, obligation, subject, on, cause, origin, now, by)
    revise(session, document, [obligation], [subject], now, world, by)
    added = set(queries.keys_under(session, f"{document}/{obligation}/{subject}/")) - before
    return max(added, key=lambda key: (len(key), key))


def _watching(source: Document, watches: str, of: str | None) -> Iterable[Any]:
    for duty in source.obligations:
        rule = getattr(duty, "rule", None)
        if not isinstance(rule, EventRule) or rule.watches != watches:
            continue
        if of is None or rule.of == of:
            yield duty


def _subjects(source: Document, roster: Roster, duty: Any) -> list[Subject]:
    return subjects(source, roster, duty)


def _about(source: Document, roster: Roster, duty: Any, changed: Collection[str]) -> set[str]:
    """Return the ids of a duty's subjects that a change of pairings or institutions is about.

    A pairing is the business of who answers for it; an institution its own, or, where it has no
    part of its own in the duty, that of the body it reports through.
    """
    known = _subjects(source, roster, duty)
    ids = {one.id for one in known}
    found: set[str] = set()
    for name in changed:
        if name in ids:
            found.add(name)
        elif name in roster.institutions:
            found |= {roster.take(name, "reporter")} & ids
        found |= {
            one.id for one in known if any(f"{s.id}.{r.id}" == name for s, r in one.pairings)
        }
    return found


def _meant(
    source: Document, roster: Roster, duty: Any, institution: str, partner: str | None, on: date
) -> str:
    known = _subjects(source, roster.within(on, on), duty)
    found = [one for one in known if one.id == institution]
    found = found or [one for one in known if one.responsible.id == institution]
    found = found or [
        one
        for one in known
        if any(institution in (s.id, r.id) for s, r in one.pairings) or one.id == "all"
    ]
    if partner:
        found = [o for o in found if any(partner in (s.id, r.id) for s, r in o.pairings)]
    if not found:
        names = "、".join(dict.fromkeys(one.responsible.name for one in known[:5]))
        raise Refused("这一事项与这个单位无关", f"负责的有：{names}等" if names else "核对名册")
    if len(found) > 1:
        pairs = [f"{s.name}—{r.name}" for one in found[:5] for s, r in one.pairings[:1]]
        raise Refused(
            f"这个单位在这一事项里有 {len(found)} 份", f"用 --partner 写明对方：{'、'.join(pairs)}"
        )
    return found[0].id


def _told(
    session: Session, document: str, obligation: str, subject: str, on: date, cause: str
) -> bool:
    """Return whether an event by hand stands recorded just so."""
    column = EVENTS.c
    query = (
        select(column.id)
        .where(column.document == document, column.obligation == obligation)
        .where(column.subject == subject, column.on == on, column.cause == cause[:CAUSE_LIMIT])
        .where(column.origin.startswith("hand:"), column.withdrawn_at.is_(None))
    )
    return session.execute(query.limit(1)).first() is not None


def _enter(
    session: Session,
    document: str,
    obligation: str,
    subject: str,
    on: date,
    cause: str,
    origin: str,
    now: datetime,
    by: str,
) -> bool:
    """Store an event; return False where the change it names has started this duty already."""
    row = {
        "document": document,
        "obligation": obligation,
        "subject": subject,
        "on": on,
        "cause": cause[:CAUSE_LIMIT],
        "origin": f"{origin}|{document}|{obligation}|{subject}",
        "recorded_at": now,
        "recorded_by": by,
    }
    if not queries.insert_first(session, EVENTS, row):
        return False
    about = f"{document}/{obligation}/{subject}"
    detail = f"{on}；{cause}" if cause else str(on)
    entry = {"at": now, "who": by, "action": "event", "about": about, "detail": detail}
    queries.audit(session, [entry])
    return True
