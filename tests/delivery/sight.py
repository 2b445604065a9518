"""The store as it is seen from outside: raw rows, without the product's words for them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from scheduler import store
from tests.delivery.small_town import ZONE


class Sight:
    """Looks at a store and at the journal beside it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.eye = store.connect(url, durable=False)

    def ask(self, query: str, **values: Any) -> list[Any]:
        """Return the rows of a query, without the product's words for them."""
        with self.eye.execution_options(read_only=True).connect() as connection:
            return list(connection.execute(text(query), values))

    def journal_says(self, message_id: str, *words: str) -> bool:
        """Return whether a line of the journal names a mail and one of the words."""
        for file in (self.folder / "journal").glob("*.jsonl"):
            for line in file.read_text().splitlines():
                if f'"{message_id}"' in line and any(f'"what": "{w}"' in line for w in words):
                    return True
        return False

    def coming(self, now: datetime) -> datetime | None:
        """Return the next instant at which anything stored is to be looked at."""
        found = []
        for query in (
            "select min(next_notice_at) from occurrence where next_notice_at > :now",
            "select min(release_at) from notice where message_id is null and reason is null"
            " and release_at > :now",
            "select min(next_try_at) from message where state in ('ready', 'in_doubt')"
            " and next_try_at > :now",
            "select min(lease_until) from message where lease_until > :now",
        ):
            (row,) = self.ask(query, now=self._plain(now))
            if row[0] is not None:
                found.append(self._instant(row[0]))
        return min(found, default=None)

    def _plain(self, at: datetime) -> Any:
        """Return an instant as the database keeps it."""
        if self.url.startswith("sqlite"):
            return at.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%d %H:%M:%S.%f")
        return at

    def _instant(self, value: Any) -> datetime:
        if isinstance(value, str):
            return datetime.fromisoformat(value).replace(tzinfo=ZoneInfo("UTC")).astimezone(ZONE)
        found: datetime = value.astimezone(ZONE)
        return found

    def unfinished(self) -> bool:
        """Return whether anything is left to be done now."""
        (mails,) = self.ask(
            "select count(*) from message where state in ('ready', 'sending', 'handing')"
            " or (state = 'in_doubt' and next_try_at is not null)"
        )
        (notices,) = self.ask(
            "select count(*) from notice where message_id is null and reason is null"
        )
        return bool(mails[0] or notices[0])
