"""The daily mail to the admin: that the service lives, what it did, what waits, what needs a hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

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
    lines += ["要你看的：", *needs] if needs else ["没有要你处理的。"]
    lines.append("这封信每天一封；哪天没有收到，就是服务停了，或者发不出邮件。")
    head = f"要看的 {len(needs)} 件" if needs else "一切正常"
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
    said = "、".join(f"{STATES[one]} {waiting[one]} 封" for one in WAITING if one in waiting)
    yield f"{local.month}月{local.day}日 {local:%H:%M} 以来：计划提醒 {planned} 条，交出邮件 {sent} 封。"
    yield f"等着的：{said or '没有邮件'}，另有 {pending} 条提醒待成信。"


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


def _needs(session: Session, since: datetime, now: datetime, world: World) -> Iterator[str]:
    """Yield what the admin has to look at: what stands still, what came to nothing since."""
    if (stopped := pause.current(session)) is not None:
        yield f"发信已暂停：{plain(stopped.reason, 200)}。改好 DUBAN_SMTP_* 后重新启动。"
    if (tripped := fuse.current(session)) is not None:
        held = _count(session, M.state == "held")
        yield f"普通提醒已扣住 {held} 封：{tripped.reason}。看过后用 duban outbox release 放行。"
    checked = proof.last(session)
    if checked is not None and checked.wrong:
        yield f"发件箱核对有误 {len(checked.wrong)} 处，见 duban doctor。"
    undecided = M.reason.is_distinct_from(DONE_MEANWHILE)
    doubtful = _count(session, M.state == "in_doubt", M.next_try_at.is_(None), undecided, PEOPLE)
    if doubtful:
        yield (
            f"{doubtful} 封不能确定邮件服务器是否收下：问对方收到没有，"
            "再用 duban outbox arrived 编号，或 duban outbox retry 编号。"
        )
    expired = _count(session, M.state == "expired", M.finished_at > since, PEOPLE)
    if expired:
        yield f"{expired} 封一直送不出，已过有用的时候：duban outbox --state expired，打电话告知。"
    stranded = list(_stranded(session, since))
    for recipient, reply in stranded[:SHOWN]:
        said = plain(reply or "", 100)
        yield f"{recipient} 拒收或退回，没有下一位联系人：{said}。改正联系人表，打电话告知。"
    if len(stranded) > SHOWN:
        yield f"还有 {len(stranded) - SHOWN} 个邮箱也是这样：duban outbox --state failed。"
    faults = feeds.faults(session)
    if faults:
        names = "、".join(feed_scopes.owner(one, world).name for one in list(faults)[:SHOWN])
        more = f" 等 {len(faults)} 个" if len(faults) > SHOWN else ""
        yield f"日历生成有误，仍在提供上一次的内容：{plain(names, 200)}{more}。原因见 duban doctor。"
    nobody = _count(session, N.planned_at > since, N.reason == NOBODY)
    if nobody:
        yield f"{nobody} 条提醒无人可送：duban outbox --state unsent，补联系人表。"


def _stranded(session: Session, since: datetime) -> Iterator[tuple[str, str | None]]:
    """Yield address and reply of mails that came to nothing and whose notices reach nobody else.

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
    for _, recipient, reply in session.execute(query):
        yield recipient, reply
