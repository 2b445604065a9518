"""The web face put together: door, gate, pages, API, static files."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from scheduler.faults import fault, said
from web import (
    api,
    documents,
    entrance,
    evidence,
    health,
    items,
    ledger,
    ledgers,
    outbox,
    overview,
    quotas,
    recording,
    reminders,
    sheets,
    shifts,
    subscriptions,
)
from web.door import Application, Door, Receive, Scope, Send
from web.gate import Gate
from web.house import House
from web.pace import Pace
from web.rendering import HERE, Pages, refusal

log = logging.getLogger("duban.web")

VERSION = "0.1.0"


def build(house: House, pace: Pace | None = None) -> Application:
    """Return the ASGI application of one house; ``pace``: how often a feed may be asked."""
    pages = Pages(house)
    # Its own documentation pages load scripts from elsewhere; ours are at /docs.
    app = FastAPI(title="督办", version=VERSION, docs_url=None, redoc_url=None)
    for module in (
        overview, items, documents, outbox, subscriptions, entrance, reminders, sheets, shifts,
        recording, evidence, ledger, ledgers, quotas,
    ):  # fmt: skip
        app.include_router(module.routes(house, pages))
    app.include_router(health.routes(house))
    app.include_router(api.routes(house))
    app.include_router(api.page(app, pages))

    @app.get("/static/theme.css", include_in_schema=False)
    def theme() -> Response:
        if not house.theme.is_file():
            raise HTTPException(404)
        return FileResponse(house.theme, media_type="text/css", headers={"cache-control": "no-cache"})

    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")

    def answer(request: Request, status: int) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"detail": _SHORT.get(status, "没有办成")}, status)
        return refusal(pages, status)

    @app.exception_handler(HTTPException)
    async def on_refusal(request: Request, error: HTTPException) -> Response:
        return answer(request, error.status_code)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        if not request.url.path.startswith("/api/"):
            return refusal(pages, 422 if request.method == "POST" else 404)
        return JSONResponse({"detail": _wrong(error)}, 422)

    @app.exception_handler(SQLAlchemyError)
    async def on_store(request: Request, error: SQLAlchemyError) -> Response:
        if fault(error) is None:
            raise error  # ours
        log.error("%s: %s", request.url.path, said(error))
        return answer(request, 503)

    @app.exception_handler(Exception)
    async def on_fault(request: Request, error: Exception) -> Response:
        return answer(request, 500)

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        response = answer(Request(scope), scope["refused"])
        await response(scope, receive, send)

    return Door(Gate(app, house, refuse), house.shelf, pace)


def _wrong(error: RequestValidationError) -> str:
    """Return which parameters are wrong, and what may be written where that is a list."""
    said = []
    for one in error.errors():
        name = next((str(part) for part in one["loc"][1:] if isinstance(part, str)), "请求")
        allowed = str((one.get("ctx") or {}).get("expected", "")).replace("'", "")
        said.append(f"{name}，可以写：{allowed.replace(' or ', ', ')}" if allowed else name)
    return "参数不对：" + "；".join(dict.fromkeys(said))


_SHORT = {
    400: "提交的内容读不出来",
    401: "请先登录",
    403: "这次提交不是从督办自己的页面发出的",
    404: "没有这个地址",
    405: "这个地址不接受这样的请求",
    413: "提交的内容太大",
    500: "程序出错了",
    503: "数据库暂时用不了",
}
