"""``duban outbox``: which mails were sent, which wait, which were not sent, and why."""

from __future__ import annotations

import argparse
import sys
from typing import Any

HELP = "查看发件箱：已交出、等待、未发的邮件和原因"
STATES = (
    "planned", "ready", "sending", "handing", "in_doubt", "held",
    "sent", "failed", "bounced", "expired", "cancelled", "unsent",
)  # fmt: skip
SHOWN = 50


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", choices=STATES, help="只列这一状态的")
    parser.add_argument("--format", choices=("table", "json"), default="table", help="输出格式")


def run(args: argparse.Namespace) -> int:
    from cli.context import opened
    from cli.output import print_json
    from notifications import pause
    from notifications.listing import as_json, listed
    from scheduler.store import reading

    context = opened()
    zone = context.settings.timezone
    with reading(context.engine()) as session:
        rows = listed(session, args.state)
        names = _names(session)
        stopped = pause.current(session)
    for row in rows:
        to = row["to"]
        to["institution_id"] = to["institution"]
        to["institution"] = names.get(to["institution_id"], to["institution_id"])
    if stopped:
        since = stopped.since.astimezone(zone)
        print(
            f"■ 发信已暂停（{since:%Y-%m-%d %H:%M} 起）：{stopped.reason}。"
            f"下次试发 {stopped.until.astimezone(zone):%m-%d %H:%M}；设置改好后会自动恢复。",
            file=sys.stderr,
        )
    if args.format == "json":
        print_json([as_json(row, zone) for row in rows])
    else:
        _table(rows, zone)
    return 0


def _names(session: Any) -> dict[str, str]:
    """Return the institutions' printed names by id, from the applied rosters."""
    import json

    from config.tables import roster_from_texts
    from scheduler import queries

    names: dict[str, str] = {}
    for version in queries.versions(session).values():
        roster, _ = roster_from_texts(version.document, json.loads(version.roster))
        if roster is not None:
            names.update((one.id, one.name) for one in roster.institutions.values())
    return names


def _table(rows: list[dict[str, Any]], zone: Any) -> None:
    from collections import Counter

    from cli.output import print_table
    from notifications.listing import STATES as WORDS

    if not rows:
        print("发件箱里没有邮件。到了提醒的日子，邮件会列在这里。")
        return
    print("、".join(f"{WORDS[s]} {n}" for s, n in Counter(row["state"] for row in rows).items()))
    print_table(
        ["编号", "状态", "时间", "收件人", "主题或事项", "说明"],
        [_line(row, zone, WORDS[row["state"]]) for row in rows[-SHOWN:]],
    )
    if len(rows) > SHOWN:
        print(f"只列出最近 {SHOWN} 条，共 {len(rows)} 条；全部见 --format json")


def _line(row: dict[str, Any], zone: Any, state: str) -> list[str]:
    first = row["items"][0] if row["items"] else {"key": "", "rung": ""}
    said = [row["reason"] or "", row["reply"] or ""]
    if row["next_try_at"]:
        said.append(f"{row['next_try_at'].astimezone(zone):%m-%d %H:%M} 再办")
    return [
        str(row["id"] or "—"),
        state,
        f"{row['at'].astimezone(zone):%Y-%m-%d %H:%M}",
        row["to"]["address"] or "无人可送",
        row["subject"] or f"{first['key']} {first['rung']}",
        "；".join(part for part in said if part),
    ]
