"""The page behind “管理提醒” in every mail: what is sent when, and how to change who gets it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from web.house import House
from web.rendering import Pages

ADDRESS = "/notifications"


def routes(house: House, pages: Pages) -> APIRouter:
    """Return the route of the page; it is open to everybody, and says nothing of anybody."""
    router = APIRouter(include_in_schema=False)

    @router.get(ADDRESS)
    def reminders() -> HTMLResponse:
        return pages.page("reminders.html", signed_in=False, admin=house.settings.admin_email or "")

    return router
