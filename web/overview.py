"""The first page: what is due, on what footing, which documents apply, what mail went out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from notifications import elsewhere, feeds, fuse, pause, proof
from notifications.fuse import Tripped
from notifications.listing import WAITING
from notifications.pause import Pause
from notifications.proof import Proof
from scheduler.occurrences import Occurrence
from scheduler.postponing import postponed
from scheduler.rows import decode
from scheduler.running_gaps import running
from scheduler.store import reading
from web import figures, queries, requests, year
from web.documents import described
from web.house import House
from web.queries import Stand
from web.rendering import Pages
from web.standing import SOON, Badge, badge
from workflows.workdays import Workdays

AHEAD = timedelta(days=120)
GROUPS = 20
ROWS = 800
LATE_ROWS = 200
LATE_GROUPS = 10
WAITING_ROWS = 200
MAILS = 5


@dataclass(frozen=True)
class Member:
    """One institution's part in a group."""

    one: Occurrence
    badge: Badge


@dataclass(frozen=True)
class Group:
    """One obligation on one day, with everyone who owes it then."""

    members: tuple[Member, ...]

    @property
    def first(self) -> Occurrence:
        """Return the occurrence that speaks for the group."""
        return self.members[0].one

    @property
    def badge(self) -> Badge:
        """Return how the group stands: as its first member, who is as late as any."""
        return self.members[0].badge

    @property
    def kind_of(self) -> str:
        """Return who owes it, in a few words."""
        names = self._names
        return names[0] if len(names) == 1 else f"{len(names)} 家单位各自负责"

    @property
    def one_each(self) -> bool:
        """Return whether every institution owes it once."""
        return len(self._names) == len(self.members)

    @property
    def names(self) -> str:
        """Return the first names and how many more."""
        names = self._names
        if len(names) == 1:
            return f"{len(self.members)} 对帮扶关系"
        return "、".join(names[:2]) + (f" 等 {len(names)} 家" if len(names) > 2 else "")

    @property
    def _names(self) -> list[str]:
        return list(dict.fromkeys(member.one.responsible.name for member in self.members))


def grouped(stands: Iterable[Stand], today: date, workdays: Workdays) -> list[Group]:
    """Return occurrences by obligation and the day that counts, in the order in which they come."""
    found: dict[tuple[str, str, date | None], list[Member]] = {}
    for text, status, said in stands:
        one = postponed(text, said.extended_to, workdays)
        member = Member(one, badge(text, status, said, today, workdays))
        found.setdefault((one.document, one.obligation, one.due), []).append(member)
    return [Group(tuple(members)) for members in found.values()]


def without_liaison(house: House, debtors: Iterable[str], today: date) -> list[str]:
    """Return the names of those institutions for whom no liaison is registered."""
    names, contacts = house.institutions(), house.world.contacts
    return [names.get(one, one) for one in debtors if not contacts.holders(one, "liaison", today)]


def routes(house: House, pages: Pages) -> APIRouter:
    """Return the first page's route."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def overview(institution: str = "") -> HTMLResponse:
        today, world = house.today, house.world
        chosen = house.find(institution) if institution.strip() else None
        far, soon = today + AHEAD, world.workdays.forward(today, SOON)
        with reading(house.engine) as session:
            numbers = figures.figures(session, today, soon, far, chosen)
            timely = figures.on_time(session, today, chosen)
            coming = queries.between(session, today, far, ROWS, chosen)
            late = queries.overdue(session, today, LATE_ROWS, chosen)
            waiting_for = queries.awaiting(session, today, WAITING_ROWS, chosen)
            strip = year.strip(session, today, world, chosen)
            gaps = running(session, world, today, frozenset({chosen}) if chosen else None)
            wishes = requests.unanswered(session, MAILS)
            counts = queries.message_counts(session)
            waiting = queries.pending(session)
            latest = queries.messages(session, None, MAILS)
            debtors = queries.debtors(session, today, today + timedelta(days=365))
            faults = feeds.faults(session)
            stopped, held = pause.current(session), fuse.current(session)
            copied = elsewhere.current(session)
            proved = proof.last(session)
        near = grouped(coming, today, world.workdays)
        behind = grouped(late, today, world.workdays)[:LATE_GROUPS]
        documents = described(house)
        return pages.page(
            "overview.html",
            here="/",
            figures=numbers,
            timely=timely,
            institution=house.name(chosen) if chosen else "",
            asked=institution.strip(),
            awaiting=grouped(waiting_for, today, world.workdays)[:LATE_GROUPS],
            strip=strip,
            gaps=gaps,
            wishes=[(asked, decode(row.body)) for asked, row in wishes],
            documents=documents,
            names={one.id: one.number or one.title for one in documents},
            differing=house.differing(),
            faults=[
                *([f"{copied}。{elsewhere.CURE}。"] if copied else []),
                *_outbox(stopped, held, proved),
                *_faults(house, faults),
            ],
            near=near[:GROUPS],
            more=len(near) > GROUPS or len(coming) == ROWS,
            late=behind,
            late_shown=sum(len(group.members) for group in behind),
            far=far,
            counts=counts,
            waiting=waiting + sum(counts.get(state, 0) for state in WAITING),
            latest=latest,
            mail=house.mail,
            missing=without_liaison(house, debtors, today),
            institutions=dict.fromkeys(house.institutions().values()),
            asked_institution="",
            asked_name="",
        )

    return router


def _outbox(stopped: Pause | None, held: Tripped | None, proved: Proof | None) -> Iterable[str]:
    """Yield what the admin has to do about the mails, as banners."""
    if stopped:
        yield f"发信已暂停：{stopped.reason}。设置改好后会自动恢复。"
    if held:
        yield (
            f"普通提醒已扣住：{held.reason}。法定类照发。"
            "看过邮件页没有问题，用 duban outbox release 放行；有问题先改正。"
        )
    if proved and proved.wrong:
        yield f"发件箱核对有误 {len(proved.wrong)} 处：{proved.wrong[0]}。见 duban doctor。"


def _faults(house: House, feed_faults: Iterable[str]) -> list[str]:
    said = [
        f"{problem.path} 第 {problem.line} 行有错误，这份文件仍用已应用的版本：{problem.message}"
        for problem in house.files.problems
        if problem.severity == "error"
    ]
    names = [house.name(institution) for institution in feed_faults]
    if names:
        said.append(f"{'、'.join(names)}的日历生成有误，生成过的内容仍照旧提供。")
    return said
