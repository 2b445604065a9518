"""The outbox as people see it: every planned notice in exactly one place, with its reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from scheduler.queries import MESSAGES, NOTICES, chunks

WAITING = ("ready", "sending", "handing", "in_doubt", "held")
FINAL = ("sent", "failed", "bounced", "expired", "cancelled")
# Notices that are in no message: still waiting for one, or not to be sent, with the reason.
WITHOUT_MESSAGE = ("planned", "unsent")
STATES = {
    "planned": "待成信",
    "ready": "待发",
    "sending": "正在发",
    "handing": "正在交出",
    "in_doubt": "不确定",
    "held": "扣住",
    "sent": "已交出",
    "failed": "被拒收",
    "bounced": "被退回",
    "expired": "已过时",
    "cancelled": "已作废",
    "unsent": "未发",
}

Row = dict[str, Any]


def listed(session: Session, state: str | None = None) -> list[Row]:
    """Return the mails, and the notices that are in none, as JSON objects, the oldest first.

    Days are local, instants aware; without ``state`` all of them.
    """
    rows: list[Row] = []
    if state is None or state not in WITHOUT_MESSAGE:
        rows += _messages(session, state)
    if state is None or state in WITHOUT_MESSAGE:
        rows += [row for row in _alone(session) if state in (None, row["state"])]
    return sorted(rows, key=lambda row: (row["at"], row["to"]["address"], row["id"] or 0))


def _messages(session: Session, state: str | None) -> Iterable[Row]:
    column = MESSAGES.c
    fields = [one for one in column if one.name != "body"]
    query = select(*fields).order_by(column.id)
    if state is not None:
        query = query.where(column.state == state)
    found = [dict(row._mapping) for row in session.execute(query)]
    items = _items(session, [row["id"] for row in found])
    for row in found:
        yield {
            "id": row["id"],
            "state": row["state"],
            "at": row["composed_at"],
            "to": _to(row),
            "subject": row["subject"],
            "items": items.get(row["id"], []),
            "message_id": row["message_id"],
            "class": "statutory" if row["statutory"] else "ordinary",
            "attempt": row["attempt"],
            "next_try_at": row["next_try_at"],
            "finished_at": row["finished_at"],
            "reply": row["reply"],
            "reason": row["reason"],
        }


def _items(session: Session, ids: list[int]) -> Mapping[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    column = NOTICES.c
    fields = (column.message_id, column.key, column.rung, column.due)
    for some in chunks(ids):  # type: ignore[arg-type]
        query = select(*fields).where(column.message_id.in_(some)).order_by(column.due, column.key)
        for message, key, rung, due in session.execute(query):
            found[message].append({"key": key, "rung": rung, "due": due})
    return found


def _alone(session: Session) -> Iterable[Row]:
    column = NOTICES.c
    query = select(NOTICES).where(column.message_id.is_(None)).order_by(column.id)
    for notice in session.execute(query).mappings():
        yield {
            "id": None,
            "state": "unsent" if notice["reason"] else "planned",
            "at": notice["planned_at"],
            "to": _to(notice),
            "subject": None,
            "items": [{"key": notice["key"], "rung": notice["rung"], "due": notice["due"]}],
            "message_id": None,
            "class": "statutory" if notice["statutory"] else "ordinary",
            "attempt": 0,
            "next_try_at": None if notice["reason"] else notice["release_at"],
            "finished_at": None,
            "reply": None,
            "reason": notice["reason"] or notice["note"],
        }


def _to(row: Any) -> Row:
    return {
        "institution": row["institution"],
        "role": row["role"],
        "office": row["office"],
        "address": row["recipient"],
        "placeholder": row["placeholder"],
    }


def as_json(row: Row, zone: Any) -> Row:
    """Return a row with days as YYYY-MM-DD and instants as RFC 3339 in the given zone."""
    return {name: _written(value, zone) for name, value in row.items()}


def _written(value: Any, zone: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return [as_json(one, zone) for one in value]
    return value
