"""A digest or an escalation for one recipient: the values, laid out by templates, as MIME bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from notifications import awaiting, shortfalls
from notifications.arrears import OWN, arrears, ledger
from notifications.items import Entry, Item, grouped, item
from notifications.links import LASTS, Signer
from notifications.mime import Head, assemble, message_id
from notifications.onward import next_steps
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

    Of a date that is no working day it has the last working day too.
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
    beside = []
    if (last := _last_day(first, today)) is not None:
        beside.append(f"最后工作日{brief(last, today)}")
    if (many := _many(owed)) > 1:
        beside.append(f"共{many}项")
    count = f"（{'，'.join(beside)}）" if beside else ""
    title = plain(first.occurrence.title, TITLE_LIMIT)
    day = first_day(first.occurrence, first.due)
    mark = "督办·催办" if late else "督办"
    return f"[{mark}] {whose}：{title} {brief(day, today)}{verb}{count}"


def _last_day(entry: Entry, today: date) -> date | None:
    """Return the last working day of what is still to be done, where it is not the due date."""
    one = entry.occurrence
    if shortfalls.is_quota(one) or is_gap(one) or is_handover(one) or entry.due < today:
        return None
    last = one.last_working_day
    return last if last and today <= last < entry.due else None


def _many(entries: Iterable[Entry]) -> int:
    """Return how many items there are: as many as have a link in the mail."""
    return len({entry.occurrence.key for entry in entries})


def heading(items: Sequence[Item], entries: Sequence[Entry], world: World, today: date) -> str:
    """Return the one sentence that says how many, and by when."""
    quotas = [entry for entry in entries if shortfalls.is_quota(entry.occurrence)]
    if quotas:
        said = shortfalls.heading(_many(quotas), _many(e for e in quotas if e.due < today))
        others = [entry for entry in entries if not shortfalls.is_quota(entry.occurrence)]
        if not others:
            return said
        pairs = zip(items, grouped(entries), strict=True)
        left = [one for one, group in pairs if not shortfalls.is_quota(group[0].occurrence)]
        return f"{heading(left, others, world, today)}；另有 {said}"
    if all(is_gap(entry.occurrence) for entry in entries):
        return f"{_many(entries)} 处驻点空档，请尽快派驻并登记"
    if all(is_handover(entry.occurrence) for entry in entries):
        soonest = min(entry.due for entry in entries)
        known = all(is_relieved(entry.occurrence) for entry in entries)
        then = "下一批已登记，请做好交接" if known else "请安排接替"
        return f"{on(soonest, today)}{'起有' if len(items) > 1 else ''}驻点期满，{then}"
    led = sum(one.count for one in items if one.led)
    if led == sum(one.count for one in items):
        leads = list(dict.fromkeys(plain(entry.occurrence.responsible.name) for entry in entries))
        who = leads[0] if len(leads) == 1 else f"{len(leads)} 家单位"
        return _how_many(items, entries, today, f"由{who}牵头、本单位协助的 ", "请协助尽快办结")
    said = _how_many(items, entries, today, "", "请尽快办理并登记")
    return f"{said}；其中 {led} 项由其他单位牵头，本单位协助" if led else said


def _how_many(
    items: Sequence[Item], entries: Sequence[Entry], today: date, whose: str, please: str
) -> str:
    total = sum(one.count for one in items)
    late = sum(one.count for one in items if one.late)
    if all(one.was is not None for one in items):
        return f"{whose}{total} 项的期限有变"
    if late == total:
        return f"{whose}{late} 项已经逾期，{please}"
    days = {entry.due for entry in entries if entry.due >= today}
    soonest, rest = min(days), total - late
    if late:
        return f"{whose}{late} 项已经逾期，另有 {rest} 项要办，最近的{on(soonest, today)}到期"
    if len(days) == 1:
        end = f"{whose}{rest} 项要办结" if whose else f"还有 {rest} 项要办"
        return f"{on(soonest, today)}前{end}"
    return f"{whose or '还有 '}{rest} 项要办，最近的{on(soonest, today)}到期"


def above_heading(entries: Sequence[Entry], world: World, today: date, reader: str = "") -> str:
    """Return the sentence at the head of what others owe; the ``reader`` may be one of them."""
    quotas = [entry for entry in entries if shortfalls.is_quota(entry.occurrence)]
    if quotas:
        whose, please = _whose(quotas, reader)
        said = f"{whose}有 {_many(quotas)} 项频次不够，{please}"
        others = [entry for entry in entries if not shortfalls.is_quota(entry.occurrence)]
        return f"{above_heading(others, world, today, reader)}；另有{said}" if others else said
    owing, please = _whose(entries, reader)
    late = [entry for entry in entries if entry.due < today]
    if late and all(is_gap(entry.occurrence) for entry in entries):
        return f"{owing}有 {_many(entries)} 处驻点空档"
    if not late:
        return f"{owing}有 {_many(entries)} 项要办，{please}"
    spans = {working_days(world.workdays, entry.due, today) for entry in late}
    longest = max(spans)
    if len(spans) == 1 and len(late) == len(entries):
        return f"{owing}逾期 {longest} 个工作日未办"
    return f"{owing}有未办事项，最长已逾期 {longest} 个工作日"


def _whose(entries: Sequence[Entry], reader: str) -> tuple[str, str]:
    """Return who owes, and what the reader is asked to do about it."""
    owing = {entry.occurrence.responsible for entry in entries}
    below = {party for party in owing if party.id != reader}
    if not below:
        return OWN, "请尽快办理"
    if len(below) == len(owing):
        return f"{len(owing)} 家单位", "请代为转告"
    return f"{OWN}和另外 {len(below)} 家单位", "请办理，并代为转告"


def _office(letter: Letter) -> str:
    return plain(letter.office) or ROLES.get(letter.role, "")


def _values(letter: Letter, world: World, name: str, signer: Signer) -> dict[str, Any]:
    today = letter.day
    waiting = [entry for entry in letter.entries if entry.rung in REVIEWS]
    owed = [entry for entry in letter.entries if entry.rung not in REVIEWS]
    own = [entry for entry in owed if entry.own]
    others = [entry for entry in owed if not entry.own]
    items = [item(group, letter.institution, world, today, signer) for group in grouped(own)]
    owing = arrears(others, world, today, signer, letter.institution)
    reviews = awaiting.reviews(waiting, world, today, signer)
    return {
        "who": name + _office(letter),
        "today": in_full(today),
        "heading": heading(items, own, world, today) if items else "",
        "items": items,
        "above": above_heading(others, world, today, letter.institution) if others else "",
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
