"""One running service without a socket: a small store, a clock that is set, and a browser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from config.settings import load
from notifications import feeds, tokens
from scheduler import queries
from scheduler.loading import Loaded
from scheduler.store import reading, writing
from scheduler.world import World
from tests.scheduler.house import BASE, House, at, loaded
from web import sessions
from web.app import build
from web.house import House as WebHouse

URL = "https://duban.example"


class Service:
    """A store in which one document was adopted, behind its web face."""

    def __init__(
        self, folder: Path, *, base_url: str = URL, world: World = BASE, url: str = "", **kw: Any
    ) -> None:
        self.now = at("2026-03-06 09:30")
        self.wall = at("2026-03-06 09:30")
        self.files = loaded()
        base = replace(world, base_url=base_url)
        self.store = House(folder, "2026-01-09 10:00", base, url)
        self.settings = load({"DUBAN_BASE_URL": base_url}, folder)
        self.house = WebHouse(
            engine=self.store.engine,
            settings=self.settings,
            base=base,
            now=lambda: self.now,
            wall=lambda: self.wall,
            load=self._load,
            mail="邮件存入数据文件夹",
            **kw,
        )
        self.app = build(self.house)
        self.cookies = httpx.Cookies()

    def _load(self) -> Loaded:
        return self.files

    def many(self, requests: Iterable[tuple[str, str, dict[str, Any]]]) -> list[httpx.Response]:
        """Send requests at the same time and return their responses."""

        async def send() -> list[httpx.Response]:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url=URL, cookies=self.cookies
            ) as client:
                found = await asyncio.gather(*(client.request(m, p, **k) for m, p, k in requests))
                self.cookies = client.cookies
                return list(found)

        return asyncio.run(send())

    def request(self, method: str, path: str, **kw: Any) -> httpx.Response:
        """Send one request, with the cookies that were set before."""
        return self.many([(method, path, kw)])[0]

    def get(self, path: str, **kw: Any) -> httpx.Response:
        """Get a page."""
        return self.request("GET", path, **kw)

    def post(self, path: str, **data: str) -> httpx.Response:
        """Send a form as a browser does."""
        return self.request("POST", path, data=data, headers={"origin": URL})

    def link(self) -> str:
        """Return the path of a new sign-in link."""
        with writing(self.house.engine) as session:
            return f"/sign-in/{sessions.new_link(session, self.wall)}"

    def sign_in(self) -> None:
        """Sign in as the admin."""
        assert self.post(self.link()).status_code == 303

    def subscribe(self, institution: str = "da") -> str:
        """Return the secret of a new address, its feed rendered, as another process makes it."""
        with writing(self.house.engine) as session:
            _, secret = tokens.create(session, institution, "值班手机", self.now)
        feeds.render_one(self.house.engine, institution, self.now, self.house.world)
        return secret

    def tick(self, when: str) -> None:
        """Let the engine look at an instant and remember that it did."""
        self.now = at(when)
        self.store.tick(self.now)
        with writing(self.house.engine) as session:
            queries.set_mark(session, "tick", self.now.isoformat())

    def mark(self, name: str) -> str | None:
        """Return a remembered value."""
        with reading(self.house.engine) as session:
            return queries.mark(session, name)


def text(response: httpx.Response) -> str:
    """Return what a page says, without its tags."""
    return " ".join(re.sub(r"<[^>]*>", " ", response.text).split())


def later(service: Service, moment: str) -> datetime:
    """Set both clocks and return the instant."""
    service.now = service.wall = at(moment)
    return service.now
