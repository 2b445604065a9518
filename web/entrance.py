"""The page behind a sign-in link: opening it changes nothing, its button signs in. And out."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from scheduler.store import reading, writing
from web import sessions
from web.house import House
from web.rendering import Pages


def routes(house: House, pages: Pages) -> APIRouter:
    """Return the routes of signing in and out."""
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

    @router.post("/sign-out")
    def leave(request: Request) -> Response:
        with writing(house.engine) as session:
            sessions.close(session, request.cookies.get(sessions.COOKIE, ""), house.wall())
        response = pages.page(
            "refused.html",
            signed_in=False,
            heading="已退出",
            said="这台设备上的登录已经结束。",
            advice="再登录要用新的一次性链接：重新启动 duban serve 时会打印。",
        )
        response.delete_cookie(sessions.COOKIE, path="/")
        return response

    return router
