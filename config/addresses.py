"""What counts as a mail address, a web address or the address of a database."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_MAIL = re.compile(rf"({_LOCAL})@(localhost|{_LABEL}(?:\.{_LABEL})+)")
_SEVERAL = re.compile(r"@.*[,;，；、\s].*@")


def mail_fault(text: str) -> str | None:
    """Return what is wrong with a single mail address, in Chinese, or None.

    Only plain ASCII addresses (RFC 5321 dot-string) pass: a relay that lacks SMTPUTF8 refuses
    others, and a list of addresses in one cell would be handed over as one broken recipient.
    """
    if _SEVERAL.search(text):
        return "一处写了几个邮箱"
    if len(text) > 254 or not (found := _MAIL.fullmatch(text)) or len(found[1]) > 64:
        return "不是可用的邮箱地址"
    return None


def is_web(text: str) -> bool:
    """Return whether a text is an http or https address with a host."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_database(text: str) -> bool:
    """Return whether a text is an address of SQLite or PostgreSQL as SQLAlchemy takes it."""
    scheme, mark, rest = text.partition("://")
    if scheme in ("sqlite", "sqlite+pysqlite"):
        return mark != "" and (rest == "" or rest.startswith("/"))
    return scheme in ("postgresql", "postgresql+psycopg", "postgres") and bool(rest)
