"""Whether the service is ready to do its work, and its figures for a monitor."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from sqlalchemy.exc import SQLAlchemyError

from notifications import deciding, pause, proof
from notifications.pause import Pause
from notifications.proof import Proof
from scheduler.queries import mark
from scheduler.store import reading
from web import queries
from web.house import House

TICKED = "tick"  # the mark of the last round
STALE = timedelta(minutes=10)
UNSENT = timedelta(hours=2)
REACH = 3.0  # seconds to wait for the mail server
REMEMBERED = 60.0  # seconds that an answer about the mail server is believed


class Check(NamedTuple):
    """One thing looked at; ``said`` is in Chinese."""

    good: bool
    said: str


class MailServer:
    """Whether the mail server can be reached, asked at most once a minute."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._guard = threading.Lock()
        self._known: tuple[float, Check] | None = None

    def __call__(self) -> Check:
        """Return what is known, asking anew when that is old."""
        with self._guard:
            if self._known is None or time.monotonic() - self._known[0] > REMEMBERED:
                self._known = (time.monotonic(), self._ask())
            return self._known[1]

    def _ask(self) -> Check:
        settings = self._house.settings
        if settings.smtp_host is None:
            return _writable(settings.data)
        try:
            with socket.create_connection((settings.smtp_host, settings.smtp_port), REACH):
                return Check(True, "邮件服务器可以连接")
        except OSError as error:
            return Check(False, f"邮件服务器连不上：{error.strerror or error}")


def _writable(folder: Path) -> Check:
    good = os.access(folder, os.W_OK | os.X_OK)
    return Check(good, "邮件存入数据文件夹" if good else f"数据文件夹写不进：{folder}")


def readiness(house: House, mail: Callable[[], Check]) -> dict[str, Check]:
    """Return every check by name."""
    now = house.now()
    try:
        with reading(house.engine) as session:
            ticked = mark(session, TICKED)
            oldest = queries.oldest_unsent(session)
            undecided = len(deciding.in_doubt(session, waiting=True))
            stopped = pause.current(session)
            proved = proof.last(session)
    except SQLAlchemyError as error:
        return {"database": Check(False, f"数据库打不开：{type(error).__name__}")}
    return {
        "database": Check(True, "数据库可用"),
        "tick": _age(ticked, now, house.rate),
        "outbox": _unsent(oldest, undecided, stopped, now, house.rate),
        "proof": _proved(proved),
        "mail": mail(),
    }


def _age(ticked: str | None, now: datetime, rate: float) -> Check:
    if ticked is None:
        return Check(False, "还没有巡查过")
    age = now - datetime.fromisoformat(ticked)
    return Check(age <= STALE * max(rate, 1), f"上次巡查在 {_minutes(age)} 分钟前")


def _unsent(
    oldest: datetime | None, undecided: int, stopped: Pause | None, now: datetime, rate: float
) -> Check:
    """Mail that waits for the admin is no outage of the service, but a monitor may say so.

    Nor is a pause that is over but for the mail that is to find it out, where there is none to send.
    """
    age = now - oldest if oldest else timedelta()
    said = f"最早一封该发未发的邮件已等 {_minutes(age)} 分钟" if oldest else "没有积压的邮件"
    if undecided:
        said += f"；{undecided} 封不能确定邮件服务器是否收下，等管理员决定"
    stands = stopped is not None and (now < stopped.until or oldest is not None)
    if stopped:
        how = "发信已暂停" if stands else "发信暂停过，下一封会试出邮件服务器是否已通"
        said = f"{how}：{stopped.reason}；{said}"
    return Check(not stands and age <= UNSENT * max(rate, 1), said)


def _proved(proved: Proof | None) -> Check:
    if proved is None:
        return Check(True, "还没有核对过发件箱")
    if proved.wrong:
        return Check(False, f"发件箱核对有误 {len(proved.wrong)} 处，见 duban doctor")
    return Check(True, "每条提醒都在唯一的状态里")


def _minutes(age: timedelta) -> int:
    return max(0, int(age.total_seconds() // 60))


def routes(house: House) -> APIRouter:
    """Return the routes of readiness and, where asked for, metrics."""
    router = APIRouter(include_in_schema=False)
    mail = MailServer(house)

    @router.get("/readyz")
    def ready() -> JSONResponse:
        checks = readiness(house, mail)
        good = all(check.good for check in checks.values())
        return JSONResponse(
            {
                "status": "ok" if good else "failing",
                "checks": {name: {"ok": one.good, "said": one.said} for name, one in checks.items()},
            },
            200 if good else 503,
        )

    if house.metrics:

        @router.get("/metrics")
        def metrics() -> Response:
            return PlainTextResponse(_metrics(house), media_type="text/plain; version=0.0.4")

    return router


def _metrics(house: House) -> str:
    with reading(house.engine) as session:
        tracked = queries.tracked(session)
        counts = queries.message_counts(session)
        pending = queries.pending(session)
        ticked = mark(session, TICKED)
    lines = [
        "# TYPE duban_deadlines_tracked gauge",
        f"duban_deadlines_tracked {tracked}",
        "# TYPE duban_notices_pending gauge",
        f"duban_notices_pending {pending}",
        "# TYPE duban_messages gauge",
        *(f'duban_messages{{state="{state}"}} {count}' for state, count in counts.items()),
    ]
    if ticked:
        at = datetime.fromisoformat(ticked).timestamp()
        lines += ["# TYPE duban_last_tick_timestamp_seconds gauge"]
        lines += [f"duban_last_tick_timestamp_seconds {at:.0f}"]
    return "\n".join(lines) + "\n"
