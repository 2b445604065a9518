"""Log lines without secrets: feed addresses, sign-in and item links are URLs, and URLs get logged."""

from __future__ import annotations

import logging
import re
from typing import Any

# A secret is 43 characters of URL-safe base64, wherever it stands; whoever copies one by hand adds
# or loses a few. In lower case alone that many are a name in pinyin, unless of a calendar's file.
# After /feeds/ and /sign-in/ anything is taken for one, broken ones too.
_SECRET = re.compile(
    r"(?<![A-Za-z0-9_-])(?:(?=[a-z0-9_-]*[A-Z])[A-Za-z0-9_-]{32,}|[a-z0-9_-]{32,}(?=\.ics))"
)
_PLACE = re.compile(r"((?:/|%2f)(?:feeds?|sign-in)(?:/|%2f))[^\s\"'?,;)\]}]+", re.IGNORECASE)
# The token of an item's link: institution, role, last day, and 43 characters that are the secret.
_SIGNED = re.compile(r"((?:[?&]|%3f|%26)k(?:=|%3d))[^\s\"'&,;)\]}]+", re.IGNORECASE)
_SEAL = re.compile(r"(\d{4}-\d\d-\d\d\.)[A-Za-z0-9_-]{20,}")


def redact(text: str) -> str:
    """Return a text with every secret replaced."""
    for pattern in (_PLACE, _SIGNED, _SEAL):
        text = pattern.sub(r"\1…", text)
    return _SECRET.sub("…", text)


# A feed's address alone, which is nearly all that is asked; nothing of it needs to be told.
_FEED = re.compile(r"/feeds/[A-Za-z0-9_-]*\.ics")
_FETCH = '%s - "%s %s HTTP/%s" %d'  # what uvicorn says of a request


class Redacting(logging.Formatter):
    """Formats as asked and then redacts: arguments and tracebacks are covered too."""

    _second = (-1, "")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        if _plain(record):
            assert isinstance(record.args, tuple)
            peer, method, _, *rest = record.args
            record.args = (peer, method, "/feeds/…", *rest)
            return super().format(record)
        return redact(super().format(record))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """Return a record's local time, worked out once a second."""
        second, said = self._second
        if second != int(record.created):
            second, said = int(record.created), super().formatTime(record, "%Y-%m-%d %H:%M:%S")
            self._second = second, said
        return f"{said},{int(record.msecs):03}"


def _plain(record: logging.LogRecord) -> bool:
    """Return whether it tells of a fetch from a feed's address and of nothing else.

    Without the address only a peer and two numbers are left, which need not be looked through.
    """
    told = record.args
    return (
        record.msg == _FETCH
        and isinstance(told, tuple)
        and told[1] in ("GET", "HEAD")
        and _FEED.fullmatch(str(told[2])) is not None
    )


def configuration(level: str = "INFO") -> dict[str, Any]:
    """Return the logging configuration of the service, uvicorn's own loggers included."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": "web.redaction.Redacting",
                "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
            }
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "stream": "ext://sys.stderr",
            }
        },
        "loggers": {
            name: {"handlers": [], "level": level, "propagate": True}
            for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "duban")
        }
        # A run that takes longer than its interval skips the next ones, as it should: no news.
        | {"apscheduler": {"level": "ERROR"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
    }
