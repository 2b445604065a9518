"""Characters that no cell and no setting may hold, and where bytes stop being UTF-8."""

from __future__ import annotations

import re

# Controls (tab and line breaks too), zero-width and direction characters, separators, a BOM in the
# text, what a failed conversion leaves, surrogates, private use, noncharacters.
HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ue000-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\ufff0-\uffff\U000e0000-\U000e0fff]"
)
# What would be decoded once more in a mail header (RFC 2047).
ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[^?\s]*\?")


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
