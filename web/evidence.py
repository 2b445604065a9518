"""Evidence of an item: what was handed in, and its download."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from sqlmodel import Session

from scheduler import evidence
from scheduler.activities import mentioned
from scheduler.store import reading
from web import queries, requests
from web.acting import Refusal, acting
from web.house import House
from web.rendering import Pages, no_link

ITEM = "item"  # the parameter that names the item, for which a link has to be good


@dataclass(frozen=True)
class Piece:
    """One piece of evidence: ``name`` of a stored file, or ``link``, or neither and only a text."""

    label: str
    by: str
    at: datetime
    name: str = ""
    link: str = ""
    size: str = ""


def pieces(session: Session, key: str) -> list[Piece]:
    """Return all that was ever handed in for an item, in order; what was withdrawn stays."""
    mentions = [
        (fact.evidence, fact.recorded_by, fact.recorded_at)
        for fact in queries.facts(session, key)
        if fact.evidence
    ] + [(one.mention, one.by, one.at) for one in requests.handed_in(session, key)]
    found: dict[str, Piece] = {}
    for mention, by, at in sorted(mentions, key=lambda one: one[2]):
        found.setdefault(mention, _piece(session, mention, by, at))
    return list(found.values())


def _piece(session: Session, mention: str, by: str, at: datetime) -> Piece:
    if evidence.stored(mention):
        row = evidence.fetch(session, mention)
        if row is None:
            return Piece("文件不在库里", by, at)
        return Piece(row.original, by, at, name=row.name, size=_size(row.size))
    if urlsplit(mention).scheme in ("http", "https") and " " not in mention:
        return Piece(mention, by, at, link=mention)
    return Piece(mention, by, at)


def _size(size: int) -> str:
    if size < 1024:
        return f"{size} 字节"
    return f"{size / 1024:.0f} KB" if size < 1024 * 1024 else f"{size / 1_048_576:.1f} MB"


def routes(house: House, pages: Pages) -> APIRouter:
    """Return the route of the downloads."""
    router = APIRouter(include_in_schema=False)

    @router.get("/evidence/{name}")
    def download(request: Request, name: str, item: str = "") -> Response:
        try:
            actor = acting(house, request, item)
        except Refusal as refusal:
            return no_link(pages, refusal.status, house.settings.admin_email or "")
        with reading(house.engine) as session:
            known = {piece.name for piece in pieces(session, item)}
            if actor.admin and not item:  # of an activity, which has no page of its own
                known = {name} if mentioned(session, evidence.PREFIX + name) else set()
            row = evidence.fetch(session, name) if name in known else None
        if row is None:
            raise HTTPException(404)
        # Never shown in the browser: a file of somebody else's must not run here.
        headers = {
            "content-disposition": (
                f"attachment; filename=\"{row.name}\"; filename*=UTF-8''{quote(row.original, safe='')}"
            ),
            "content-security-policy": "default-src 'none'; sandbox",
        }
        return Response(row.body, media_type=row.media_type, headers=headers)

    return router
