"""``duban activity`` and ``duban quota`` as people script against them."""

from __future__ import annotations

from sqlmodel import select

from scheduler import store
from scheduler.tables import Evidence
from tests.cli.desk import Desk

ADD = (
    "activity", "add", "--document", "pair-2025", "--obligation", "lecture",
    "--supporter", "甲市人民医院", "--recipient", "乙县人民医院",
)  # fmt: skip
QUOTA = ("quota", "--document", "pair-2025", "--from", "2026-01-01", "--to", "2026-03-31")
FIELDS = {
    "obligation", "supporter", "recipient", "opens", "due", "at_least", "at_most", "counted",
    "expected_by_now", "enforced", "state",
}  # fmt: skip


def test_activities_are_added_counted_listed_and_withdrawn(desk: Desk) -> None:
    desk.adopt()
    said = desk(*ADD, "--on", "2026-01-08", "--count", "2", "--evidence", "签到表")
    assert (said.code, said.err) == (0, "")
    assert said.out == "已登记，编号 1：2026-01-08，2 次（人、项）\n"
    first, second, third = desk(*QUOTA, "--format", "json").json
    assert set(first) >= FIELDS
    assert (first["opens"], first["due"], first["counted"]) == ("2026-01-01", "2026-01-31", 2)
    assert (first["state"], second["state"], third["state"]) == ("met", "upcoming", "upcoming")
    assert (first["supporter"], first["recipient"]) == ("甲市人民医院", "乙县人民医院")
    (one,) = desk("activity", "list", "--format", "json").json
    assert (one["subject"], one["on"], one["count"]) == ("da.xiao", "2026-01-08", 2)
    assert "签到表" in desk("activity", "list", "--document", "pair-2025").out
    assert desk("activity", "withdraw", "1", "--reason", "写错").code == 0
    assert desk(*QUOTA, "--format", "json").json[0]["counted"] == 0
    assert desk("activity", "list", "--format", "json").json == []
    (gone,) = desk("activity", "list", "--withdrawn", "--format", "json").json
    assert gone["reason"] == "写错"


def test_the_users_faults_end_with_1_and_a_sentence(desk: Desk) -> None:
    desk.adopt()
    desk(*ADD, "--on", "2026-01-08")
    missing = ("activity", "import", desk.folder / "missing.csv")
    tries = (
        ((*ADD, "--on", "2026-01-08"), "已登记过完全相同的活动"),
        ((*ADD, "--on", "2026-01-10"), "还没有到"),
        ((*ADD, "--on", "2026-01-08", "--count", "0"), "次数不能是 0"),
        (("activity", "withdraw", "7", "--reason", "错"), "没有编号为 7"),
        (missing, "L013"),
        ((*QUOTA[:1], "--document", "x", *QUOTA[3:]), "没有编号为“x”的文件"),
        ((*QUOTA, "--institution", "乌有"), "名册里没有“乌有”"),
        ((*QUOTA[:3], "--from", "2026-02-01", "--to", "2026-01-01"), "--to 早于 --from"),
    )
    for words, told in tries:
        said = desk(*words)
        assert (said.code, said.out) == (1, ""), words
        assert told in said.err
        assert "Traceback" not in said.err


def test_files_are_stored_as_evidence_within_the_same_limits(desk: Desk) -> None:
    desk.adopt()
    sheet, big = desk.folder / "签到表.pdf", desk.folder / "录像.pdf"
    sheet.write_bytes(b"%PDF-1.7")
    with big.open("wb") as file:
        file.truncate(2 * 1024**3)
    (desk.folder / "a.pdf").write_bytes(b"MZ")
    for name, told in (
        (big, "最多 20 MB"), (desk.folder / "a.pdf", "不符"), (desk.folder, "不是普通文件"),
        (desk.folder / "没有.pdf", "找不到佐证文件"), ("签到.xlsx", "找不到佐证文件"),
    ):  # fmt: skip
        said = desk(*ADD, "--on", "2026-01-08", "--evidence", name)
        assert (said.code, said.out) == (1, ""), name
        assert told in said.err
    assert desk("activity", "list", "--format", "json").json == []
    assert files(desk) == []
    said = desk(*ADD, "--on", "2026-01-08", "--evidence", sheet)
    assert "佐证存为 evidence/" in said.out
    (one,) = desk("activity", "list", "--format", "json").json
    assert files(desk) == [(one["evidence"].removeprefix("evidence/"), "签到表.pdf", b"%PDF-1.7")]
    # The same activity once more is known by its file's content, and the file is stored once.
    assert "已登记过完全相同的活动" in desk(*ADD, "--on", "2026-01-08", "--evidence", sheet).err
    assert desk(*ADD, "--on", "2026-01-09", "--evidence", "text:签到.pdf").code == 0
    assert [r["evidence"] for r in desk("activity", "list", "--format", "json").json][1] == "签到.pdf"
    assert len(files(desk)) == 1


