"""What somebody says of an occurrence, before it is recorded. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Statement:
    """What is said: ``on`` the local day it is about, ``until`` (included) for how long.

    ``until`` is the last day of silence of what is acknowledged, the new last day of what is
    extended. ``fact``: the number of the fact that a correction withdraws, None for the latest.
    """

    key: str
    kind: str
    on: date | None = None
    until: date | None = None
    reason: str | None = None
    basis: str | None = None
    evidence: str | None = None
    fact: int | None = None


def from_json(line: Mapping[str, object]) -> Statement:
    """Return the statement of one line of a facts file; ValueError in Chinese says what is wrong."""
    known = {"at", "key", "fact", "on", "until", "basis", "reason", "evidence"}
    if unknown := sorted(line.keys() - known):
        raise ValueError(f"不认识的键 {'、'.join(unknown)}")
    words: dict[str, str | None] = {}
    for name in ("key", "fact", "basis", "reason", "evidence"):
        value = line.get(name)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{name} 应为文字")
        words[name] = value
    if not words["key"] or not words["fact"]:
        raise ValueError("要有 key 和 fact")
    return Statement(
        words["key"],
        words["fact"],
        _day(line, "on"),
        _day(line, "until"),
        words["reason"],
        words["basis"],
        words["evidence"],
    )


def _day(line: Mapping[str, object], name: str) -> date | None:
    value = line.get(name)
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{name} 应为 YYYY-MM-DD") from None
