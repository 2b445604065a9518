"""Settings: the order of sources, secrets in files, and one plain sentence for each fault."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from config.settings import TABLE, load

ROOT = Path(__file__).parents[2]


def found(environ: dict[str, str], data: Path) -> list[tuple[str, str, str]]:
    return [(f.path, f.code, f.severity) for f in load(environ, data).findings]


def test_every_setting_has_a_field_a_help_and_a_source(tmp_path: Path) -> None:
    loaded = load({}, tmp_path)
    assert [f.name for f in fields(loaded)][:-2] == [s.name for s in TABLE]
    assert set(loaded.sources) == {s.name for s in TABLE}
    assert all(s.help for s in TABLE)
    assert loaded.findings == ()


def test_defaults(tmp_path: Path) -> None:
    loaded = load({}, tmp_path)
    assert loaded.database_url == f"sqlite:///{tmp_path}/duban.db"
    assert loaded.timezone.key == "Asia/Shanghai"
    assert (loaded.smtp_host, loaded.smtp_timeout, loaded.lease) == (None, 600, 900)
    assert loaded.deadline_reading == "inclusive"
    assert load({}).data == ROOT / "data"


def test_environment_before_file_before_default(tmp_path: Path) -> None:
    (tmp_path / "duban.toml").write_text('lease = 1200\nbase_url = "https://a.example/x/"\n')
    loaded = load({"DUBAN_LEASE": "1000"}, tmp_path)
    assert loaded.lease == 1000
    assert loaded.sources["lease"] == "环境变量 DUBAN_LEASE"
    assert loaded.base_url == "https://a.example/x"
    assert loaded.sources["base_url"] == "duban.toml"
    assert loaded.sources["timezone"] == "默认"


def test_data_folder_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load({"DUBAN_DATA": "here"}).data == tmp_path / "here"
    assert load({"DUBAN_DATA": "here"}, tmp_path / "there").data == tmp_path / "there"


def test_folders_in_the_file_count_from_the_data_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "duban.toml").write_text('workflows = "mine"\n')
    assert load({}, tmp_path).workflows == tmp_path / "mine"


def test_an_empty_variable_is_not_set(tmp_path: Path) -> None:
    loaded = load({"DUBAN_SMTP_HOST": "", "DUBAN_LEASE": ""}, tmp_path)
    assert loaded.smtp_host is None
    assert loaded.findings == ()


@pytest.mark.parametrize(
    ("host", "port", "tls", "wanted"),
    [
        ("", "", "", ("none", 25)),
        ("127.0.0.1", "", "", ("none", 25)),
        ("smtp.example", "", "", ("starttls", 587)),
        ("smtp.example", "465", "", ("tls", 465)),
        ("smtp.example", "", "tls", ("tls", 465)),
        ("smtp.example", "25", "none", ("none", 25)),
    ],
)
def test_encryption_and_port(
    tmp_path: Path, host: str, port: str, tls: str, wanted: tuple[str, int]
) -> None:
    environ = {"DUBAN_SMTP_HOST": host, "DUBAN_SMTP_PORT": port, "DUBAN_SMTP_TLS": tls}
    loaded = load(environ, tmp_path)
    assert (loaded.smtp_tls, loaded.smtp_port) == wanted


def test_secret_from_a_file_is_masked(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret words\r\n")
    environ = {"DUBAN_SMTP_PASSWORD_FILE": str(secret), "DUBAN_SMTP_USER": "u"}
    loaded = load(environ, tmp_path)
    assert loaded.smtp_password == "s3cret words"
    assert "s3cret" not in repr(loaded) + str(loaded.shown())
    assert ("DUBAN_SMTP_PASSWORD", "******", f"文件 {secret}") in loaded.shown()


def test_only_secrets_have_a_file_variable(tmp_path: Path) -> None:
    assert found({"DUBAN_LEASE_FILE": "x"}, tmp_path) == [("DUBAN_LEASE_FILE", "S001", "warning")]


def test_unknown_names_warn_with_the_nearest(tmp_path: Path) -> None:
    loaded = load({"DUBAN_SMTPHOST": "x", "DUBAN_WHEELS": "y", "OTHER": "z"}, tmp_path)
    assert [(w.code, w.hint) for w in loaded.warnings] == [("S001", "是不是 DUBAN_SMTP_HOST？")]
    assert loaded.errors == ()


def test_every_fault_in_one_run_and_defaults_in_their_place(tmp_path: Path) -> None:
    loaded = load(
        {"DUBAN_TIMEZONE": "Asia", "DUBAN_SMTP_PORT": "0", "DUBAN_CONTACTS": "/none.csv"}, tmp_path
    )
    assert [f.code for f in loaded.errors] == ["S006", "S003", "S004"]
    assert loaded.timezone.key == "Asia/Shanghai"
    assert loaded.smtp_port == 25
    assert loaded.contacts is None


def test_a_lease_is_longer_than_the_wait(tmp_path: Path) -> None:
    loaded = load({"DUBAN_LEASE": "30"}, tmp_path)
    assert (loaded.lease, loaded.smtp_timeout) == (30, 20)
    assert [f.severity for f in loaded.findings] == ["warning"]
    loaded = load({"DUBAN_SMTP_TIMEOUT": "1000"}, tmp_path)
    assert (loaded.lease, loaded.smtp_timeout) == (1500, 1000)
    loaded = load({"DUBAN_LEASE": "5", "DUBAN_SMTP_TIMEOUT": "2"}, tmp_path)
    assert (loaded.lease, loaded.smtp_timeout) == (5, 2)
    assert loaded.findings == ()
    loaded = load({"DUBAN_LEASE": "5", "DUBAN_SMTP_TIMEOUT": "5"}, tmp_path)
    assert (loaded.lease, loaded.smtp_timeout) == (5, 3)
    assert [(f.code, f.severity) for f in loaded.findings] == [("S010", "warning")]


def test_the_example_is_right() -> None:
    loaded = load({}, ROOT / "config" / "example")
    assert loaded.findings == ()
    assert loaded.contacts == ROOT / "config" / "example" / "contacts.csv"


def test_import_is_light() -> None:
    """Every verb starts through here: no library, no TOML or HTTP machinery before it is needed."""
    script = (
        "import sys, config.settings\n"
        "print([m for m in ('pydantic', 'tomllib', 'difflib', 'sqlalchemy', 'yaml', 'csv', "
        "'python_calamine', 'subprocess') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"


@hypothesis_settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([s.variable for s in TABLE[1:]]),
    st.text(max_size=60).filter(lambda t: "\0" not in t),
)
def test_any_value_is_taken_or_refused(name: str, value: str) -> None:
    load({name: value}, ROOT / "config" / "example")


@hypothesis_settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet='lease=_"[]{}0.\n#a:-', max_size=60))
def test_any_file_is_taken_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("data")
    (folder / "duban.toml").write_text(text)
    load({}, folder)