def files(desk: Desk) -> list[tuple[str, str, bytes]]:
    engine = store.connect(f"sqlite:///{desk.folder / 'data' / 'duban.db'}")
    with store.reading(engine) as session:
        found = session.exec(select(Evidence)).all()
    engine.dispose()
    return [(one.name, one.original, one.body) for one in found]


def test_a_table_names_files_beside_it(desk: Desk) -> None:
    desk.adopt()
    folder = desk.folder / "台账"
    (folder / "照片").mkdir(parents=True)
    (folder / "照片" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    table = folder / "a.csv"
    head = "document,obligation,supporter,recipient,on,evidence\n"
    row = "pair-2025,lecture,da,xiao,2026-01-0{},{}\n".format
    with (folder / "大.pdf").open("wb") as file:
        file.truncate(2 * 1024**3)
    table.write_text(
        head + row(5, "照片/1.png") + row(6, "照片/2.png") + row(7, "大.pdf") + row(8, "签到表"),
        "utf-8",
    )
    said = desk("activity", "import", table)
    assert (said.code, said.out) == (1, "")
    assert f"{table}:3:6: L032 找不到佐证文件 照片/2.png" in said.err
    assert f"{table}:4:6: L032 文件有 2048 MB，最多 20 MB" in said.err
    (desk.folder / "密.txt").write_text("别人的", "utf-8")
    (folder / "链接.txt").symlink_to(desk.folder / "密.txt")
    table.write_text(head + row(5, "../密.txt") + row(6, desk.folder / "密.txt") + row(7, "链接.txt"), "utf-8")
    said = desk("activity", "import", table)
    assert said.err.count("不在这张表的文件夹里") == 3
    assert files(desk) == []
    table.write_text(head + row(5, "照片/1.png") + row(6, "https://x.example/1") + row(8, "签到表"), "utf-8")
    assert desk("activity", "import", table).out == "已登记 3 次活动，跳过 0 行\n"
    ((name, original, _),) = files(desk)
    kept = [one["evidence"] for one in desk("activity", "list", "--format", "json").json]
    assert (kept, original) == ([f"evidence/{name}", "https://x.example/1", "签到表"], "1.png")
    assert desk("activity", "import", table).out == "已登记 0 次活动，跳过 3 行\n"
    assert len(files(desk)) == 1


def test_what_counts_nowhere_is_recorded_and_told(desk: Desk) -> None:
    desk.adopt()
    said = desk(*ADD, "--on", "2025-01-02")
    assert said.code == 0
    assert "不计数" in said.err
    assert len(desk("activity", "list", "--format", "json").json) == 1


def test_a_table_is_imported(desk: Desk) -> None:
    desk.adopt()
    file = desk.folder / "a.csv"
    head = "document,obligation,supporter,recipient,on,count,evidence\n"
    file.write_text(head + "pair-2025,lecture,da,xiao,2026-01-05,,\n", "utf-8")
    said = desk("activity", "import", file)
    assert (said.code, said.out) == (0, "已登记 1 次活动，跳过 0 行\n")
    again = desk("activity", "import", file)
    assert (again.code, again.out) == (0, "已登记 0 次活动，跳过 1 行\n")
    assert "L035" in again.err
    assert "本期已1次，共需1次，已达到" in desk(*QUOTA).out


def test_before_anything_is_applied_the_files_say_what_counts(desk: Desk) -> None:
    assert desk(*ADD, "--on", "2026-01-08").code == 0
    assert desk(*QUOTA, "--format", "json").json[0]["counted"] == 1
    desk.adopt()
    assert desk(*QUOTA, "--format", "json").json[0]["counted"] == 1
