"""``duban documents``: what each document holds, and what it leaves unresolved."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

HELP = "列出文件：文号、标题、各类事项数、帮扶关系数、未明确之处"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("table", "json"), default="table", help="输出格式")


def run(args: argparse.Namespace) -> int:
    from cli.context import opened
    from cli.output import print_json, print_table

    rows = [_row(document, roster) for document, roster in opened().held()]
    if args.format == "json":
        print_json(rows)
        return 0
    print_table(
        ["编号", "文号", "印发", "事项", "帮扶关系", "常态", "未明确", "标题"],
        [
            [
                row["id"], row["number"] or "—", row["issued"] or "原文未印", str(row["total"]),
                str(row["pairings"]), str(len(row["standing"])), str(len(row["unresolved"])),
                row["title"],
            ]
            for row in rows
        ],
    )  # fmt: skip
    return 0


def _row(document: Any, roster: Any) -> dict[str, Any]:
    from workflows.kinds import KINDS

    kinds = Counter(duty.kind for duty in document.obligations)
    silent = [
        {"what": role.words, "clause": None, "effect": role.unresolved}
        for role in document.roles.values()
        if role.words
    ]
    return {
        "id": document.id,
        "number": document.number,
        "title": document.title,
        "issuer": "、".join(roster.institutions[one].name for one in document.issuers),
        "issued": document.issued.isoformat() if document.issued else None,
        "in_force_from": document.binds_from.isoformat(),
        "obligations": {kind: kinds[kind] for kind in KINDS},
        "total": len(document.obligations),
        "pairings": len(roster.pairings),
        "standing": [
            {
                "id": duty.id,
                "title": duty.title,
                "clauses": list(duty.clauses),
                "phrase": duty.phrase,
            }
            for duty in document.obligations
            if duty.kind == "standing"
        ],
        "unresolved": [one.model_dump() for one in document.unresolved] + silent,
    }
