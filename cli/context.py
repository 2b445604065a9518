"""What most verbs need: settings, the files as they are now, the people, and the store."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.failure import Failure
from config.roster import Roster
from config.settings import Settings, load
from scheduler.loading import ROSTERS, Loaded, folders
from scheduler.loading import load as load_files
from workflows.document import Document
from workflows.library import DOCUMENTS, files
from workflows.sheet import SHEETS, beside
from workflows.sheet_files import check_sheets
from workflows.source import Problem

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from config.contacts import Contacts


@dataclass(frozen=True)
class Context:
    """The settings, and what they lead to, read when first asked for."""

    settings: Settings
    only: str | None = None

    @cached_property
    def loaded(self) -> Loaded:
        """Return documents and rosters as the files have them now."""
        return load_files(
            folders(self.settings.workflows, DOCUMENTS),
            folders(self.settings.rosters, ROSTERS),
            self.only,
        )

    @cached_property
    def _contacts(self) -> tuple[Contacts, tuple[Problem, ...], datetime | None]:
        from config.contacts import Contacts, finder, read_contacts

        if self.settings.contacts is None:
            return Contacts(), (), None
        try:  # before it is read: who reads what was written later will look once more
            at = datetime.fromtimestamp(self.settings.contacts.stat().st_mtime, UTC)
        except OSError:
            at = None
        find = finder(self.loaded.rosters.values())
        contacts, findings = read_contacts(self.settings.contacts, find)
        return contacts, tuple(Problem(*finding) for finding in findings), at

    @property
    def contacts(self) -> Contacts:
        """Return who holds which role; empty where no list of contacts is set."""
        return self._contacts[0]

    @property
    def contacts_at(self) -> datetime | None:
        """Return when the list of contacts was last written (UTC).

        None where there is none, and where it has errors: what is left of it is no news.
        """
        faulty = any(problem.severity == "error" for problem in self._contacts[1])
        return None if faulty else self._contacts[2]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Return every problem of settings, workflows, sheets, rosters and contacts."""
        settings = [Problem(*finding) for finding in self.settings.findings]
        sheets = self.sheet_problems(folders(beside(self.settings.workflows), SHEETS))
        return tuple(sorted({*settings, *self.loaded.problems, *sheets, *self._contacts[1]}))

    def sheet_problems(self, sheets: Sequence[Path]) -> tuple[Problem, ...]:
        """Return the problems of scoring sheets, against the documents as the files have them."""
        documents = self.loaded.documents
        known = folders(self.settings.workflows, DOCUMENTS)
        named = {path.stem for folder in known for path in files(folder)}
        return check_sheets(sheets, documents, named - documents.keys())

    @property
    def strict(self) -> bool:
        """Return whether “X日前” is read as the day before X."""
        return self.settings.deadline_reading == "strict"

    def now(self) -> datetime:
        """Return the present instant in the house's zone."""
        return datetime.now(self.settings.timezone)

    def today(self) -> date:
        """Return the present day in the house's zone."""
        return self.now().date()

    def held(self) -> Iterator[tuple[Document, Roster]]:
        """Yield the documents that are free of errors, with their rosters."""
        for name, document in self.loaded.documents.items():
            yield document, self.loaded.rosters[name]

    def ids(self, institution: str | None) -> set[str] | None:
        """Return the ids behind an institution's name or id in all rosters; None for None.

        Raises Failure where no roster has it.
        """
        if institution is None:
            return None
        rosters = self.loaded.rosters.values()
        found = {one.id for roster in rosters if (one := roster.find(institution))}
        if not found:
            raise Failure(f"名册里没有“{institution}”", "核对名称，或用机构编号")
        return found

    def engine(self) -> Engine:
        """Return the store's engine, its tables brought to the present form."""
        from scheduler.store import connect, migrate

        engine = connect(self.settings.database_url)
        migrate(engine)
        return engine


def opened(only: str | None = None, environ: Any = None) -> Context:
    """Return the context of the environment; wrong settings end the verb.

    ``only``: read just the document of that id. Problems of files are told on standard error once,
    by those verbs that go on without the faulty ones.
    """
    settings = load(os.environ if environ is None else environ)
    return Context(settings, only)


def demand_settings(context: Context) -> None:
    """Raise Failure when a setting is wrong."""
    if context.settings.errors:
        lines = "\n".join(str(Problem(*finding)) for finding in context.settings.errors)
        raise Failure(f"设置有误：\n{lines}", "改正后再试；全部设置见 duban doctor")


def demand_sound(context: Context) -> None:
    """Raise Failure when a setting is wrong; say on standard error which files are left out."""
    demand_settings(context)
    faulty = [p for p in context.loaded.problems if p.severity == "error"]
    for problem in faulty:
        print(problem, file=sys.stderr)
    if faulty:
        print("有错误的文件这次没有列入，改正后再试（duban check）", file=sys.stderr)
