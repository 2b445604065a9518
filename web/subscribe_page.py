"""What whoever subscribes needs: an address, ready-made variants of it, a code to scan, a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import segno
from fastapi import HTTPException
from fastapi.responses import Response
from markupsafe import Markup

from config.settings import LOOPBACK
from notifications import feed_scopes
from scheduler.store import reading
from scheduler.tables import Token
from scheduler.world import World
from web.house import House


@dataclass(frozen=True)
class Choice:
    """A ready-made variant of an address."""

    name: str
    says: str
    address: str
    webcal: str


def address(base_url: str, secret: str) -> str:
    """Return the https (or http) address of a feed."""
    return f"{base_url.rstrip('/')}/feeds/{secret}.ics"


def webcal(url: str) -> str:
    """Return the address that opens a device's calendar."""
    return "webcal://" + url.partition("://")[2]


def shown(house: House, owner: str, number: int, name: str, secret: str) -> dict[str, Any]:
    """Return what the page of a new address shows, this once."""
    base = house.settings.base_url
    url = address(base, secret)
    # On the page it is scanned from a screen or from paper; a broken corner must not matter.
    picture = segno.make(url, micro=False, error="m")
    svg = picture.svg_inline(border=2, omitsize=True, title="订阅地址的二维码")
    return {
        "institution": house.name(owner),
        "name": name,
        "number": number,
        "address": url,
        "webcal": webcal(url),
        "choices": list(choices(url, owner, house.world)),
        "base": base,
        "secure": base.startswith("https://"),
        "local": urlsplit(base).hostname in LOOPBACK,
        "qr": Markup(svg),  # noqa: S704  made here from the address alone
    }


def choices(url: str, owner: str, world: World) -> Iterator[Choice]:
    """Yield the variants of an address that are worth having ready."""

    def choice(name: str, says: str, **query: str) -> Choice:
        full = f"{url}?{urlencode(query)}"
        return Choice(name, says, full, webcal(full))

    yield choice("带闹钟", "没办结的事项，到期前14天和前1天的上午9点各响一次", alarms="1")
    yield choice("连每周、每两周的频次", "平时不列，列了会占满月历", frequent="1")
    found = documents(owner, world)
    if len(found) > 1:
        for one in found:
            document = world.documents[one]
            yield choice(f"只看{document.number or document.title}", document.title, document=one)


def documents(owner: str, world: World) -> list[str]:
    """Return the applied documents that concern an institution or a region, by their order."""
    kind, _, rest = owner.rpartition(":")
    if kind not in ("", "region"):
        return []  # the whole address is about one document
    ids = feed_scopes.members(rest, world) if kind else {rest}
    return [one for one, roster in world.rosters.items() if not ids.isdisjoint(roster.institutions)]


def present(house: House, number: int) -> Response:
    """Return the present state of an address's feed as a file; raises HTTPException 404 or 503."""
    with reading(house.engine) as session:
        row = session.get(Token, number)
        owner = row.institution if row is not None and row.revoked_at is None else None
    if owner is None:
        raise HTTPException(404)
    served = house.shelf.ready(owner) or house.shelf.begin(owner)
    if served is None:
        raise HTTPException(503)
    _, _, body = served.answer(None, None, None)
    name = quote(f"督办-{house.name(owner)}.ics", safe="")
    disposition = f"attachment; filename=\"duban.ics\"; filename*=UTF-8''{name}"
    return Response(body, media_type="text/calendar", headers={"content-disposition": disposition})
