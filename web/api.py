"""The machine's door: deadlines as JSON, and a page about it without outside hosts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Query
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, Field

from scheduler.listing import stored
from scheduler.selection import Selection
from web.house import House
from web.rendering import Pages

Kind = Literal[
    "once", "recurring", "fuzzy", "quota", "rotation", "event", "target", "window", "standing"
]
Phase = Literal["pre-issue", "core", "open-ended", "contested"]
KINDS: tuple[Kind, ...] = (
    "once", "recurring", "fuzzy", "quota", "rotation", "event", "target", "window",
)  # fmt: skip
PHASES: tuple[Phase, ...] = ("pre-issue", "core", "open-ended", "contested")
WINDOW = timedelta(days=90)


class Submission(BaseModel):
    """报送方式"""

    by: Literal["post", "email", "system", "visit"]
    what: str
    copies: int | None
    to: str


class Pairing(BaseModel):
    """一对帮扶关系"""

    supporter: str
    recipient: str


class Quota(BaseModel):
    """频次要求"""

    at_least: int | None
    at_most: int | None
    unit: str
    per: str
    enforced: bool


class Deadline(BaseModel):
    """一个到期事项，字段与 duban deadlines --format json 相同。"""

    key: str = Field(description="编号，永不改变；也是页面地址 /items/编号")
    document: str = Field(description="文件编号")
    obligation: str = Field(description="文件内的事项编号")
    title: str = Field(description="事项")
    kind: Kind = Field(description="类别")
    programme: str | None = Field(description="所属项目")
    period: str = Field(description="哪一期")
    opens: date | None = Field(description="起日")
    due: date | None = Field(description="期限；没有日期的为空")
    last_working_day: date | None = Field(description="期限当天或之前最后一个工作日")
    provisional: bool = Field(description="当年放假通知未出，最后工作日可能再变")
    phase: Phase = Field(description="日期的依据")
    reading: str | None = Field(description="所取的读法")
    clauses: list[str] = Field(description="条款")
    phrase: str = Field(description="原文短语")
    responsible: str = Field(description="责任单位；名册里没有的照原文写")
    responsible_id: str | None = Field(description="责任单位编号")
    unresolved: str | None = Field(description="未明的缘由")
    assisting: list[str] = Field(description="配合单位")
    recipients: list[str] = Field(description="接收单位")
    submit: list[Submission] = Field(description="报送方式")
    binds_by: date | None = Field(description="实际最迟：另一事项须在此之后办理时更早")
    pairings: list[Pairing] = Field(description="所涉帮扶关系")
    quota: Quota | None = Field(description="频次要求")
    relation: Literal["responsible", "assisting", "concerned", "receiver"] | None = Field(
        description="与所问单位的关系"
    )
    status: str | None = Field(description="状态")
    extended_to: date | None = Field(description="延期到哪一天；due 仍是原定的")


class Fault(BaseModel):
    """没有办成的缘由"""

    detail: str


def routes(house: House) -> APIRouter:
    """Return the routes of the API."""
    router = APIRouter()

    @router.get(
        "/api/deadlines",
        summary="列出已应用的到期事项及其状态",
        response_model=list[Deadline],
        responses={401: {"model": Fault}, 422: {"model": Fault}},
    )
    def deadlines(
        document: Annotated[list[str] | None, Query(description="只列这份文件，可重复")] = None,
        institution: Annotated[
            str | None, Query(description="只列与这个单位有关的，名称或编号")
        ] = None,
        start: Annotated[
            date | None, Query(alias="from", description="期限不早于，默认今天")
        ] = None,
        end: Annotated[
            date | None, Query(alias="to", description="期限不晚于，默认起日后90天")
        ] = None,
        kind: Annotated[
            list[Kind] | None, Query(description="只列这一类，可重复，默认除常态事项外全部")
        ] = None,
        phase: Annotated[
            list[Phase] | None, Query(description="只列这一依据，可重复，默认全部")
        ] = None,
    ) -> JSONResponse:
        today, known = house.today, house.world.documents
        first = start or min(today, end or today)
        last = end or _later(first)
        if last < first:
            return _fault("to 早于 from")
        for name in document or ():
            if name not in known:
                return _fault(f"没有编号为“{name}”的文件")
        ids = house.ids(institution) if institution else None
        if ids is not None and not ids:
            return _fault(f"名册里没有“{institution}”")
        chosen = Selection(
            documents=tuple(document or known),
            start=first,
            end=last,
            kinds=tuple(kind or KINDS),
            phases=tuple(phase or PHASES),
            institution=institution,
            dateless=bool(kind),
        )
        return JSONResponse(stored(house.engine, chosen, ids))

    return router


def _later(first: date) -> date:
    return first + WINDOW if first < date.max - WINDOW else date.max


def _fault(detail: str) -> JSONResponse:
    return JSONResponse({"detail": detail}, 422)


def page(app: FastAPI, pages: Pages) -> APIRouter:
    """Return the route of the page that shows the API's own description."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    def docs() -> HTMLResponse:
        return pages.page("api.html", operations=_operations(app.openapi()))

    return router


def _operations(schema: dict[str, Any]) -> list[dict[str, Any]]:
    components = schema.get("components", {}).get("schemas", {})
    found = []
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            answer = operation["responses"].get("200", {}).get("content", {})
            model = answer.get("application/json", {}).get("schema", {})
            reference = model.get("items", model).get("$ref", "").rpartition("/")[2]
            fields = components.get(reference, {}).get("properties", {})
            found.append(
                {
                    "method": method.upper(),
                    "path": path,
                    "summary": operation.get("summary", ""),
                    "parameters": [
                        {
                            "name": one["name"],
                            "type": _kind(one["schema"]),
                            "description": one.get("description", ""),
                        }
                        for one in operation.get("parameters", ())
                    ],
                    "fields": [
                        {
                            "name": name,
                            "type": _kind(one),
                            "description": one.get("description", ""),
                        }
                        for name, one in fields.items()
                    ],
                }
            )
    return found


_WORDS = {
    "string": "文字",
    "integer": "整数",
    "number": "数",
    "boolean": "真假",
    "null": "空",
    "date": "日期",
}


def _kind(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return "或".join(dict.fromkeys(_kind(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return "、".join(schema["enum"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"列表（{_kind(schema['items'])}）"
    return _WORDS.get(schema.get("format") or schema.get("type", ""), "")
