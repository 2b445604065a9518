from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.cli.desk import Desk
from tests.scheduler.house import JUNE, PLAN, WORKFLOW
from workflows.library import bundled_workdays

ROOT = Path(__file__).parents[2]
SPAN = ("--from", "2026-01-09", "--to", "2026-05-31", "--format", "json")


def facts(desk: Desk, *lines: dict[str, object] | str) -> Path:
    file = desk.folder / "facts.jsonl"
    text = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    file.write_text("\n".join(text) + "\n", encoding="utf-8")
    return file


def fired(mails: list[dict[str, Any]], key: str = PLAN) -> list[tuple[str, str]]:
    """Return (day, rung) of a key, each once, in order."""
    found = [(m["at"][:10], i["rung"]) for m in mails for i in m["items"] if i["key"] == key]
    return list(dict.fromkeys(found))


def test_every_mail_of_a_spring(desk: Desk) -> None:
    said = desk("simulate", *SPAN)
    assert (said.code, said.err) == (0, "")
    assert fired(said.json) == [
        ("2026-03-06", "before-14d"),
        ("2026-03-18", "before-2wd"),
        ("2026-03-23", "after-1wd"),
        ("2026-03-27", "after-5wd"),
        ("2026-04-03", "after-10wd"),
    ]
    first = said.json[0]
    assert first.pop("message_id").endswith(">")
    assert first == {
        "at": "2026-03-06T09:00:00+08:00",
        "to": {
            "institution": "甲市人民医院",
            "institution_id": "da",
            "role": "liaison",
            "office": "",
            "address": "liaison@da.example",
            "placeholder": True,
        },
        "subject": first["subject"],
        "items": [{"key": PLAN, "rung": "before-14d", "due": "2026-03-20"}],
        "class": "ordinary",
        "reason": None,
    }
    assert "甲市人民医院" in first["subject"]
    assert not (desk.folder / "data").exists()


def test_the_same_period_gives_the_same_mails(desk: Desk) -> None:
    assert desk("simulate", *SPAN).out == desk("simulate", *SPAN).out


def test_adoption_says_why_a_mail_is_late(desk: Desk) -> None:
    said = desk("simulate", "--from", "2026-03-14", "--to", "2026-03-17", "--format", "json")
    assert fired(said.json) == [("2026-03-16", "before-14d")]
    assert said.json[0]["reason"] == f"{PLAN} before-14d：原定 2026-03-06，推迟到今天"


def test_facts_take_effect_at_their_instant(desk: Desk) -> None:
    file = facts(
        desk,
        {"at": "2026-03-19T10:00:00+08:00", "key": PLAN, "fact": "acknowledged",
         "until": "2026-03-25"},
        "",
        {"at": "2026-03-30T08:00:00+08:00", "key": PLAN, "fact": "completed", "on": "2026-03-29"},
    )  # fmt: skip
    said = desk("simulate", *SPAN, "--facts", file)
    assert fired(said.json) == [
        ("2026-03-06", "before-14d"),
        ("2026-03-18", "before-2wd"),
        ("2026-03-26", "after-1wd"),
        ("2026-03-27", "after-5wd"),
    ]


def test_bad_lines_are_told_all_at_once(desk: Desk) -> None:
    good = {"at": "2026-03-19T10:00:00+08:00", "key": PLAN, "fact": "completed"}
    file = facts(
        desk,
        good,
        "{",
        good | {"at": "2026-03-19T10:00:00"},
        good | {"key": "pair-2025/none"},
        good | {"fact": "waived"},
        good | {"on": "2026-03-20"},
        good | {"extra": 1},
        good | {"key": "elsewhere/x/y/z"},
        "[]",
    )
    said = desk("simulate", *SPAN, "--facts", file)
    assert (said.code, said.out) == (1, "")
    assert [n for n in range(1, 10) if f"第 {n} 行" in said.err] == [2, 3, 4, 5, 6, 7, 8, 9]


def test_facts_of_every_kind_are_taken(desk: Desk) -> None:
    file = facts(
        desk,
        {"at": "2026-03-02T10:00:00+08:00", "key": PLAN, "fact": "extended",
         "until": "2026-04-20", "basis": "某函〔2026〕3号"},
        {"at": "2026-06-01T10:00:00+08:00", "key": JUNE, "fact": "completed"},
        {"at": "2026-06-03T10:00:00+08:00", "key": JUNE, "fact": "corrected", "reason": "报错了"},
        {"at": "2026-06-17T10:00:00+08:00", "key": JUNE, "fact": "submitted"},
        {"at": "2026-06-18T10:00:00+08:00", "key": JUNE, "fact": "returned", "reason": "缺页"},
        {"at": "2026-06-24T10:00:00+08:00", "key": JUNE, "fact": "waived", "reason": "本次免报"},
    )  # fmt: skip
    said = desk("simulate", *SPAN[:3], "2026-07-15", *SPAN[4:], "--facts", file)
    assert (said.code, said.err) == (0, "")
    dues = {item["due"] for mail in said.json for item in mail["items"] if item["key"] == PLAN}
    assert dues == {"2026-04-20"}
    days = [mail["at"][:10] for mail in said.json for item in mail["items"] if item["key"] == JUNE]
    assert "2026-06-22" in days  # one working day after, as it was returned
    assert max(days) < "2026-06-24"


def test_what_does_not_fit_in_its_moment_is_told_too(desk: Desk) -> None:
    file = facts(
        desk,
        {"at": "2026-02-01T10:00:00+08:00", "key": PLAN, "fact": "completed"},
        {"at": "2026-02-02T10:00:00+08:00", "key": PLAN, "fact": "acknowledged",
         "until": "2026-02-09"},
    )  # fmt: skip
    said = desk("simulate", *SPAN, "--facts", file)
    assert said.code == 1
    assert "第 2 行：这一事项已办结" in said.err


