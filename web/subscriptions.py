"""Creating, showing once, and revoking the secret addresses of feeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from notifications import feed_scopes, feeds, tokens
from scheduler.refusals import Refused
from scheduler.store import reading, writing
from web import subscribe_page
from web.house import House
from web.rendering import Pages

ASKED = ("institution", "region", "document", "supporter", "recipient", "name")


@dataclass(frozen=True)
class Given:
    """One address in the list."""

    id: int
    institution: str
    scope: str
    name: str
    created_at: datetime
    revoked_at: datetime | None
    fetched_at: datetime | None
    fetched_by: str | None
    fault: str | None


def routes(house: House, pages: Pages) -> APIRouter:
    """Return the routes of the subscriptions' pages."""
    router = APIRouter(include_in_schema=False)

    def listing(
        status: int = 200, problem: str = "", asked: Mapping[str, str] | None = None
    ) -> HTMLResponse:
        world = house.world
        said = dict.fromkeys(ASKED, "") | dict(asked or {})
        with reading(house.engine) as session:
            rows = tokens.listed(session)
            faults = feeds.faults(session)
        names = house.institutions()
        owners = {row.institution: feed_scopes.owner(row.institution, world) for row in rows}
        given = [
            Given(
                row.id or 0,
                owners[row.institution].name,
                feed_scopes.WORDS[owners[row.institution].scope],
                row.name,
                row.created_at,
                row.revoked_at,
                row.fetched_at,
                row.fetched_by,
                faults.get(row.institution),
            )
            for row in rows
        ]
        return pages.page(
            "subscriptions.html",
            status=status,
            here="/subscriptions",
            given=given,
            problem=problem,
            institutions=dict.fromkeys(names.values()),
            documents=[(one.id, one.number or one.title) for one in world.documents.values()],
            asked=said,
            asked_institution=said["institution"],
            asked_region=said["region"],
            asked_name=said["name"],
        )

    @router.get("/subscriptions")
    def subscriptions() -> HTMLResponse:
        house.shelf.flush()
        return listing()

    @router.post("/subscriptions")
    def create(
        name: Annotated[str, Form(max_length=200)],
        institution: Annotated[str, Form(max_length=200)] = "",
        region: Annotated[str, Form(max_length=9)] = "",
        document: Annotated[str, Form(max_length=200)] = "",
        supporter: Annotated[str, Form(max_length=200)] = "",
        recipient: Annotated[str, Form(max_length=200)] = "",
    ) -> HTMLResponse:
        words = {
            "institution": institution.strip(), "document": document,
            "supporter": supporter.strip(), "recipient": recipient.strip(),
        }  # fmt: skip
        asked = {**words, "name": name, "region": region}
        try:
            found = feed_scopes.asked(house.world, **words, region=bool(region))
        except Refused as refused:
            return listing(422, f"{refused.message}，没有生成地址。{refused.hint}。", asked)
        if not name.strip():
            return listing(422, "请写明这个地址给谁用，以后才好停用。没有生成地址。", asked)
        with writing(house.engine) as session:
            row, secret = tokens.create(session, found, name, house.now(), "admin")
            number = row.id or 0
        house.shelf.refresh()
        values = subscribe_page.shown(house, found, number, name.strip(), secret)
        return pages.page("subscribed.html", here="/subscriptions", **values)

    @router.get("/subscriptions/{number}/calendar.ics")
    def download(number: int) -> Response:
        return subscribe_page.present(house, number)

    @router.post("/subscriptions/{number}/revoke")
    def revoke(number: int) -> RedirectResponse:
        with writing(house.engine) as session:
            found = tokens.revoke(session, number, house.now(), "admin")
        if found is None:
            raise HTTPException(404)
        house.shelf.refresh()
        return RedirectResponse("/subscriptions", 303)

    return router
