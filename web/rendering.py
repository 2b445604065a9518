"""Templates to pages: one environment, escaping always on, words and dates as filters."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.exc import SQLAlchemyError

from notifications import wording
from notifications.listing import STATES
from notifications.phrasing import brief
from scheduler.facts import WORDS
from scheduler.occurrences import Occurrence
from scheduler.tables import Message
from web import acting
from web.house import House
from web.standing import Badge

HERE = Path(__file__).parent
ROLES = {**acting.ROLES, "admin": "管理员"}
_TONES = {
    "sent": "done",
    "failed": "late",
    "bounced": "late",
    "expired": "late",
    "in_doubt": "soon",
    "held": "soon",
    "cancelled": "calm",
}


def partner(one: Occurrence) -> str:
    """Return the side of a single pairing that is not responsible; both where neither is."""
    others = [party.name for party in one.pairings[0] if party.id != one.responsible.id]
    return "—".join(others)


def mail_badge(message: Message) -> Badge:
    """Return how a message stands."""
    return Badge(_TONES.get(message.state, "wait"), STATES[message.state])


class Pages:
    """Renders the templates for one house; instants are shown in its zone."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._zone: ZoneInfo = house.base.timezone
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
        )
        self._environment.filters |= {
            "day": wording.day,
            "short_day": wording.short_day,
            "near_day": lambda day: brief(day, house.today),
            "weekday": lambda day: wording.WEEKDAYS[day.weekday()],
            "citation": wording.citation,
            "who": wording.who,
            "partner": partner,
            "last_working_day": wording.last_working_day,
            "submission": wording.submission,
            "quota": wording.quota,
            "kind": wording.KINDS.__getitem__,
            "phase": wording.PHASES.__getitem__,
            "phase_note": wording.PHASE_NOTES.__getitem__,
            "state": STATES.__getitem__,
            "role": lambda role: ROLES.get(role, role),
            "fact": lambda kind: WORDS.get(kind, kind),
            "mail_badge": mail_badge,
            "at": self._at,
            "local_day": self._local_day,
            "local_time": lambda at: f"{at.astimezone(self._zone):%H:%M}",
        }

    def page(
        self, template: str, *, status: int = 200, here: str = "", signed_in: bool = True, **values: Any
    ) -> HTMLResponse:
        """Return a page; ``here`` is the entry of the navigation that it belongs to."""
        values |= {
            "here": here, "signed_in": signed_in, "today": self._house.today,
            "theme": self._house.theme.is_file(), "invented": status < 500 and self._invented(),
        }  # fmt: skip
        text = self._environment.get_template(template).render(values)
        return HTMLResponse(text, status_code=status)

    def _invented(self) -> bool:
        try:
            return self._house.invented
        except SQLAlchemyError:
            return False

    def _at(self, at: datetime) -> str:
        local = at.astimezone(self._zone)
        return f"{self._local_day(at)} {local:%H:%M}"

    def _local_day(self, at: datetime) -> str:
        day = at.astimezone(self._zone).date()
        short = wording.short_day(day)
        return short if day.year == self._house.today.year else f"{day.year}年{short}"


def no_link(pages: Pages, status: int, admin: str, what: str = "这一项") -> HTMLResponse:
    """Return the page for a link that opens nothing; ``admin`` is whom to ask, or empty.

    ``what`` it should have opened, in Chinese.
    """
    heading, said = _LINKS[status]
    heading = heading.format(what)
    ask = f"或者写信给管理员 {admin}" if admin else "或者告诉督办管理员"
    advice = f"请用最近一封提醒邮件里的链接；{ask}，请他登记或者重发。"
    return pages.page(
        "refused.html", status=status, signed_in=False, heading=heading, said=said, advice=advice
    )


_LINKS = {
    403: (
        "这个链接打不开{}",
        "它不完整，或者是给别处的。复制时常会漏掉末尾几个字。没有改动任何东西。",
    ),
    410: ("这个链接过期了", "邮件里的链接90天内有效。没有改动任何东西。"),
}


def refusal(pages: Pages, status: int) -> HTMLResponse:
    """Return the page that says why a request is refused, and what to do."""
    heading, said, advice = _REFUSALS.get(status, _REFUSALS[500])
    return pages.page(
        "refused.html", status=status, signed_in=False, heading=heading, said=said, advice=advice
    )


_REFUSALS = {
    401: (
        "请先登录",
        "这一页要登录后才能看。",
        "管理员：用 duban serve 启动时打印的一次性登录链接打开；链接用过或过期了，重新启动会打印新的。"
        "从提醒邮件来的：请点邮件里那一项的链接，它不用登录就能看、能登记。"
        "从日历来的：要办什么，日历的说明里已经写全；要登记，请用提醒邮件里的链接。",
    ),
    400: ("没有办成", "提交的内容读不出来，没有改动任何东西。", "请返回再试一次。"),
    403: (
        "没有办成",
        "这次提交不是从督办自己的页面发出的，没有改动任何东西。",
        "回到督办的页面再试一次。经过代理时，请把 DUBAN_BASE_URL 设成浏览器里看到的网址。",
    ),
    404: ("没有这一页", "地址可能写错了，或者对应的事项已经不在台账里。", "可以从总览重新找。"),
    405: ("没有办成", "这个地址不接受这样的请求，没有改动任何东西。", ""),
    413: (
        "提交的内容太大",
        "没有改动任何东西。",
        "佐证文件每个最多 20 MB。请压缩图片、拆成几个文件，或者只写下文件存放的地址。",
    ),
    422: ("没有办成", "提交的内容不完整，没有改动任何东西。", "请返回补全后再试。"),
    500: (
        "程序出错了",
        "这次没有办成，已有的数据没有改动。",
        "请把时间和正在做的事告诉管理员，日志里有详细记录。",
    ),
    503: (
        "暂时办不了",
        "数据库暂时用不了，没有改动任何东西。",
        "过一会儿再试；还是不行的，请管理员看 /readyz 和日志。",
    ),
}
