"""A mail server's refusal as officials read it: its class in Chinese. The admin has the reply itself.

Classes by the enhanced code of RFC 3463 where the reply has one, else by its words or its code.
"""

from __future__ import annotations

import re

_ENHANCED = re.compile(r"\b[45]\.(\d{1,3})\.(\d{1,3})\b")
_CODE = re.compile(r"\s*([45]\d\d)\b")
_NO_MAILBOX = "邮箱不存在"
_FULL, _DISABLED, _TOO_LONG = "对方邮箱已满", "对方邮箱已停用", "邮件太大，对方服务器不收"
_REFUSED, _NOT_NOW = "对方服务器拒收", "对方服务器一直没有收下"
_CLASSES = {
    (1, 0): _NO_MAILBOX, (1, 1): _NO_MAILBOX, (1, 2): "邮箱地址的域名不存在", (1, 3): "邮箱地址写错",
    (1, 6): _NO_MAILBOX, (1, 10): "对方域名不收邮件",
    (2, 1): _DISABLED, (2, 2): _FULL, (2, 3): _TOO_LONG, (3, 4): _TOO_LONG, (4, 4): _NOT_NOW,
}  # fmt: skip
_WORDS = (
    (re.compile(r"full|quota|storage", re.I), _FULL),
    (re.compile(r"size|too (?:large|big)", re.I), _TOO_LONG),
    (re.compile(r"disabled|suspended|inactive", re.I), _DISABLED),
    (
        re.compile(
            r"no such|unknown (?:user|recipient)|(?:user|recipient|mailbox|address)\w* (?:is )?"
            r"(?:unknown|not (?:found|exist)|does not exist|unavailable)|gone|no mailbox",
            re.I,
        ),
        _NO_MAILBOX,
    ),
)
_STATES = {"bounced": "邮件被退回", "expired": "一直没有发出去，已过了有用的时候"}


def in_words(reply: str | None, state: str = "failed") -> str:
    """Return in Chinese why a mail in this state (failed, bounced, expired) came to nothing.

    Nothing of the reply itself is in it: it may say anything, in any language.
    """
    if state in _STATES:
        return _STATES[state]
    said = reply or ""
    found = _ENHANCED.search(said)
    if found and (known := _CLASSES.get((int(found[1]), int(found[2])))):
        return known
    if not (found and int(found[1]) == 7):  # 7 is policy, whatever the words around it
        for pattern, word in _WORDS:
            if pattern.search(said):
                return word
    code = _CODE.match(said)
    return _NOT_NOW if code and code[1].startswith("4") else _REFUSED
