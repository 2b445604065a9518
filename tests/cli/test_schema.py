"""The JSON Schema that editors use takes the five documents and refuses what the reader refuses."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
import yamlcore

from tests.cli.command import printed
from tests.workflows.samples import duty, head, read
from workflows.library import DOCUMENTS

FILES = sorted(DOCUMENTS.glob("*.yaml"))


@cache
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(printed(Path.cwd(), "schema"))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_takes_the_five_documents(path: Path) -> None:
    values = yaml.load(path.read_text("utf-8"), Loader=yamlcore.CoreLoader)
    assert [error.message for error in validator().iter_errors(values)] == []


def sample() -> dict[str, Any]:
    return head(
        obligations=[
            duty("a", "once", {"on": "2020-06-30"}),
            duty("b", "quota", {"per": "week", "unit": "次", "at_least": 1}),
            duty("c", "recurring", {"dates": [{"id": "mar", "on": "03-20"}]}),
        ]
    )


def test_it_takes_the_sample() -> None:
    assert validator().is_valid(sample())
    assert read(sample())[0] is not None


def drop(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda values: values.pop(key)


def put(place: list[str | int], value: Any) -> Callable[[dict[str, Any]], None]:
    def change(values: dict[str, Any]) -> None:
        at: Any = values
        for step in place[:-1]:
            at = at[step]
        at[place[-1]] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        drop("id"),
        drop("validity"),
        drop("obligations"),
        put(["id"], "Sample 2019"),
        put(["id"], 2019),
        put(["nonsense"], 1),
        put(["obligations"], []),
        put(["issuers"], "province"),
        put(["obligations", 0, "kind"], "sometimes"),
        put(["obligations", 0, "per"], "week"),
        put(["obligations", 0, "rule"], {"on": "2020-06-30", "at": "noon"}),
        put(["obligations", 0, "rule"], {"word": "及时"}),
        put(["obligations", 0, "rule", "roll"], "sideways"),
        put(["obligations", 0, "phrase"], ""),
        put(["obligations", 1, "rule", "per"], "day"),
        put(["obligations", 1, "rule", "at_least"], 0),
        put(["obligations", 1, "rule", "at_least"], "1"),
        put(["obligations", 2, "rule", "dates", 0, "on"], "3-20"),
        put(["obligations", 2, "rule", "dates"], []),
        put(["roles", "supporter", "side"], "left"),
        put(["obligations", 0, "ladder"], [{"before": "14 days"}]),
    ],
)
def test_it_refuses_what_the_reader_refuses(change: Callable[[dict[str, Any]], None]) -> None:
    values = copy.deepcopy(sample())
    change(values)
    assert not validator().is_valid(values)
    document, problems = read(values)
    assert document is None
    assert problems
