"""The bytes of a file become clean text: UTF-8, no character that cannot be seen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

MAX_BYTES = 256 * 1024

Place = tuple[int, int]
Report = Callable[[Place, str, str, str], None]

# C0 and C1 controls but tab, LF and CR before LF; soft hyphens, zero-width and direction
# characters, line separators, a BOM in the text, what a failed conversion leaves, private use,
# noncharacters.
HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ue000-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\ufff0-\uffff\U000e0000-\U000e0fff]|\r(?!\n)"
)
IN_VALUE = re.compile(rf"[\t\n]|{HIDDEN.pattern}")
# What would be decoded once more in a mail header (RFC 2047).
ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[^?\s]*\?")
_TAB = re.compile(r"^[^#\t\n]*(\t)", re.MULTILINE)
_WIDE_COLON = re.compile(r"^[ ]*(?:- +)*[a-z0-9_-]+[ ]*(：)", re.MULTILINE)


def decode(raw: bytes, report: Report) -> str | None:
    """Return the text of a file's bytes, or None after reporting why it cannot be read."""
    if len(raw) > MAX_BYTES:
        report((1, 1), "Y003", f"文件超过 {MAX_BYTES // 1024} KB", "一个文件只写一份公文，拆开再存")
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start, gbk = wrong_from(raw, error.start)
    before = raw[:start].decode("utf-8-sig", "replace")
    place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
    hint = "请在编辑器里另存为 UTF-8"
    report(place, "Y001", "不是 UTF-8 编码的文字", f"看起来是 GBK 编码，{hint}" if gbk else hint)
    return None


def wrong_from(raw: bytes, start: int) -> tuple[int, bool]:
    """Return the byte at which a text stops being UTF-8, and whether all of it is GBK.

    Some pairs of GBK bytes are UTF-8 too, but no Chinese characters: GBK begins before them.
    """
    try:
        raw.decode("gb18030")
    except UnicodeDecodeError:
        return start, False
    if any(char >= "\u2e80" for char in raw[:start].decode("utf-8-sig", "replace")):
        return start, False
    return next(index for index, byte in enumerate(raw) if byte >= 0x80), True


def clean(text: str, report: Report) -> str | None:
    """Return a text that can be read on, or None, after reporting what cannot be seen in it.

    A hidden character is replaced by a letter, so that places stay and the rest is checked too.
    """
    broken = False
    for place, match in _places(HIDDEN, text):
        code = f"U+{ord(match[0][0]):04X}"
        report(place, "Y011", f"有看不见的控制字符 {code}", "删掉这个字符，或整行重新输入")
        broken = broken or match[0] in ("\x00", "\r", "\x85", "\u2028", "\u2029")
    for place, _ in _places(_TAB, text, 1):
        report(place, "Y005", "有制表符", "缩进只用空格，每层两个；文字里也换成空格")
        broken = True
    for place, _ in _places(_WIDE_COLON, text, 1):
        report(place, "Y012", "键后面是全角冒号", "改成半角冒号加一个空格")
        broken = True
    return None if broken else HIDDEN.sub("x", text)


def _places(
    pattern: re.Pattern[str], text: str, group: int = 0
) -> Iterator[tuple[Place, re.Match[str]]]:
    """Yield (line, column) and match, from 1, for a hundred matches at most."""
    line, counted = 1, 0
    for number, match in enumerate(pattern.finditer(text)):
        if number >= 100:
            return
        offset = match.start(group)
        line += text.count("\n", counted, offset)
        counted = offset
        yield (line, offset - text.rfind("\n", 0, offset)), match


def plain(text: str, longest: int = 200) -> str:
    """Return a text that is safe on a terminal and short enough to be read there."""
    text = HIDDEN.sub("?", text)
    return text if len(text) <= longest else text[: longest - 1] + "…"
