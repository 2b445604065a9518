"""The daily mail to the admin: that the service lives, what it did, what waits, what needs a hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import and_, func, literal, or_, select
from sqlmodel import Session

from notifications import alarms, feed_scopes, feeds, fuse, pause, proof
from notifications.claims import DONE_MEANWHILE
from notifications.listing import STATES, WAITING
from notifications.next_contact import FROM
from notifications.phrasing import brief, plain
from scheduler.hours import OPEN
from scheduler.queries import MESSAGES, NOBODY, NOT_TOLD, NOTICES, OCCURRENCES, mark, set_mark
from scheduler.rows import decode
from scheduler.world import World

NAME = "alive"  # the mark of the instant up to which the last one told
AHEAD = 7
SHOWN = 5
M, N = MESSAGES.c, NOTICES.c
PEOPLE = M.role.not_in(alarms.ROLES)
OPEN_DOUBT = M.reason.is_distinct_from(DONE_MEANWHILE)
UNDECIDED = (M.state == "in_doubt", M.next_try_at.is_(None), OPEN_DOUBT, PEOPLE)


class Need(NamedTuple):
    """Something to look at: how many mails or other things it is, and what is said of it."""

    mails: int
    others: int
    lines: tuple[str, ...]


def daily(session: Session, now: datetime, world: World) -> bool:
    """Queue the day's mail, from 09:00 local on every day; return whether it was this call."""
    local = now.astimezone(world.timezone)
    value = mark(session, NAME)
    before = datetime.fromisoformat(value) if value else None
    if not world.admin or local.time() < OPEN:
        return False
    if before is not None and before.astimezone(world.timezone).date() == local.date():
        return False
    since = min(before or now - timedelta(days=1), now)
    needs = list(_needs(session, since, now, world))
    lines = [*_figures(session, since, world), *_coming(session, local.date(), world)]
    if needs:
        lines += ["要你看的：", *(line for need in needs for line in need.lines)]
    else:
        lines.append("没有要你处理的。")
    lines.append("这封信每天一封；哪天没有收到，就是服务停了，或者发不出邮件。")
    head = _head(needs)
    subject = f"[督办·管理] {brief(local.date(), local.date())}平安信：{head}"
    alarms.tell(session, alarms.DAILY, 0, subject, lines, now, world)
    set_mark(session, NAME, now.isoformat())
    return True


def _count(session: Session, *where: Any) -> int:
    found: int = session.execute(select(func.count()).where(*where)).scalar_one()
    return found


def _figures(session: Session, since: datetime, world: World) -> Iterator[str]:
    planned = _count(session, N.planned_at > since)
    sent = _count(session, M.state == "sent", M.finished_at > since, PEOPLE)
    states = select(M.state, func.count()).where(M.state.in_(WAITING), PEOPLE)
    waiting: dict[str, int] = {one: many for one, many in session.execute(states.group_by(M.state))}  # noqa: C416
    pending = _count(session, N.message_id.is_(None), N.reason.is_(None))
    local = since.astimezone(world.timezone)
    said = "、".join(
        f"{STATES[one]} {waiting[one]} 封{_doubts(session) if one == 'in_doubt' else ''}"
        for one in WAITING
        if one in waiting
    )
    yield f"{local.month}月{local.day}日 {local:%H:%M} 以来：计划提醒 {planned} 条，交出邮件 {sent} 封。"
    yield f"等着的：{said or '没有邮件'}，另有 {pending} 条提醒待成信。"


def _doubts(session: Session) -> str:
    """Return how many mails in doubt wait for the admin, if not all do, and what of the others."""
    undecided = _count(session, *UNDECIDED)
    again = _count(session, M.state == "in_doubt", M.next_try_at.is_not(None), PEOPLE)
    done = _count(session, M.state == "in_doubt", M.next_try_at.is_(None), ~OPEN_DOUBT, PEOPLE)
    if not again and not done:
        return ""
    parts = ((undecided, "等你定"), (again, "会自动再交"), (done, "其间已办结、不用管"))
    return "（" + "，".join(f"{many} 封{what}" for many, what in parts if many) + "）"


def _head(needs: Sequence[Need]) -> str:
    mails, others = sum(one.mails for one in needs), sum(one.others for one in needs)
    parts = [f"{mails} 封邮件"] if mails else []
    parts += [f"{others} 件事"] if others else []
    return f"要看的 {'、'.join(parts)}" if parts else "一切正常"


def _mails(session: Session, *where: Any) -> Iterator[str]:
    """Yield the first mails, with number, recipient and subject, and where the others are."""
    query = select(M.id, M.recipient, M.subject).where(*where).order_by(M.id)
    found = session.execute(query.limit(SHOWN + 1)).all()
    for row in found[:SHOWN]:
        yield f"　第 {row.id} 号，{row.recipient}：{plain(row.subject, 80)}"
    if len(found) > SHOWN:
        yield f"　还有 {_count(session, *where) - SHOWN} 封。"


