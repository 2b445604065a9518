"""Every verb, flag, choice and JSON field of the program stands in docs/commands.md."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import date

import pytest

from cli.__main__ import VERBS
from notifications.listing import STATES
from scheduler.loading import load
from scheduler.occurrences import occurrences
from scheduler.rows import row
from tests.docs.pages import DOCS, PAGES, ROOT, blocks, sections, table, text
from workflows.source import Problem

PAGE = text("docs/commands.md")
PARTS = sections(PAGE, 2)
SHELL = re.compile(r"^\s*(?:[A-Z_]+=\S+ )*\./duban ([a-z]+)(.*)$", re.MULTILINE)


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from parsers(inner)


def parser_of(verb: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=verb)
    importlib.import_module(f"cli.{verb}").arguments(parser)
    return parser


def flags(verb: str) -> set[str]:
    found = {flag for one in parsers(parser_of(verb)) for a in one._actions for flag in a.option_strings}
    return found - {"-h", "--help"}


def words(verb: str) -> set[str]:
    """Return the metavars, and the words to choose from, of what stands without a flag."""
    found: set[str] = set()
    for one in parsers(parser_of(verb)):
        for action in one._actions:
            if isinstance(action, argparse._SubParsersAction):
                found |= set(action.choices)
            elif not action.option_strings:
                found |= set(action.choices or [str(action.metavar)])
    return found


def test_every_verb_has_its_part_and_its_line() -> None:
    assert [heading for heading in PARTS if heading.startswith("duban ")] == [
        f"duban {verb}" for verb in VERBS
    ]
    assert [re.findall(r"\[(\w+)\]", line[0])[0] for line in table(PAGE)] == list(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_flags_and_words_are_documented_and_none_besides(verb: str) -> None:
    part = PARTS[f"duban {verb}"]
    first_cells = " ".join(line[0] for line in table(part)) if "| 参数 |" in part else ""
    assert set(re.findall(r"--[a-z-]+", first_cells)) == flags(verb)
    for word in words(verb):
        assert f"`{word}`" in first_cells


def commands() -> list[tuple[str, str, str]]:
    """Return page, verb and arguments of every ./duban line of a code block."""
    found = []
    for page in PAGES:
        whole = page.read_text(encoding="utf-8")
        shown = "\n".join(blocks(whole, "sh")) + "\n".join(re.findall(r"`([^`\n]+)`", whole))
        shown += "\n".join(re.findall(r"^    (.+)$", whole, re.MULTILINE))
        name = page.relative_to(ROOT).as_posix()
        found += [(name, verb, rest) for verb, rest in SHELL.findall(shown)]
    return found


def test_commands_shown_on_any_page_exist_with_their_flags() -> None:
    shown = commands()
    assert {verb for _, verb, _ in shown} >= {"serve", "check", "plan", "apply", "simulate"}
    for page, verb, rest in shown:
        assert verb in VERBS, (page, verb)
        used = set(re.findall(r"(?<!\S)--[a-z-]+", rest.partition("#")[0])) - {"--help"}
        assert used <= flags(verb), (page, verb, rest)


def named(part: str) -> set[str]:
    return set(re.findall(r"`([a-z_]+)`", part))


def test_fields_of_deadlines() -> None:
    example = load([DOCS / "example"], [DOCS / "example" / "rosters"])
    document, roster = example.documents["shili-2027"], example.rosters["shili-2027"]
    first, last = date(2027, 1, 1), date(2027, 12, 31)
    whole = occurrences(document, roster, example.workdays, first, last)
    asked = next(one for one in whole if one.submit)
    counted = next(one for one in whole if one.quota)
    part = PARTS["duban deadlines"].split("| JSON 字段 |")[1]
    assert set(row(asked)) <= named(part)
    assert set(row(asked)["submit"][0]) | set(row(counted)["quota"]) <= named(part)
    assert set(row(asked)["pairings"][0]) <= named(part)


def test_fields_of_check() -> None:
    assert {field.name for field in fields(Problem)} <= named(PARTS["duban check"])


def test_states_of_the_outbox() -> None:
    part = PARTS["duban outbox"].split("| 状态 |")[1]
    documented = set()
    for line in part.splitlines():
        if line.startswith("| `"):
            documented |= set(re.findall(r"`([a-z_]+)`", line.split("|")[1]))
    assert documented == set(STATES)


def test_statuses() -> None:
    part = PARTS["duban deadlines"]
    for status in ("open", "acknowledged", "completed", "waived", "history", "cancelled"):
        assert re.search(rf"\b{status} [\u4e00-\u9fff]", part)


def test_exit_codes() -> None:
    for code in "0123":
        assert re.search(rf"[：；]\s?{code} ", PAGE)
