from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from scheduler import evidence, store
from scheduler.evidence import LIMIT, Refused, original_name
from tests.scheduler.house import House, at

PDF = b"%PDF-1.7\n..."
NOW = at("2026-03-02 10:00")


def office(part: str, *more: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("[Content_Types].xml", f"{part}/document.xml", *more):
            archive.writestr(name, "<x/>")
    return out.getvalue()


TAKEN = [
    ("方案.pdf", PDF, "application/pdf"),
    ("SCAN.JPEG", b"\xff\xd8\xff\xe0...", "image/jpeg"),
    ("图.png", b"\x89PNG\r\n\x1a\n...", "image/png"),
    ("老.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1...", "application/msword"),
    ("新.docx", office("word"), evidence.TYPES["docx"]),
    ("表.xlsx", office("xl"), evidence.TYPES["xlsx"]),
    ("说明.txt", "已寄出".encode("gb18030"), "text/plain; charset=utf-8"),
]


@pytest.mark.parametrize(("name", "body", "media"), TAKEN)
def test_what_is_taken_comes_back_under_a_name_of_our_own(
    house: House, name: str, body: bytes, media: str
) -> None:
    with store.writing(house.engine) as session:
        mention = evidence.store(session, name, body, NOW, "测试")
    assert mention.startswith("evidence/")
    assert name.partition(".")[0] not in mention
    with store.reading(house.engine) as session:
        found = evidence.fetch(session, mention)
        assert found is not None
        assert (found.original, found.media_type, found.size) == (name, media, len(found.body))
        if not name.endswith(".txt"):
            assert found.body == body
        else:
            assert found.body.decode() == "已寄出"


REFUSED = [
    ("a.exe", b"MZ...", "不收这一类"),
    ("a", PDF, "不收这一类"),
    ("a.zip", office("word"), "不收这一类"),
    ("a.html", b"<script>", "不收这一类"),
    ("a.svg", b"<svg/>", "不收这一类"),
    ("a.pdf", b"MZ...", "不符"),
    ("a.pdf", b"\xff\xd8\xff\xe0", "不符"),
    ("a.docx", office("xl"), "不符"),
    ("a.docx", office("word", "word/vbaProject.bin"), "不符"),
    ("a.docx", b"PK\x03\x04 broken", "不符"),
    ("a.txt", b"\x00\x01\x02", "不符"),
    ("a.pdf", b"", "是空的"),
    ("a.pdf", PDF + b"x" * LIMIT, "最多 20 MB"),
]


@pytest.mark.parametrize(("name", "body", "why"), REFUSED)
def test_what_is_refused_leaves_nothing(house: House, name: str, body: bytes, why: str) -> None:
    with pytest.raises(Refused, match=why), store.writing(house.engine) as session:
        evidence.store(session, name, body, NOW, "测试")
    with store.reading(house.engine) as session:
        assert session.connection().exec_driver_sql("select count(*) from evidence").scalar() == 0


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Users\\x\\方案.pdf", "方案.pdf"),
        ("a\0b.pdf", "ab.pdf"),
        ("fdp.\u202eexe.pdf", "fdp.exe.pdf"),
        ("\u200b\u2028.pdf", "pdf"),
        ("..", "未命名"),
        ("", "未命名"),
        ("长" * 300 + ".pdf", "长" * 115 + "….pdf"),
    ],
)
def test_names_of_files_lose_what_could_do_harm(given: str, shown: str) -> None:
    assert original_name(given) == shown
    assert len(original_name(given)) <= evidence.ORIGINAL_LIMIT


def test_two_gigabytes_are_refused_without_being_read(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = tmp_path / "big.pdf"
    with big.open("wb") as file:
        file.truncate(2 * 1024**3)
    monkeypatch.setattr(Path, "open", None)
    with pytest.raises(Refused, match="2048 MB"), store.writing(house.engine) as session:
        evidence.from_file(session, big, NOW, "测试")


def test_only_plain_files_are_read(house: House, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pdf")
    for path in (tmp_path, tmp_path / "pipe.pdf", Path("/dev/zero")):
        with pytest.raises(Refused, match="不是普通文件"), store.writing(house.engine) as session:
            evidence.from_file(session, path, NOW, "测试")
    with pytest.raises(Refused, match="读不了"), store.writing(house.engine) as session:
        evidence.from_file(session, tmp_path / "none.pdf", NOW, "测试")
