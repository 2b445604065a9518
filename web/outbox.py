"""The pages of the mails: their states, each as its recipient gets it, and those in doubt."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Annotated, Literal

from fastapi import APIRouter, Form, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from notifications import deciding
from notifications.listing import FINAL, WAITING
from scheduler.store import reading, writing
from scheduler.tables import Message
from web import queries
from web.house import House
from web.redaction import redact
from web.rendering import Pages

SHOWN = 100
WHO = "管理员"
NUMBERS = r"^([0-9]{1,18}( [0-9]{1,18})*)?$"


def part(body: bytes, kind: str) -> str:
    """Return the text of a mail's first part of a kind (plain, html), or an empty string."""
    message = message_from_bytes(body, policy=policy.default)
    assert isinstance(message, EmailMessage)
    found = message.get_body(preferencelist=(kind,))
    if found is None:
        return ""
    text = found.get_content()
    return text if isinstance(text, str) else ""


def routes(house: House, pages: Pages) -> APIRouter:
    """Return the routes of the mails' pages."""
    router = APIRouter(include_in_schema=False)

    @router.get("/outbox")
    def outbox(state: str | None = None) -> HTMLResponse:
        if state is not None and state not in (*WAITING, *FINAL):
            raise HTTPException(404)
        with reading(house.engine) as session:
            counts = queries.message_counts(session)
            pending = queries.pending(session)
            messages = queries.messages(session, state, SHOWN)
            unsendable = queries.unsendable(session, SHOWN) if state is None else ()
            undecided = len(deciding.in_doubt(session, waiting=True))
        return pages.page(
            "outbox.html",
            here="/outbox",
            mail=house.mail,
            counts=counts,
            pending=pending,
            state=state,
            messages=messages,
            unsendable=unsendable,
            undecided=undecided,
            names=house.institutions(),
        )

    @router.post("/outbox/in-doubt")
    def decide(
        action: Annotated[Literal["retry", "arrived"], Form()],
        numbers: Annotated[str, Form(max_length=60_000, pattern=NUMBERS)] = "",
    ) -> Response:
        """Decide the same of all in doubt, once they were seen: of those ``numbers`` alone."""
        if not numbers:
            with reading(house.engine) as session:
                found = deciding.in_doubt(session, waiting=action == "retry")
                messages = [queries.message(session, one) for one in found]
            return pages.page(
                "undecided.html", here="/outbox", action=action, messages=messages,
                names=house.institutions(),
            )  # fmt: skip
        now = house.now()
        with writing(house.engine) as session:
            if action == "retry":
                deciding.each(
                    map(int, numbers.split()),
                    lambda one: deciding.retry(session, one, now, house.world, WHO),
                )
            else:
                deciding.each(
                    map(int, numbers.split()),
                    lambda one: deciding.arrived(session, one, now, WHO),
                )
        return RedirectResponse("/outbox", 303)

    @router.get("/outbox/{number}")
    def message(number: int) -> HTMLResponse:
        found = _found(number)
        return pages.page(
            "message.html",
            here="/outbox",
            message=found,
            institution=house.name(found.institution),
            text=redact(part(found.body, "plain")),
            html=part(found.body, "html") != "",
        )

    @router.get("/outbox/{number}/html")
    def as_received(number: int) -> HTMLResponse:
        return HTMLResponse(redact(part(_found(number).body, "html")))

    def _found(number: int) -> Message:
        with reading(house.engine) as session:
            found = queries.message(session, number)
        if found is None:
            raise HTTPException(404)
        return found

    return router
