"""A fact is recorded: what someone says of an occurrence, with all that follows from it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import func
from sqlmodel import Session, select

from scheduler import agreements, queries, recalling, reviewing, telling
from scheduler.applying import settle
from scheduler.facts import KINDS, SETTLED, WORDS, Reading, Said, read
from scheduler.fitting import check, check_form, check_text
from scheduler.postponing import postponed
from scheduler.refusals import Refused
from scheduler.revising import let_go
from scheduler.rows import decode
from scheduler.statement import Statement, from_json
from scheduler.store import one_planner
from scheduler.tables import Fact, StoredOccurrence
from scheduler.world import World

__all__ = ["KINDS", "WORDS", "Refused", "Statement", "check_form", "from_json", "record", "stored_key"]

AT_ONCE = "接收单位没有用本系统，报送即算办结"


def record(session: Session, said: Statement, now: datetime, by: str, world: World) -> str:
    """Store a fact in the caller's transaction and return the occurrence's new status.

    Status, deadline, next notice, audit log and mails that wait follow in the same transaction;
    whoever receives a report that waits for acceptance is told.
    A report counts as done at once where nobody who receives it uses the service. Raises Refused
    where the occurrence or what is said of it does not allow it.
    """
    one_planner(session)
    today = now.astimezone(world.timezone).date()
    said = replace(said, key=stored_key(session, said.key))
    check_form(said, today)
    row = session.get_one(StoredOccurrence, said.key)
    one, status = decode(row.body), row.status
    facts = _all(session, said.key)
    counting = [_said(fact) for fact in _counting(facts)]
    before = read(counting)
    check(said, one, status, before, counting, today)
    asked = said.kind
    if asked == "submitted" and not receives_here(one.recipients, one.document, world, today):
        said = replace(said, kind="completed", reason=said.reason or AT_ONCE)
    target = _target(said, facts) if asked == "corrected" else None
    fact = Fact(
        key=said.key,
        kind=said.kind,
        on=said.on or today,
        until=said.until if said.kind in ("acknowledged", "extended") else None,
        reason=said.reason,
        basis=said.basis,
        evidence=said.evidence,
        recorded_at=now,
        recorded_by=by,
    )
    session.add(fact)
    session.flush()
    after = _supersede(session, [*facts, fact], fact, target)
    changing = agreements.changing(session, _counting([*facts, fact]))
    number, earlier = fact.id or 0, [old.id or 0 for old in facts]
    detail = _detail(asked, fact, target)
    session.expunge_all()  # from here on the rows change by statements
    recalling.recall(session, [said.key], now, f"事项{WORDS[asked]}，另拟新信")
    old = postponed(one, before.extended_to, world.workdays)
    new = postponed(one, after.extended_to, world.workdays)
    if new.due != old.due:
        recalling.drop_pending(session, {said.key: new.due}, "期限已改")
    settle(session, [said.key], now, world)
    opened = before.stage in SETTLED and after.stage not in SETTLED
    gone = opened and let_go(session, one, now, world, by)
    if new.due and new.due != old.due and after.stage in ("open", "returned") and not gone:
        telling.moved(session, {said.key: new.due}, {}, now, world, _why(fact, asked))
    if after.stage == "submitted" and before.stage != "submitted":
        reviewing.submitted(session, new, after, fact, now, world)
    entry = {"at": now, "who": by, "action": "record", "about": said.key, "detail": detail}
    queries.audit(session, [entry])
    if number in changing:
        agreements.started(session, one, number, today, now, world, by)
    elif asked == "corrected":
        unchanged = [old for old in earlier if old not in changing]
        agreements.taken_back(session, unchanged, now, world, by)
    return queries.statuses(session, [said.key])[said.key]


def stored_key(session: Session, key: str) -> str:
    """Return the key as it is stored; small and capital letters are the same to whoever writes it.

    Raises Refused, with the nearest ones, where there is none.
    """
    check_text("事项编号", key)
    key = key.strip()
    if queries.statuses(session, [key]):
        return key
    column = queries.OCCURRENCES.c.key
    query = select(column).where(func.lower(column) == key.lower()).limit(2)
    alike: list[str] = list(session.execute(query).scalars())
    if len(alike) != 1:
        raise Refused(f"没有这一事项：{key}", _nearest(session, key))
    return alike[0]


def receives_here(
    recipients: Sequence[tuple[str | None, str]], document: str, world: World, on: date
) -> bool:
    """Return whether somebody who receives a report uses the service, and so can accept it.

    That is who has a coordinator or liaison in the list of contacts on a local day; of an office,
    the body that it belongs to will do.
    """
    known = world.rosters[document].institutions
    for institution, _ in recipients:
        found = known.get(institution or "")
        bodies = [institution, found.parent if found and found.parent else None]
        for body in bodies:
            if body and any(
                world.contacts.holders(body, role, on) for role in ("coordinator", "liaison")
            ):
                return True
    return False


def _all(session: Session, key: str) -> list[Fact]:
    column = queries.FACTS.c
    return list(session.exec(select(Fact).where(column.key == key).order_by(column.id)))


def _counting(facts: Sequence[Fact]) -> list[Fact]:
    """Return the facts that no correction withdrew, in the order of their recording."""
    corrections = {fact.id for fact in facts if fact.kind == "corrected"}
    return [f for f in facts if f.kind != "corrected" and f.superseded_by not in corrections]


def _said(fact: Fact) -> Said:
    return Said(fact.kind, fact.on, fact.until, fact.id or 0)


def _target(said: Statement, facts: Sequence[Fact]) -> Fact:
    """Return the fact that a correction withdraws: the one it names, or the latest that stands."""
    counting = _counting(facts)
    if said.fact is None:
        standing = [fact for fact in counting if fact.superseded_by is None]
        if not standing:
            raise Refused("这一事项没有可更正的登记", "登记过的见这一事项的页面")
        return standing[-1]
    for fact in counting:
        if fact.id == said.fact:
            return fact
    if any(fact.id == said.fact for fact in facts):
        raise Refused(f"第 {said.fact} 号登记已经更正过", "要恢复就再登记一次")
    raise Refused(f"这一事项没有第 {said.fact} 号登记", "编号见这一事项的页面")


def _supersede(
    session: Session, facts: Sequence[Fact], newest: Fact, target: Fact | None
) -> Reading:
    """Note on every fact which one took its place, and return what they come to now.

    What a correction leaves without ground (an acceptance of nothing) is superseded by itself: it
    is kept, and counts again should another correction give it its ground back.
    """
    if target is not None:
        target.superseded_by = newest.id
    counting = _counting(facts)
    found = read(map(_said, counting))
    for fact in counting:
        by = found.superseded.get(fact.id or 0)
        fact.superseded_by = (by or fact.id) if by is not None else None
    session.flush()
    return found


def _detail(asked: str, fact: Fact, target: Fact | None) -> str:
    kind = asked if asked == fact.kind else f"{asked}→{fact.kind}"
    which = f"更正第 {target.id} 号登记（{WORDS[target.kind]}）" if target else None
    parts = (kind, which, fact.on, fact.until, fact.basis, fact.reason, fact.evidence)
    return "；".join(str(part) for part in parts if part)


def _why(fact: Fact, asked: str) -> str:
    if asked == "corrected":
        return "更正了延期的登记"
    return f"经{fact.basis}延期" if fact.basis else "经延期"


def _nearest(session: Session, key: str) -> str:
    document, _, rest = key.partition("/")
    keys = queries.keys_like(session, f"{document}/{rest.partition('/')[0]}/") or queries.keys_like(
        session, f"{document}/"
    )
    near = difflib.get_close_matches(key, keys[:5_000], 3, 0.5)
    return f"相近的有：{'、'.join(near)}" if near else "用 duban deadlines --store 查看编号"
