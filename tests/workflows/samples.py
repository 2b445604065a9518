"""Small documents for tests, read by the same strict reader as the official ones."""

from __future__ import annotations

import json
from typing import Any

from workflows.document import Document
from workflows.parse import parse
from workflows.source import Problem

ROLES: dict[str, Any] = {
    "supporter": {"name": "支援医院", "side": "supporter"},
    "recipient": {"name": "受援医院", "side": "recipient"},
    "both": {"name": "双方医院", "side": "both"},
    "reporter": {"name": "支援方主管部门", "side": "supporter", "take": "reporter"},
    "city": {"name": "受援方主管部门", "side": "recipient", "take": "authority"},
    "every-city": {"name": "双方主管部门", "side": "both", "take": "reporter"},
    "county": {"name": "县政府", "side": "recipient", "take": "government"},
    "bureau": {"name": "省局", "institution": "province"},
    "desks": {"name": "各市", "group": "desks"},
    "unnamed": {"name": "有关单位", "words": "有关单位", "unresolved": "原文没有列名"},
}


def head(**changed: Any) -> dict[str, Any]:
    """Return the values of a document of 11 July 2019 that ends with 2022, without obligations."""
    values: dict[str, Any] = {
        "id": "sample-2019",
        "number": None,
        "title": "样例",
        "issuers": ["province"],
        "issued": "2019-07-11",
        "validity": {"core_until": "2022-12-31", "clause": "一", "phrase": "到2022年"},
        "roles": ROLES,
        "programmes": [{"id": "county", "name": "县级"}, {"id": "town", "name": "乡镇"}],
    }
    return values | changed


def duty(id_: str, kind: str, rule: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Return the values of one obligation, owed by each supporter unless said otherwise."""
    values: dict[str, Any] = {
        "id": id_,
        "title": f"事项{id_}",
        "kind": kind,
        "clauses": ["一"],
        "phrase": "按时办理",
        "per": "institution",
        "responsible": "supporter",
        "rule": rule,
    }
    return values | changed


def read(values: dict[str, Any]) -> tuple[Document | None, list[Problem]]:
    """Return what the reader makes of a document's values (JSON is YAML), and its problems."""
    document, source = parse(json.dumps(values, ensure_ascii=False).encode(), "sample.yaml")
    return document, source.problems


def document(*duties: dict[str, Any], **changed: Any) -> Document:
    """Return the document of these obligations; AssertionError with the problems if it has any."""
    found, problems = read(head(obligations=list(duties), **changed))
    assert found is not None, [str(problem) for problem in problems]
    return found
