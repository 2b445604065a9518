"""Files handed in as evidence: of a known kind, of a modest size, under a name of our own.

A file's name proves nothing: what it is is read off its first bytes. Archives are refused, for
nobody sees what is in them.
"""

from __future__ import annotations

import hashlib
import io
import re
import secrets
import stat
import unicodedata
import zipfile
from datetime import datetime
from pathlib import Path

from sqlmodel import Session, select

from scheduler.refusals import Refused
from scheduler.tables import Evidence

LIMIT = 20 * 1024 * 1024  # bytes
PREFIX = "evidence/"  # before a stored file's name where a fact mentions it
ORIGINAL_LIMIT = 120  # characters of the name that the file had
TYPES = {
    "pdf": "application/pdf",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "jpg": "image/jpeg",
    "png": "image/png",
    "txt": "text/plain; charset=utf-8",
}
ALLOWED = "PDF、Word、Excel、JPG、PNG、TXT"
WORDS = "text:"  # before what is to be taken for words, whatever it looks like
_HERE = Path()
# What reads like a file: with an ending, from a root, or folders in plain letters. No blanks.
_FILE = re.compile(
    r"(?!\w+://)(?:\S*\.[A-Za-z][A-Za-z0-9]{1,4}|(?:[A-Za-z]:|~|\.{1,2})?[/\\]\S*"
    r"|(?=\S*[A-Za-z])[\w.\-]+(?:[/\\][\w.\-]*)+)",
    re.ASCII,
)
_SAME = {"jpeg": "jpg"}
_MAGIC = {
    "pdf": b"%PDF-",
    "doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "jpg": b"\xff\xd8\xff",
    "png": b"\x89PNG\r\n\x1a\n",
}
_PARTS = {"docx": "word/", "xlsx": "xl/"}
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def check_size(size: int) -> None:
    """Raise Refused for a file of so many bytes; to be asked before it is read."""
    if size > LIMIT:
        many = -(-size // 1_048_576)  # rounded up: 20 MB and a byte are not 20 MB
        raise Refused(f"文件有 {many} MB，最多 20 MB", "压缩图片或拆开，或写下地址")
    if size == 0:
        raise Refused("文件是空的", "换一个文件")


def original_name(text: str) -> str:
    """Return the last part of a name as people may see it: no folders, no invisible characters."""
    last = text.replace("\\", "/").rstrip("/").rpartition("/")[2]
    kept = "".join(c for c in last if unicodedata.category(c) not in _HARMFUL).strip(" .")
    if len(kept) > ORIGINAL_LIMIT:
        stem, dot, ending = kept.rpartition(".")
        kept = stem[: ORIGINAL_LIMIT - len(ending) - 2] + "…" + dot + ending
        kept = kept[-ORIGINAL_LIMIT:]
    return kept or "未命名"


def store(session: Session, original: str, body: bytes, now: datetime, by: str) -> str:
    """Store a file in the caller's transaction and return what a fact says of it.

    That is ``evidence/`` and a name made here; the same file under the same name is stored once.
    Raises Refused for a size or kind not taken.
    """
    shown, ending, body = _checked(original, body)
    digest = hashlib.sha256(body).hexdigest()
    if known := _held(session, shown, digest):
        return known
    name = f"{secrets.token_hex(16)}.{ending}"
    session.add(
        Evidence(
            name=name,
            original=shown,
            media_type=TYPES[ending],
            size=len(body),
            sha256=digest,
            body=body,
            recorded_at=now,
            recorded_by=by,
        )
    )
    session.flush()
    return PREFIX + name


def from_file(session: Session, path: Path, now: datetime, by: str) -> str:
    """Store a file of this machine like ``store``; one too large is refused without being read."""
    return store(session, path.name, _read(path), now, by)


def foreseen(session: Session, path: Path) -> str:
    """Return what would be said of a file of this machine, were it stored, and store nothing.

    Of one that is not there yet it is a word that only the same file shares. Raises Refused like
    ``from_file``.
    """
    shown, _, body = _checked(path.name, _read(path))
    digest = hashlib.sha256(body).hexdigest()
    return _held(session, shown, digest) or f"{digest}/{shown}"


def _held(session: Session, shown: str, digest: str) -> str | None:
    query = select(Evidence.name).where(Evidence.sha256 == digest, Evidence.original == shown)
    name = session.exec(query.limit(1)).first()
    return PREFIX + name if name else None


def _checked(original: str, body: bytes) -> tuple[str, str, bytes]:
    """Return a file's name as people may see it, its kind, and what is to be kept of it."""
    check_size(len(body))
    shown = original_name(original)
    ending = _kind(shown, body)
    return shown, ending, _text(body).encode() if ending == "txt" else body


def _read(path: Path) -> bytes:
    try:
        known = path.stat()
        if not stat.S_ISREG(known.st_mode):
            raise Refused(f"{path} 不是普通文件", "给一个文件，或写下地址")
        check_size(known.st_size)
        with path.open("rb") as file:
            return file.read(LIMIT + 1)
    except OSError as error:
        raise Refused(f"读不了 {path}：{error.strerror or error}", "核对路径和权限") from None


def given(
    session: Session, text: str | None, now: datetime, by: str, folder: Path = _HERE
) -> str | None:
    """Return what is to be said of evidence that a person names: a file, an address, or words.

    A file (relative to ``folder``) is stored in the caller's transaction. Raises Refused for one
    that is not taken, and for what reads like a file that is not there: mistyped, it would be lost.
    """
    path = named(session, text, folder)
    return path if path is None or isinstance(path, str) else from_file(session, path, now, by)


def named(session: Session, text: str | None, folder: Path = _HERE) -> Path | str | None:
    """Return the file that is there under a name, or what else is said of evidence; None: nothing.

    ``text:`` before anything says that it is words. Raises Refused like ``given``.
    """
    text = (text or "").strip()
    if text.startswith(WORDS):
        return text.removeprefix(WORDS).strip() or None
    if not text or (stored(text) and fetch(session, text)):
        return text or None
    path = folder / text
    try:
        there = path.exists()
    except (OSError, ValueError):  # too long for a name, or with characters no file has
        there = False
    if there:
        return path
    if _FILE.fullmatch(text):
        raise Refused(
            f"找不到佐证文件 {text[:200]}",
            f"核对路径；是文字说明的，前面加 {WORDS}，是网址的写全 https://",
        )
    return text


def fetch(session: Session, name: str) -> Evidence | None:
    """Return a stored file by the name made here, with or without ``evidence/`` before it."""
    return session.get(Evidence, name.removeprefix(PREFIX))


def stored(mention: str | None) -> bool:
    """Return whether what a fact says of its evidence is a file of the store."""
    return mention is not None and mention.startswith(PREFIX)


def digest(session: Session, mention: str | None) -> str | None:
    """Return what two mentions of the same evidence have in common, None where there is none."""
    if not mention:
        return None
    found = fetch(session, mention) if stored(mention) else None
    return found.sha256 if found else mention.strip()


def _kind(name: str, body: bytes) -> str:
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    ending = _SAME.get(ending, ending)
    if ending not in TYPES:
        raise Refused(f"不收这一类文件：{name}", f"收 {ALLOWED}；压缩包请解开，一次交一个")
    if ending in _PARTS:
        sound = _office(body, _PARTS[ending])
    elif ending == "txt":
        sound = _text(body, strict=False) != ""
    else:
        sound = body.startswith(_MAGIC[ending])
    if not sound:
        raise Refused(f"{name} 的内容与名称的后缀不符", f"收 {ALLOWED}；用原来的程序另存一次")
    return ending


def _office(body: bytes, part: str) -> bool:
    """Return whether bytes are a document of that office program, without macros."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return False
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        return False
    return "[Content_Types].xml" in names and any(name.startswith(part) for name in names)


def _text(body: bytes, strict: bool = True) -> str:
    """Return the text of bytes in UTF-8 or GB 18030; an empty string where they are neither."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not any(c < " " and c not in "\t\r\n\f" for c in text):
            return text
    if strict:
        raise Refused("文字文件的编码读不出来", "另存为 UTF-8")
    return ""
