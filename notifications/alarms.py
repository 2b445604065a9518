"""Mails of the service's own to the admin: at once when something stands still, of each kind one
a day. They go through the outbox like any other, at any hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from notifications.compose import key, note
from scheduler.queries import MESSAGES, insert_ignoring
from scheduler.world import World

DAILY, ALARM = "admin", "alarm"  # the roles under which they stand in the outbox
ROLES = (DAILY, ALARM)
PAUSED, TRIPPED, UNSOUND, SILENT = range(4)  # the kinds of alarm; of each one a day
OUTBOX = "看发件箱：duban outbox；体检：duban doctor。"


def tell(
    session: Session,
    role: str,
    kind: int,
    subject: str,
    lines: Sequence[str],
    now: datetime,
    world: World,
) -> None:
    """Queue a mail to the admin, if there is one and it has not had this kind today."""
    if not world.admin:
        return
    local = now.astimezone(world.timezone)
    named = key(world.admin, role, local.date(), kind)
    mail = note(world, world.admin, subject, lines, local, named)
    row = {
        "recipient": world.admin, "role": role, "day": local.date(), "sequence": kind,
        "institution": "", "office": "管理员", "placeholder": False, "statutory": False,
        "subject": mail.subject, "message_id": mail.message_id, "body": mail.body,
        "state": "ready", "attempt": 0, "handed": 0, "next_try_at": now, "composed_at": now,
    }  # fmt: skip
    insert_ignoring(session, MESSAGES, [row])


def paused(session: Session, now: datetime, world: World, reason: str) -> None:
    """Say that the queue stands still; it arrives when mail flows again, or elsewhere."""
    lines = [
        f"邮件服务器的答复：{reason}",
        "原因在邮件服务器或我们的帐号，与收件人无关，所以全部邮件先停下，没有一封作废。",
        "核对 DUBAN_SMTP_* 设置，改好后重新启动；过一会儿会拿一封试发，通了自动恢复。",
        OUTBOX,
    ]
    tell(session, ALARM, PAUSED, "[督办·管理] 发信已暂停", lines, now, world)


def silent(session: Session, now: datetime, world: World, reason: str) -> None:
    """Say that the queue stands still because nobody can tell what the relay accepts."""
    lines = [
        f"{reason}。",
        "为免每封都成为不确定，全部邮件先停下；停下期间只隔一阵拿一封试发，通了自动恢复，"
        "法定类的那一次原样再交也等到那时。",
        "请查邮件服务器：是不是收到正文后断线或不答复；它的日志里有没有已经收下的。",
        "看已经不确定的：duban outbox --state in_doubt。日志里都收下了的，"
        "duban outbox arrived --all-in-doubt；都没有收下的，恢复后 duban outbox retry --all-in-doubt。",
        OUTBOX,
    ]
    tell(session, ALARM, SILENT, "[督办·管理] 邮件服务器收信后不答复，发信已暂停", lines, now, world)


def tripped(session: Session, now: datetime, world: World, reason: str) -> None:
    """Say that ordinary mail is held."""
    lines = [
        reason,
        "多半是文件改错了、时钟跳了，或者恢复了旧备份。普通提醒已扣住，法定类照发。",
        "看过发件箱里扣住的邮件：没有问题，用 duban outbox release 放行，放行时办结了的不再发；"
        "有问题，先改正，再放行。",
        OUTBOX,
    ]
    tell(session, ALARM, TRIPPED, "[督办·管理] 邮件多得反常，普通提醒已扣住", lines, now, world)


def unsound(session: Session, now: datetime, world: World, found: Sequence[str]) -> None:
    """Say that the hourly proof failed."""
    lines = [
        "每小时的核对发现下列提醒或邮件不在唯一、合法的状态里：",
        *found[:10],
        "请保留数据文件夹和日志，报告给维护者。",
        OUTBOX,
    ]
    tell(session, ALARM, UNSOUND, "[督办·管理] 发件箱核对有误", lines, now, world)
