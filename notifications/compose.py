"""A digest or an escalation for one recipient: the values, laid out by templates, as MIME bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from notifications import awaiting, shortfalls
from notifications.arrears import arrears, ledger
from notifications.items import Entry, Item, grouped, item, next_steps
from notifications.links import LASTS, Signer
from notifications.mime import Head, assemble, message_id
from notifications.phrasing import brief, on, plain, working_days
from notifications.stationed import first_day, is_gap, is_handover, is_relieved
from notifications.stationed import verb as own_verb
from notifications.wording import day as in_full
from scheduler.ladder import CHANGED, REVIEWS
from scheduler.world import World

TEMPLATES = Path(__file__).parent / "templates"
ROLES = {"liaison": "联络员", "coordinator": "协调员", "leader": "分管领导"}
TITLE_LIMIT = 40
REFERENCES = 10  # the newest mails of a case; a longer header is cut by some servers


@dataclass(frozen=True)
class Letter:
    """What goes into one mail: to whom, and about which notices. ``institution`` is an id."""

    recipient: str
    role: str
    day: date
    sequence: int
    institution: str
    office: str
    entries: tuple[Entry, ...]
    references: tuple[str, ...] = ()


class Composed(NamedTuple):
    """A mail ready to be stored: it is handed over exactly as it is here."""

    subject: str
    message_id: str
    body: bytes


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def key(recipient: str, role: str, day: date, sequence: int) -> str:
    """Return the key of a mail, from which its Message-ID is made."""
    return f"{recipient}\n{role}\n{day.isoformat()}\n{sequence}"


def compose(letter: Letter, world: World, now: datetime, secret: str = "") -> Composed:
    """Return a recipient's mail as of ``now`` (aware); the same letter gives the same bytes.

    ``secret`` signs its links to items (``links.secret``); without one they only lead there.
    Raises whatever a template raises; ValueError for a letter without entries.
    """
    if not letter.entries:
        raise ValueError("a mail about nothing")
    today = letter.day
    name = institution_name(letter.institution, world)
    subject = subject_of(letter.entries, name, today)
    head = Head(
        sender=world.mail_from,
        recipient=letter.recipient,
        name=name + _office(letter),
        subject=subject,
        message_id=message_id(
            key(letter.recipient, letter.role, letter.day, letter.sequence), world.mail_from
        ),
        at=now.astimezone(world.timezone),
        manage_url=f"{world.base_url.rstrip('/')}/notifications",
        references=letter.references[-REFERENCES:],
    )
    signer = Signer(secret, letter.institution, letter.role, letter.day)
    values = _values(letter, world, name, signer)
    text = _templates().get_template("digest.txt").render(values)
    html = _templates().get_template("digest.html").render(values)
    return Composed(subject, head.message_id, assemble(head, text, html))


def note(
    world: World, recipient: str, subject: str, lines: Sequence[str], now: datetime, named: str = ""
) -> Composed:
    """Return a short mail of the service's own, such as the one that tries the mail server.

    ``named``: the key from which its Message-ID is made, where it has one.
    """
    named = named or f"{recipient}\n{subject}\n{now.isoformat()}"
    identity = message_id(named, world.mail_from)
    manage = f"{world.base_url.rstrip('/')}/notifications"
    head = Head(world.mail_from, recipient, "", subject, identity, now, manage)
    values = {"subject": subject, "lines": lines, "home": world.base_url}
    text = _templates().get_template("note.txt").render(values)
    html = _templates().get_template("note.html").render(values)
    return Composed(subject, identity, assemble(head, text, html))


def institution_name(institution: str, world: World) -> str:
    """Return an institution's printed name in the first document that has it, or its id."""
    for roster in world.rosters.values():
        if found := roster.institutions.get(institution):
            return plain(found.name)
    return plain(institution)


def subject_of(entries: Sequence[Entry], name: str, today: date) -> str:
    """Return ``[督办] 机构：事项 9月20日到期（共2项）``, which mail rules can filter by.

    A mail that tells of something overdue is marked 催办; one that goes up the line names who owes.
    """
    owed = [entry for entry in entries if entry.rung not in REVIEWS]
    if not owed:
        return awaiting.subject(entries, today)
    groups = grouped(owed)
    first = groups[0][0]
    late = any(
        group[0].due < today and not shortfalls.is_quota(group[0].occurrence) for group in groups
    )
    owing = list(dict.fromkeys(g[0].occurrence.responsible.name for g in groups if not g[0].own))
    whose = name
    if len(owing) and not any(group[0].own for group in groups):
        whose = plain(owing[0]) + (f"等{len(owing)}家" if len(owing) > 1 else "")
    verb = shortfalls.verb(first.occurrence, first.due < today) or own_verb(first.occurrence)
    if verb is None:
        verb = "已到期" if first.due < today else "到期"
    if len(groups) == 1 and any(entry.rung == CHANGED for entry in groups[0]):
        verb = "到期，期限有变"
    count = f"（共{len(groups)}项）" if len(groups) > 1 else ""
    title = plain(first.occurrence.title, TITLE_LIMIT)
    day = first_day(first.occurrence, first.due)
    mark = "督办·催办" if late else "督办"
    return f"[{mark}] {whose}：{title} {brief(day, today)}{verb}{count}"