def test_the_mails_themselves(desk: Desk) -> None:
    outbox = desk.folder / "outbox"
    mails = desk("simulate", *SPAN, "--outbox", outbox).json
    written = [file.read_bytes() for file in (outbox / "new").iterdir()]
    assert len(written) == len(mails)
    assert all(any(m["message_id"].encode() in raw for raw in written) for m in mails)


def test_table(desk: Desk) -> None:
    said = desk("simulate", *SPAN[:4])
    assert said.out.splitlines()[-1] == "共 8 封"
    assert "2026-03-06 09:00" in said.out


def test_unknown_document_and_dates_the_wrong_way_round(desk: Desk) -> None:
    assert desk("simulate", *SPAN, "--document", "none").code == 1
    assert desk("simulate", "--from", "2026-03-02", "--to", "2026-03-01").code == 1


def test_over_a_new_year_the_horizon_follows(desk: Desk) -> None:
    desk.write(WORKFLOW.replace("  clause: 二\n", "  open_ended: true\n  clause: 二\n"))
    said = desk("simulate", "--from", "2025-12-01", "--to", "2029-07-31", "--format", "json")
    assert ("2029-06-06", "before-14d") in fired(said.json, "pair-2025/progress/shi/2029-jun")
    assert len(fired(said.json, JUNE)) == 5


def test_the_hosts_time_zone_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "pair-2025.yaml").write_text(WORKFLOW, encoding="utf-8")
    from tests.scheduler.house import TABLES

    (tmp_path / "pair-2025").mkdir()
    for name, text in TABLES.items():
        (tmp_path / "pair-2025" / name).write_text(text, encoding="utf-8")
    outputs = []
    for zone in ("UTC", "America/Los_Angeles", "Pacific/Kiritimati"):
        environ = {k: v for k, v in os.environ.items() if not k.startswith("DUBAN_")} | {
            "TZ": zone,
            "DUBAN_DATA": str(tmp_path / "data"),
            "DUBAN_WORKFLOWS": str(tmp_path),
            "DUBAN_ROSTERS": str(tmp_path),
        }
        words = [sys.executable, "-m", "cli", "simulate", *SPAN, "--document", "pair-2025"]
        done = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr.decode()
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1] == outputs[2]
    assert len(json.loads(outputs[0])) == 8


def test_guangxi_reminds_before_and_chases_after_each_deadline(
    capsys: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    from cli.__main__ import main
    from scheduler.ladder import climbs
    from scheduler.loading import load
    from scheduler.occurrences import occurrences

    monkeypatch.setenv("DUBAN_DATA", str(tmp_path))
    first, last = date(2019, 7, 11), date(2019, 12, 20)
    span = ["--from", str(first), "--to", str(last), "--document", "guangxi-2019"]
    assert main(["simulate", *span, "--format", "json"]) == 0
    mails = json.loads(capsys.readouterr().out)
    files, workdays = load(only="guangxi-2019"), bundled_workdays()
    owed = [
        one
        for one in occurrences(
            files.documents["guangxi-2019"], files.rosters["guangxi-2019"], workdays, first,
            date(2019, 11, 30),
        )
        if climbs(one)
    ]  # fmt: skip
    assert owed
    names = ["before-14d", "before-2wd", "after-1wd", "after-5wd", "after-10wd"]
    by_key: dict[str, list[tuple[str, str]]] = {}
    for mail in mails:
        for item in mail["items"]:
            days_rungs = by_key.setdefault(item["key"], [])
            if (pair := (mail["at"][:10], item["rung"])) not in days_rungs:
                days_rungs.append(pair)
    for one in owed:
        assert [rung for _, rung in by_key[one.key]] == names
        reminded = {
            mail["to"]["institution_id"]
            for mail in mails
            for item in mail["items"]
            if item["key"] == one.key and item["rung"] == "before-2wd"
        }
        assert reminded == {p.id for p in (one.responsible, *one.assisting) if p.id}
    assert all(workdays.is_workday(date.fromisoformat(mail["at"][:10])) for mail in mails)
    per_day = Counter((m["to"]["address"], m["to"]["role"], m["at"][:10]) for m in mails)
    assert max(per_day.values()) == 1


def test_who_receives_a_report_is_told_that_it_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = desk.folder / "contacts.csv"
    people.write_text("institution,role,office,email\n省局,coordinator,办公室,b@ju.example\n", "utf-8")
    monkeypatch.setenv("DUBAN_CONTACTS", str(people))
    submitted = {"key": PLAN, "fact": "submitted"}
    file = facts(
        desk,
        submitted | {"at": "2026-03-07T10:00:00+08:00"},  # a Saturday
        {"at": "2026-03-10T10:00:00+08:00", "key": PLAN, "fact": "returned", "reason": "缺公章"},
        submitted | {"at": "2026-03-11T08:00:00+08:00"},
        {"at": "2026-03-11T08:30:00+08:00", "key": PLAN, "fact": "accepted"},
    )
    said = desk("simulate", *SPAN, "--facts", file)
    assert (said.code, said.err) == (0, "")
    assert fired(said.json) == [("2026-03-06", "before-14d"), ("2026-03-09", "submitted")]
    (mail,) = [mail for mail in said.json if mail["to"]["address"] == "b@ju.example"]
    assert mail["subject"].startswith("[督办] 待审：甲市人民医院")
    assert (mail["class"], mail["reason"]) == ("ordinary", None)