def _coming(session: Session, today: date, world: World) -> Iterator[str]:
    """Yield what the ladders will say on the next days."""
    start = datetime.combine(today + timedelta(days=1), time(), tzinfo=world.timezone)
    column = OCCURRENCES.c
    query = select(column.next_notice_at, column.document, column.obligation, column.key).where(
        column.next_notice_at >= start, column.next_notice_at < start + timedelta(days=AHEAD)
    )
    days: dict[date, Counter[tuple[str, str]]] = {}
    keys: dict[tuple[str, str], str] = {}
    for at, document, obligation, key in session.execute(query.order_by(column.next_notice_at)):
        day = at.astimezone(world.timezone).date()
        days.setdefault(day, Counter())[document, obligation] += 1
        keys.setdefault((document, obligation), key)
    bodies = select(column.document, column.obligation, column.body)
    titles = {
        (document, obligation): plain(decode(body).title, 30)
        for document, obligation, body in session.execute(
            bodies.where(column.key.in_(list(keys.values())))
        )
    }
    if not days:
        yield f"今后 {AHEAD} 天没有要提醒的。"
    for day, duties in days.items():
        named = "、".join(f"{titles[duty]} {many} 项" for duty, many in duties.most_common(SHOWN))
        more = " 等" if len(duties) > SHOWN else ""
        yield f"{brief(day, today)}要提醒 {duties.total()} 项：{named}{more}。"


def _needs(session: Session, since: datetime, now: datetime, world: World) -> Iterator[Need]:
    """Yield what the admin has to look at: what stands still, what came to nothing since."""
    home = world.base_url.rstrip("/")
    if (stopped := pause.current(session)) is not None:
        yield _other(
            f"发信已暂停：{plain(stopped.reason, 200)}。"
            "请查邮件服务器和 DUBAN_SMTP_*，改了设置要重新启动；通了就自动续发。"
        )
    if (tripped := fuse.current(session)) is not None:
        held = _count(session, M.state == "held")
        yield _other(
            f"普通提醒已扣住 {held} 封：{tripped.reason}。看过后用 duban outbox release 放行。"
        )
    checked = proof.last(session)
    if checked is not None and checked.wrong:
        yield _other(f"发件箱核对有误 {len(checked.wrong)} 处，见 duban doctor。")
    if doubtful := _count(session, *UNDECIDED):
        yield Need(doubtful, 0, (
            f"{doubtful} 封不能确定邮件服务器是否收下：问对方收到没有，"
            "再用 duban outbox arrived 编号，或 duban outbox retry 编号；"
            f"也可以在网页上定：{home}/outbox?state=in_doubt",
            *_mails(session, *UNDECIDED),
        ))  # fmt: skip
    late = (M.state == "expired", M.finished_at > since, PEOPLE)
    if expired := _count(session, *late):
        yield Need(expired, 0, (
            f"{expired} 封一直送不出，已过有用的时候：duban outbox --state expired，打电话告知。",
            *_mails(session, *late),
        ))  # fmt: skip
    stranded = list(_stranded(session, since))
    if stranded:
        lines = [
            f"第 {number} 号，{recipient} 拒收或退回，没有下一位联系人："
            f"{plain(reply or '', 100)}。改正联系人表，打电话告知。"
            for number, recipient, reply in stranded[:SHOWN]
        ]
        if len(stranded) > SHOWN:
            lines.append(f"还有 {len(stranded) - SHOWN} 封也是这样：duban outbox --state failed。")
        yield Need(len(stranded), 0, tuple(lines))
    faults = feeds.faults(session)
    if faults:
        names = "、".join(feed_scopes.owner(one, world).name for one in list(faults)[:SHOWN])
        more = f" 等 {len(faults)} 个" if len(faults) > SHOWN else ""
        yield _other(
            f"日历生成有误，生成过的内容仍照旧提供：{plain(names, 200)}{more}。原因见 duban doctor。",
            len(faults),
        )
    nobody = _count(session, N.planned_at > since, N.reason == NOBODY)
    if nobody:
        yield _other(
            f"{nobody} 条提醒无人可送：duban outbox --state unsent，补联系人表。", nobody
        )


def _other(line: str, many: int = 1) -> Need:
    return Need(0, many, (line,))


def _stranded(session: Session, since: datetime) -> Iterator[tuple[int, str, str | None]]:
    """Yield number, address and reply of mails that came to nothing and whose notices reach nobody else.

    They were passed on to nobody, and no other mailbox of the institution may have got them.
    """
    other, its = NOTICES.alias(), MESSAGES.alias()
    passed_on = other.c.note.like(literal(FROM) + N.recipient + " %")
    waits = and_(other.c.message_id.is_(None), other.c.reason.is_(None))
    reached = and_(
        other.c.institution == N.institution, or_(waits, its.c.state.not_in(NOT_TOLD))
    )
    elsewhere = (
        select(other.c.id)
        .outerjoin(its, its.c.id == other.c.message_id)
        .where(other.c.key == N.key, other.c.rung == N.rung, other.c.due == N.due)
        .where(other.c.id != N.id, or_(passed_on, reached))
        .correlate(NOTICES, MESSAGES)
    )
    query = (
        select(M.id, M.recipient, M.reply)
        .join(NOTICES, N.message_id == M.id)
        .where(M.state.in_(("failed", "bounced")), M.finished_at > since, PEOPLE)
        .where(~elsewhere.exists())
        .distinct()
        .order_by(M.id)
    )
    yield from (tuple(row) for row in session.execute(query))
