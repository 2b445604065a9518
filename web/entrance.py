"""The page behind a sign-in link: opening it changes nothing, its button signs in."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from scheduler.store import reading, writing
from web import sessions
from web.house import House
from web.rendering import Pages


def routes(house: House, pages: Pages) -> APIRouter:
    """Return the routes of signing in."""
    router = APIRouter(include_in_schema=False)

    @router.get("/sign-in/{secret}")
    def show(secret: str) -> HTMLResponse:
        with reading(house.engine) as session:
            good = sessions.link_is_good(session, secret, house.wall())
        return pages.page("sign_in.html", status=200 if good else 410, signed_in=False, good=good)

    @router.post("/sign-in/{secret}")
    def use(secret: str) -> Response:
        with writing(house.engine) as session:
            opened = sessions.consume(session, secret, house.wall())
        if opened is None:
            return pages.page("sign_in.html", status=410, signed_in=False, good=False)
        response = RedirectResponse("/", 303)
        response.set_cookie(
            sessions.COOKIE,
            opened,
            max_age=int(sessions.SESSION_LASTS.total_seconds()),
            path="/",
            secure=house.settings.base_url.startswith("https://"),
            httponly=True,
            samesite="lax",
        )
        return response

    return router
