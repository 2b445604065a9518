"""Every setting is in docs/settings.md, with its secrecy and its default, and none besides."""

from __future__ import annotations

import tomllib

from config.settings import TABLE
from tests.docs.pages import ROOT, table, text

PAGE = text("docs/settings.md")
ROWS = {row[0].strip("`"): row for row in table(PAGE)}


def test_every_setting_is_documented_and_none_besides() -> None:
    assert list(ROWS) == [setting.variable for setting in TABLE]


def test_secrets_are_marked() -> None:
    marked = {name for name, row in ROWS.items() if row[1] == "密"}
    assert marked == {setting.variable for setting in TABLE if setting.secret}


def test_defaults_are_the_real_ones() -> None:
    for setting in TABLE:
        if setting.default is not None:
            assert ROWS[setting.variable][2] == f"`{setting.default}`"
        else:
            assert ROWS[setting.variable][2]


def test_the_example_file_names_only_settings() -> None:
    source = (ROOT / "config" / "example" / "duban.toml").read_text(encoding="utf-8")
    whole = "\n".join(line.removeprefix("# ") if " = " in line else line for line in source.split("\n"))
    assert set(tomllib.loads(whole)) <= {setting.name for setting in TABLE}