def heading(items: Sequence[Item], entries: Sequence[Entry], world: World, today: date) -> str:
    """Return the one sentence that says how many, and by when."""
    quotas = [entry for entry in entries if shortfalls.is_quota(entry.occurrence)]
    if quotas:
        groups = grouped(quotas)
        said = shortfalls.heading(len(groups), sum(group[0].due < today for group in groups))
        others = [entry for entry in entries if not shortfalls.is_quota(entry.occurrence)]
        if not others:
            return said
        pairs = zip(items, grouped(entries), strict=True)
        left = [one for one, group in pairs if not shortfalls.is_quota(group[0].occurrence)]
        return f"{heading(left, others, world, today)}；另有 {said}"
    late = sum(one.late for one in items)
    changed = sum(one.was is not None for one in items)
    if all(is_gap(entry.occurrence) for entry in entries):
        return f"{len(entries)} 处驻点空档，请尽快派驻并登记"
    if all(is_handover(entry.occurrence) for entry in entries):
        soonest = min(entry.due for entry in entries)
        known = all(is_relieved(entry.occurrence) for entry in entries)
        then = "下一批已登记，请做好交接" if known else "请安排接替"
        return f"{on(soonest, today)}{'起有' if len(items) > 1 else ''}驻点期满，{then}"
    if changed == len(items):
        return f"{changed} 项的期限有变"
    if late == len(items):
        return f"{late} 项已经逾期，请尽快办理并登记"
    soonest = min(entry.due for entry in entries if entry.due >= today)
    rest = len(items) - late
    if late:
        return f"{late} 项已经逾期，另有 {rest} 项要办，最近的{on(soonest, today)}到期"
    if rest == 1:
        return f"{on(soonest, today)}前还有 1 项要办"
    return f"还有 {rest} 项要办，最近的{on(soonest, today)}到期"


def above_heading(entries: Sequence[Entry], world: World, today: date) -> str:
    """Return the sentence at the head of what others owe."""
    quotas = [entry for entry in entries if shortfalls.is_quota(entry.occurrence)]
    if quotas:
        whose = len({entry.occurrence.responsible for entry in quotas})
        said = f"{whose} 家单位有 {len(grouped(quotas))} 项频次不够，请代为转告"
        others = [entry for entry in entries if not shortfalls.is_quota(entry.occurrence)]
        return f"{above_heading(others, world, today)}；另有{said}" if others else said
    owing = len({entry.occurrence.responsible for entry in entries})
    late = [entry for entry in entries if entry.due < today]
    if late and all(is_gap(entry.occurrence) for entry in entries):
        return f"{owing} 家单位有 {len(entries)} 处驻点空档"
    if not late:
        return f"{owing} 家单位有 {len(grouped(entries))} 项要办，请代为转告"
    spans = {working_days(world.workdays, entry.due, today) for entry in late}
    longest = max(spans)
    if len(spans) == 1 and len(late) == len(entries):
        return f"{owing} 家单位逾期 {longest} 个工作日未办"
    return f"{owing} 家单位有未办事项，最长已逾期 {longest} 个工作日"


def _office(letter: Letter) -> str:
    return plain(letter.office) or ROLES.get(letter.role, "")


def _values(letter: Letter, world: World, name: str, signer: Signer) -> dict[str, Any]:
    today = letter.day
    waiting = [entry for entry in letter.entries if entry.rung in REVIEWS]
    owed = [entry for entry in letter.entries if entry.rung not in REVIEWS]
    own = [entry for entry in owed if entry.own]
    others = [entry for entry in owed if not entry.own]
    items = [item(group, letter.institution, world, today, signer) for group in grouped(own)]
    owing = arrears(others, world, today, signer)
    reviews = awaiting.reviews(waiting, world, today, signer)
    return {
        "who": name + _office(letter),
        "today": in_full(today),
        "heading": heading(items, own, world, today) if items else "",
        "items": items,
        "above": above_heading(others, world, today) if others else "",
        "arrears": owing,
        "ledger": ledger(others, world, signer),
        "waits": awaiting.heading(waiting),
        "reviews": reviews,
        "next": (next_steps(owed, letter.institution, world, today) if owed else "")
        + awaiting.follows(waiting),
        "signed": bool(signer.secret),
        "lasts": LASTS.days,
        "manage": f"{world.base_url.rstrip('/')}/notifications",
        "own_ledger": ledger((), world, signer) if signer.secret else "",
        "preview": "；".join(f"{one.title} {one.due}" for one in items[:3])
        or "；".join(([one.title for one in owing] + [one.title for one in reviews])[:3]),
    }
