"""The pages of the mails: their states, and each as its recipient gets it."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse

from notifications.listing import FINAL, WAITING
from scheduler.store import reading
from scheduler.tables import Message
from web import queries
from web.house import House
from web.redaction import redact
from web.rendering import Pages

SHOWN = 100


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
        return pages.page(
            "outbox.html",
            here="/outbox",
            mail=house.mail,
            counts=counts,
            pending=pending,
            state=state,
            messages=messages,
            unsendable=unsendable,
            names=house.institutions(),
        )

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
