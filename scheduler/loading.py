"""Workflows and rosters read together, and checked against each other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.roster import Roster
from config.tables import read_roster, roster_from_texts
from workflows.document import Change, Document, Duty
from workflows.kinds import QuotaRule
from workflows.library import DOCUMENTS, bundled_workdays, read_documents
from workflows.parse import parse
from workflows.source import Problem, Source
from workflows.workdays import Workdays

ROSTERS = Path(__file__).parent.parent / "config" / "rosters"


@dataclass(frozen=True)
class Loaded:
    """What the files say now: documents with their rosters, and every problem found.

    Only documents whose workflow and roster are both free of errors are in ``documents``.
    ``texts`` has per document the YAML text and the roster's tables by file name.
    """

    documents: dict[str, Document]
    rosters: dict[str, Roster]
    workdays: Workdays
    problems: tuple[Problem, ...]
    texts: dict[str, tuple[str, dict[str, str]]]

    @property
    def faulty(self) -> bool:
        """Return whether any problem is an error."""
        return any(problem.severity == "error" for problem in self.problems)


def folders(own: Path | None, bundled: Path) -> list[Path]:
    """Return the folders to search: the admin's own, if any, before the bundled one."""
    return [own, bundled] if own else [bundled]


def load(
    workflow_folders: Sequence[Path] = (DOCUMENTS,),
    roster_folders: Sequence[Path] = (ROSTERS,),
    only: str | None = None,
) -> Loaded:
    """Read documents and rosters. Nothing is raised for bad files: they are problems."""
    library = read_documents(workflow_folders, only)
    problems = list(library.problems)
    documents: dict[str, Document] = {}
    rosters: dict[str, Roster] = {}
    texts: dict[str, tuple[str, dict[str, str]]] = {}
    for name, document in library.documents.items():
        source = library.sources[name]
        folder = next((f / name for f in roster_folders if (f / name).is_dir()), None)
        if folder is None:
            hint = f"建一个名为 {name} 的名册文件夹"
            problems.append(Problem(source.path, 1, 1, "X001", f"没有“{name}”的名册", hint))
            continue
        roster, findings, tables = read_roster(folder, name)
        problems += [Problem(*finding) for finding in findings]
        if roster is None:
            continue
        crossed = list(mismatches(document, roster, source))
        problems += crossed
        if not any(problem.severity == "error" for problem in crossed):
            documents[name], rosters[name] = document, roster
            texts[name] = (library.texts[name], tables)
    return Loaded(documents, rosters, bundled_workdays(), tuple(sorted(set(problems))), texts)


def from_texts(workflow: str, tables: Mapping[str, str]) -> tuple[Document, Roster]:
    """Return the document and roster of an applied version.

    Raises ValueError if they can no longer be read, with the first problem.
    """
    document, source = parse(workflow.encode(), "applied.yaml")
    if document is None:
        raise ValueError(str(source.problems[0]))
    roster, findings = roster_from_texts(document.id, tables)
    if roster is None:
        raise ValueError(str(Problem(*findings[0])))
    return document, roster


def tables_as_json(tables: Mapping[str, str]) -> str:
    """Return a roster's tables as one JSON text, the same for the same tables."""
    return json.dumps(dict(sorted(tables.items())), ensure_ascii=False)


def mismatches(document: Document, roster: Roster, source: Source) -> Iterator[Problem]:
    """Yield what a document asks of its roster in vain."""

    def problem(
        path: tuple[str | int, ...], code: str, message: str, hint: str, severity: str = "error"
    ) -> Problem:
        return Problem(source.path, *source.place(path), code, message, hint, severity)

    for index, issuer in enumerate(document.issuers):
        if issuer not in roster.institutions:
            yield problem(
                ("issuers", index),
                "X002",
                f"名册里没有印发单位“{issuer}”",
                "在 institutions.csv 里补上",
            )
    groups = {member.group for member in roster.members}
    for name, role in document.roles.items():
        at = ("roles", name)
        if role.institution and role.institution not in roster.institutions:
            yield problem(
                (*at, "institution"), "X002", f"名册里没有单位“{role.institution}”",
                "在 institutions.csv 里补上，或核对编号",
            )  # fmt: skip
        if role.group and role.group not in groups:
            yield problem(
                (*at, "group"), "X003", f"名册里没有“{role.group}”这一组", "在 members.csv 里补上"
            )
        if role.side and role.take != "self":
            yield from _untaken(role.side, role.take, roster, problem, at)
    programmes = {programme.id for programme in document.programmes}
    named = [one.programme for one in roster.pairings] + [one.programme for one in roster.members]
    for programme in dict.fromkeys(named):
        if programme and programme not in programmes:
            yield problem(
                ("programmes",), "X004", f"名册里的项目“{programme}”本文件没有写明",
                "在 programmes 里写明，或改名册",
            )  # fmt: skip
    yield from _unreached(document, roster, problem)
    yield from _without_pairings(document, roster, problem)


def _untaken(side: str, take: str, roster: Roster, problem, at) -> Iterator[Problem]:  # type: ignore[no-untyped-def]
    missing = [
        hospital
        for hospital, _ in roster.sides(side, roster.pairings)
        if not roster.take(hospital, take)
    ]
    for hospital in dict.fromkeys(missing):
        column = "government" if take == "government" else "authority"
        name = roster.institutions[hospital].name
        yield problem(
            at, "X005", f"名册里“{name}”没有填 {column}", "在 institutions.csv 里补上这一格"
        )


def _unreached(document: Document, roster: Roster, problem) -> Iterator[Problem]:  # type: ignore[no-untyped-def]
    rules = [getattr(w, "rule", None) for duty in document.obligations for w in _wordings(duty)]
    asked = {rule.each for rule in rules if isinstance(rule, QuotaRule) and rule.each}
    for name in dict.fromkeys(one.set for one in roster.sets):
        if name not in asked:
            words = "、".join(sorted(asked))
            hint = f"改成事项里 each 的原词：{words}" if asked else "没有事项写 each，删去 sets.csv"
            yield problem(
                ("obligations",), "X007", f"sets.csv 里的“{name}”没有事项用到",
                hint, "warning",
            )  # fmt: skip


def _wordings(duty: Duty) -> tuple[Duty | Change, ...]:
    return (duty, *getattr(duty, "changes", ()))


def _without_pairings(document: Document, roster: Roster, problem) -> Iterable[Problem]:  # type: ignore[no-untyped-def]
    if roster.pairings:
        return
    for index, duty in enumerate(document.obligations):
        role = document.roles[duty.responsible]
        if duty.per == "pairing" or (role.side and not role.group):
            yield problem(
                ("obligations", index), "X006", f"名册里没有帮扶关系，“{duty.id}”落不到单位",
                "补名册，或把角色写成 words 与 unresolved",
            )  # fmt: skip
