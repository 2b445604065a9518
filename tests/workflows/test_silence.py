"""What would make a duty vanish without a word is refused when the file is read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.samples import duty, head, read

OPEN = {"core_until": "2020-12-31", "open_ended": True, "clause": "一", "phrase": "到2020年"}
WHOLE = {"per": "whole", "unit": "次", "at_least": 1}
LATER = [{"from": "2020-06-01", "rule": {"on": "2020-05-20"}}]


@pytest.mark.parametrize(
    ("code", "written", "more"),
    [
        ("D010", duty("a", "quota", WHOLE), {"validity": OPEN}),
        ("D013", duty("a", "once", {"on": "2020-06-30"}, per="pairing", responsible="desks"), {}),
        ("D013", duty("a", "once", {"on": "2020-06-30"}, per="pairing", responsible="both"), {}),
        ("D018", duty("a", "once", {"on": "2020-06-30"}, changes=LATER), {}),
    ],
)
def test_it_is_refused(code: str, written: dict[str, Any], more: dict[str, Any]) -> None:
    document, problems = read(head(obligations=[written], **more))
    assert document is None
    assert [problem.code for problem in problems] == [code]


def test_what_ends_or_comes_later_is_taken() -> None:
    written = [
        duty("a", "quota", WHOLE | {"until": "2021-12-31"}),
        duty(
            "b", "once", {"on": "2020-06-30"}, changes=[LATER[0] | {"rule": {"on": "2020-06-01"}}]
        ),
    ]
    document, problems = read(head(obligations=written, validity=OPEN))
    assert document is not None, problems
    document, problems = read(head(obligations=[duty("a", "quota", WHOLE)]))
    assert document is not None, problems
