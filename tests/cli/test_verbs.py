"""``duban VERB`` as a script sees it: exit codes, what goes where, and wrong words."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from pathlib import Path

import pytest

from scheduler.rows import FIELDS
from tests.cli.command import COMMAND, duban, environment, printed
from workflows.library import DOCUMENTS
from workflows.sheet import SHEETS

NAMES = ["guangxi-2019", "hebei-2019", "horqin-2023", "hubei-2022", "shaoxing-2017"]
YEAR = ("--from", "2019-01-01", "--to", "2019-12-31")
HUBEI = ("deadlines", "--document", "hubei-2022", "--from", "2022-12-01", "--to", "2022-12-15")


def refused(folder: Path, *words: str | Path, **more: str) -> str:
    """What is said of wrong words: in Chinese, on one line, on standard error alone, exit 1."""
    done = duban(folder, *words, **more)
    said = done.stderr.decode("utf-8")
    assert done.returncode == 1, said
    assert done.stdout == b""
    assert "Traceback" not in said
    assert re.search("[一-鿿]", said)
    assert said.endswith("\n")
    assert not (folder / "data").exists()
    return said.strip()


# --- deadlines


def test_json_is_one_document_with_fixed_fields_in_order(tmp_path: Path) -> None:
    rows = json.loads(printed(tmp_path, *HUBEI, "--format", "json"))
    assert rows
    assert all(list(row) == list(FIELDS) for row in rows)
    order = [(row["due"], row["key"]) for row in rows]
    assert order == sorted(order)
    assert all("2022-12-01" <= row["due"] <= "2022-12-15" for row in rows)
    assert {row["status"] for row in rows} == {row["relation"] for row in rows} == {None}
    report = next(row for row in rows if row["obligation"] == "self-check-report")
    assert (report["due"], report["last_working_day"], report["provisional"]) == (
        "2022-12-15", "2022-12-15", False,
    )  # fmt: skip


def test_an_empty_answer_is_still_whole(tmp_path: Path) -> None:
    none = ("deadlines", "--document", "hubei-2022", "--from", "2010-01-01", "--to", "2010-01-02")
    assert json.loads(printed(tmp_path, *none, "--format", "json")) == []
    assert printed(tmp_path, *none, "--format", "csv").strip() == ",".join(FIELDS)
    assert "共 0 项" in printed(tmp_path, *none)


def test_csv_has_the_same_rows_and_no_cell_is_a_formula(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    text = (DOCUMENTS / "horqin-2023.yaml").read_text("utf-8")
    text = text.replace("title: 上报对口帮扶关系表及帮扶协议", "title: '=cmd|calc!A1'")
    text = text.replace("title: 签订对口帮扶协议书，明确总体目标、年度任务", "title: '@SUM(A1)'")
    (own / "horqin-2023.yaml").write_text(text, "utf-8")
    words = ("deadlines", "--document", "horqin-2023", "--from", "2023-02-01", "--to", "2023-02-28")
    out = printed(tmp_path, *words, "--format", "csv", DUBAN_WORKFLOWS=str(own))
    rows = list(csv.DictReader(io.StringIO(out)))
    listed = json.loads(printed(tmp_path, *words, "--format", "json"))
    assert [row["key"] for row in rows] == [row["key"] for row in listed]
    assert {"'=cmd|calc!A1", "'@SUM(A1)"} <= {row["title"] for row in rows}
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]


def test_kinds_phases_and_institutions_are_asked_for_by_name(tmp_path: Path) -> None:
    standing = json.loads(
        printed(
            tmp_path, "deadlines", "--document", "hubei-2022", "--kind", "standing",
            "--kind", "event", *YEAR, "--format", "json",
        )
    )  # fmt: skip
    assert {row["kind"] for row in standing} == {"standing", "event"}
    assert {row["due"] for row in standing} == {None}
    rows = json.loads(
        printed(
            tmp_path, "deadlines", "--institution", "wuhan-weijian", "--phase", "contested",
            "--from", "2025-12-15", "--to", "2025-12-15", "--format", "json",
        )
    )  # fmt: skip
    assert [(row["obligation"], row["relation"]) for row in rows] == [
        ("self-check-report", "responsible")
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--document", "nowhere-2000"], "nowhere-2000"),
        (["--institution", "没有这一家"], "没有这一家"),
        (["--from", "2020-02-01", "--to", "2020-01-31"], "--to 早于 --from"),
        (["--from", "2019-W01-1"], "2019-W01-1"),
        (["--from", "2019-02-29"], "2019-02-29"),
        (["--from", "20190722"], "20190722"),
        (["--to", "9999-12-31"], "2200"),
        (["--from", "0001-01-01"], "1949"),
        (["--from"], "--from"),
        (["--kind", "weekly"], "weekly"),
        (["--phase", "later"], "later"),
        (["--format", "xml"], "xml"),
        (["--doc", "hubei-2022"], "--doc"),
        (["--nonsense"], "--nonsense"),
        (["extra"], "extra"),
    ],
)
def test_wrong_words_are_the_users_fault(tmp_path: Path, words: list[str], said: str) -> None:
    assert said in refused(tmp_path, "deadlines", *words)


def test_the_last_days_of_all_are_no_fault_of_ours(tmp_path: Path) -> None:
    words = ("deadlines", "--document", "guangxi-2019", "--from", "2200-12-31", "--format", "json")
    rows = json.loads(printed(tmp_path, *words))
    assert {row["due"] for row in rows} == {"2200-12-31"}


def test_strict_reading_is_a_setting(tmp_path: Path) -> None:
    rows = json.loads(
        printed(tmp_path, *HUBEI, "--format", "json", DUBAN_DEADLINE_READING="strict")
    )
    report = next(row for row in rows if row["obligation"] == "self-check-report")
    assert report["due"] == "2022-12-14"
    assert report["key"].endswith("/2022-dec")


# --- where and in what surroundings it runs


def test_the_hosts_time_zone_changes_nothing(tmp_path: Path) -> None:
    words = ("deadlines", *YEAR, "--document", "guangxi-2019", "--format", "json")
    zones = ("UTC", "Pacific/Kiritimati", "America/Los_Angeles")
    first, *others = [printed(tmp_path, *words, TZ=zone) for zone in zones]
    assert len(json.loads(first)) > 1000
    assert others == [first, first]
    today = {printed(tmp_path, "deadlines", "--format", "csv", TZ=zone) for zone in zones}
    assert len(today) == 1


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "latin-1"])
def test_the_hosts_encoding_changes_nothing(tmp_path: Path, encoding: str) -> None:
    more = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C"}
    for form in ("json", "csv", "table"):
        assert printed(tmp_path, *HUBEI, "--format", form, **more) == printed(
            tmp_path, *HUBEI, "--format", form
        )
    assert "没有编号为" in refused(tmp_path, "deadlines", "--document", "x", **more)


@pytest.mark.parametrize("words", [("schema",), ("deadlines", *YEAR), ("check",), ("documents",)])
def test_a_reader_who_leaves_early_is_no_error(tmp_path: Path, words: tuple[str, ...]) -> None:
    process = subprocess.Popen(
        [*COMMAND, *words],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=120) == 0
    assert said == b""


def test_a_wrong_setting_is_named_and_ends_the_verb(tmp_path: Path) -> None:
    said = refused(tmp_path, "deadlines", DUBAN_TIMEZONE="Mars/Olympus")
    assert "DUBAN_TIMEZONE" in said


# --- the other verbs


def test_documents_tell_what_each_holds(tmp_path: Path) -> None:
    rows = {
        row["id"]: row for row in json.loads(printed(tmp_path, "documents", "--format", "json"))
    }
    assert sorted(rows) == NAMES
    assert sum(row["pairings"] for row in rows.values()) == 130
    for row in rows.values():
        assert row["total"] == sum(row["obligations"].values())
        assert len(row["standing"]) == row["obligations"]["standing"]
        assert row["title"]
        assert row["issuer"]
    assert rows["hubei-2022"]["issued"] is None
    assert rows["guangxi-2019"]["issued"] == "2019-07-11"
    table = printed(tmp_path, "documents")
    assert all(name in table for name in NAMES)


def test_check_passes_what_is_bundled_and_says_what_is_missing_from_the_texts(
    tmp_path: Path,
) -> None:
    problems = json.loads(printed(tmp_path, "check", "--format", "json"))
    assert problems
    assert {problem["severity"] for problem in problems} == {"warning"}
    assert "0 个错误" in printed(tmp_path, "check")


def test_check_tells_every_error_at_its_place_and_ends_with_1(tmp_path: Path) -> None:
    text = (DOCUMENTS / "horqin-2023.yaml").read_text("utf-8")
    text = text.replace("on: 2023-02-20", "on: 2023-02-30").replace("kind: window", "kind: windows")
    bad = tmp_path / "horqin-2023.yaml"
    bad.write_text(text, "utf-8")
    done = duban(tmp_path, "check", bad)
    lines = done.stdout.decode().splitlines()
    assert (done.returncode, done.stderr) == (1, b"")
    where = next(n for n, line in enumerate(text.splitlines(), 1) if "2023-02-30" in line)
    assert any(line.startswith(f"{bad}:{where}:") and "F004" in line for line in lines)
    assert sum("F005" in line for line in lines) == 2
    shape = re.compile(r".+:[0-9]+:[0-9]+: [A-Z][0-9]{3} .+ \(.+\)")
    assert all(shape.fullmatch(line) for line in lines[:-1])
    done = duban(tmp_path, "check", bad, "--format", "json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert [f"{one['path']}:{one['line']}:{one['column']}: {one['code']}" for one in told] == [
        line.split(" ")[0] + " " + line.split(" ")[1] for line in lines[:-1]
    ]


def test_check_tells_the_errors_of_sheets(tmp_path: Path) -> None:
    (own := tmp_path / "own" / "sheets").mkdir(parents=True)
    text = (SHEETS / "hubei-2022.yaml").read_text("utf-8")
    bad = own / "hubei-2022.yaml"
    bad.write_text(text.replace("total: 100", "total: 101"), "utf-8")
    (own / "hubei-2023.yaml").write_text(text, "utf-8")
    environ = {"DUBAN_WORKFLOWS": str(tmp_path / "own")}
    for words, all_ in (((), True), ((own.parent,), True), ((own,), True), ((bad,), False)):
        done = duban(tmp_path, "check", *words, "--format", "json", **environ)
        told = [(Path(one["path"]).stem, one["code"]) for one in json.loads(done.stdout)
                if one["severity"] == "error"]  # fmt: skip
        assert done.returncode == 1
        assert told == [("hubei-2022", "D031"), *[("hubei-2023", "D030")] * all_]


def test_check_of_what_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "nothing.yaml" in refused(tmp_path, "check", "nothing.yaml")


def test_a_faulty_file_is_told_and_the_others_are_listed(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "extra-2024.yaml").write_text("id: extra-2024\n", "utf-8")
    done = duban(tmp_path, *HUBEI, "--document", "horqin-2023", "--format", "json",
                 DUBAN_WORKFLOWS=str(own))  # fmt: skip
    assert done.returncode == 0
    assert json.loads(done.stdout)
    assert "extra-2024.yaml:1:" in done.stderr.decode()


@pytest.mark.parametrize("words", [["nonsense"], ["--nonsense"], ["chek"]])
def test_an_unknown_verb_is_refused(tmp_path: Path, words: list[str]) -> None:
    assert words[0] in refused(tmp_path, *words)


def test_help_and_version(tmp_path: Path) -> None:
    assert re.fullmatch(r"duban [0-9]+\.[0-9]+\.[0-9]+\n", printed(tmp_path, "--version"))
    overview = printed(tmp_path, "--help")
    for verb in ("check", "schema", "documents", "deadlines"):
        assert verb in overview
        text = printed(tmp_path, verb, "--help")
        assert text.startswith(f"用法： duban {verb}")
    done = duban(tmp_path)
    assert (done.returncode, done.stdout.decode()) == (1, overview)
