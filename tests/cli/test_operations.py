"""The verbs beside the service: feeds without a store, addresses, and the doctor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import main
from scheduler.applying import adopt_bundled
from scheduler.store import connect, migrate, writing
from tests.notifications.feed_samples import check_bytes, events
from tests.scheduler.house import BASE, at, loaded

NOW = "2026-03-06T09:00:00+08:00"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a data folder that is not there yet."""
    monkeypatch.setenv("DUBAN_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def store(data: Path) -> None:
    """Adopt the small document of the scheduler's tests."""
    engine = connect(f"sqlite:///{data / 'duban.db'}", durable=False)
    migrate(engine)
    with writing(engine) as session:
        adopt_bundled(session, loaded(), at("2026-01-09 10:00"), BASE)


def feed(tmp_path: Path, *arguments: str) -> bytes:
    output = tmp_path / "out.ics"
    assert main(["feed", *arguments, "--output", str(output)]) == 0
    return output.read_bytes()


def test_without_a_store_the_files_give_the_same_bytes_every_time(
    tmp_path: Path, data: Path
) -> None:
    first = feed(tmp_path, "马山县中医医院", "--at", NOW)
    check_bytes(first)
    assert feed(tmp_path, "mashan-zhongyiyiyuan", "--at", "2026-12-31T23:59:59+08:00") == first
    assert feed(tmp_path, "mashan-zhongyiyiyuan", "--at", "2027-01-01T00:00:00+08:00") != first
    assert {event["DTSTAMP"].dt.isoformat() for event in events(first).values()} == {
        "2019-07-11T00:00:00+00:00"
    }
    assert not data.exists()  # asking makes nothing


def test_variants_by_flags(tmp_path: Path) -> None:
    everything = feed(tmp_path, "马山县中医医院", "--at", NOW, "--alarms", "--frequent")
    assert b"BEGIN:VALARM" in everything
    once = feed(tmp_path, "马山县中医医院", "--at", NOW, "--document", "hubei-2022")
    assert set(events(once)) == {"info/mashan-zhongyiyiyuan/chosen/2026@duban"}


def test_an_unknown_institution_is_the_users_fault(
    capfd: pytest.CaptureFixture[str], store: None
) -> None:
    assert main(["feed", "没有这家医院"]) == 1
    assert main(["token", "create", "没有这家医院", "--name", "x"]) == 1
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.count("没有“没有这家医院”") == 2


def test_addresses_are_made_listed_and_revoked(
    capfd: pytest.CaptureFixture[str], store: None
) -> None:
    assert main(["token", "create", "甲市人民医院", "--name", "值班手机"]) == 0
    made = capfd.readouterr()
    assert made.out.startswith("http://127.0.0.1:8000/feeds/")
    assert made.out.count("\n") == 1
    secret = made.out.strip().rpartition("/")[2].removesuffix(".ics")
    assert main(["token", "list", "--format", "json"]) == 0
    (row,) = json.loads(capfd.readouterr().out)
    assert (row["id"], row["institution_id"], row["name"]) == (1, "da", "值班手机")
    assert secret not in json.dumps(row)
    assert main(["token", "revoke", "1"]) == 0
    assert main(["token", "revoke", "2"]) == 1
    assert main(["token", "create", "da", "--name", " "]) == 1
    capfd.readouterr()
    assert main(["token", "list"]) == 0
    assert "值班手机" in capfd.readouterr().out


def test_without_applied_documents_there_is_no_address(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "create", "马山县中医医院", "--name", "x"]) == 1
    assert "还没有应用任何文件" in capfd.readouterr().err


def doctor(capfd: pytest.CaptureFixture[str], code: int = 0) -> dict[str, Any]:
    capfd.readouterr()
    assert main(["doctor", "--format", "json"]) == code
    found: dict[str, Any] = json.loads(capfd.readouterr().out)
    return found


def test_the_doctor_masks_secrets_and_names_sources(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text("geheim-123\n")
    monkeypatch.setenv("DUBAN_SMTP_HOST", "localhost")
    monkeypatch.setenv("DUBAN_SMTP_USER", "duban")
    monkeypatch.setenv("DUBAN_SMTP_PASSWORD_FILE", str(password))
    monkeypatch.setenv("DUBAN_NONSENSE", "1")
    found = doctor(capfd)
    by_name = {one["name"]: one for one in found["settings"]}
    assert by_name["DUBAN_SMTP_PASSWORD"]["value"] == "******"
    assert str(password) in by_name["DUBAN_SMTP_PASSWORD"]["source"]
    assert by_name["DUBAN_TIMEZONE"]["source"] == "默认"
    assert any("DUBAN_NONSENSE" in problem for problem in found["problems"])
    assert "geheim" not in json.dumps(found)
    assert main(["doctor"]) == 0
    assert "geheim" not in capfd.readouterr().out


def test_the_doctor_says_what_wants_a_look(capfd: pytest.CaptureFixture[str], store: None) -> None:
    found = doctor(capfd)
    assert found["applied"] == ["pair-2025"]
    assert "pair-2025" in found["differing"]
    assert "guangxi-2019" in found["differing"]
    assert found["outbox"] == {"planned": 0}
    assert found["tracked"] > 0
    assert found["without_liaison"] != []
    assert main(["doctor"]) == 0
    said = capfd.readouterr().out
    assert "▲ 文件与已应用的不同" in said
    assert "没有登记联络员" in said


def test_a_store_that_is_no_store_is_told(
    capfd: pytest.CaptureFixture[str], data: Path
) -> None:
    data.mkdir()
    (data / "duban.db").write_bytes(b"this is not a database at all" * 100)
    found = doctor(capfd, 1)
    assert found["fault"].startswith("数据库文件已损坏")
    assert main(["doctor"]) == 1
    assert "■ 数据库文件已损坏" in capfd.readouterr().out


def test_wrong_settings_end_the_doctor_with_one(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUBAN_TIMEZONE", "Mars/Olympus")
    found = doctor(capfd, 1)
    assert "store" not in found
    assert main(["doctor"]) == 1
    assert "没有打开数据库" in capfd.readouterr().out
