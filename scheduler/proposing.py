"""What an edit of documents and rosters would do to the store, before it does it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from config.roster import Roster
from scheduler import holding, queries, recorded
from scheduler.loading import Loaded, from_texts, tables_as_json
from scheduler.plan import Changes, Held, compare, horizon, wanted
from scheduler.tables import AppliedVersion
from scheduler.world import World
from workflows.document import Document
from workflows.workdays import Workdays

Texts = Mapping[str, tuple[str, Mapping[str, str]]]


@dataclass(frozen=True)
class Candidates:
    """Documents and rosters as they would stand in force, with the texts they come from."""

    documents: Mapping[str, Document]
    rosters: Mapping[str, Roster]
    texts: Texts


@dataclass(frozen=True)
class Proposal:
    """What applying candidates would do to the store as it was when asked.

    ``edited``: documents whose own text or roster differs from what is applied; ``withdrawn``:
    documents that are applied and no longer among the candidates.
    """

    changes: Changes
    candidates: Candidates
    edited: tuple[str, ...]
    withdrawn: tuple[str, ...]
    held: Mapping[str, Held]
    state: str
    world: World

    @property
    def any(self) -> bool:
        """Return whether carrying it out would change anything."""
        return bool(self.changes.any or self.edited or self.withdrawn)

    @property
    def fingerprint(self) -> str:
        """Return a digest of all that would be done; mails already sent only inform."""
        moves = [replace(move, sent=0) for move in self.changes.moves]
        return _hash(repr((moves, self.edited, self.withdrawn)))


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def candidates(texts: Texts) -> Candidates:
    """Return the documents and rosters of texts; ValueError where one can no longer be read."""
    read = {name: from_texts(workflow, tables) for name, (workflow, tables) in texts.items()}
    return Candidates(
        {name: document for name, (document, _) in read.items()},
        {name: roster for name, (_, roster) in read.items()},
        texts,
    )


def former_rosters(
    proposal: Proposal, before: Mapping[str, AppliedVersion]
) -> Iterator[tuple[str, Roster]]:
    """Yield each edited document that is in force, with its roster ``before`` the edit.

    Not what is new, and not what was written for an earlier form of the language: there is nothing
    to compare with.
    """
    for name in proposal.edited:
        old = before.get(name)
        if old is None or old.withdrawn:
            continue
        try:
            yield name, from_texts(old.workflow, json.loads(old.roster))[1]
        except ValueError:
            continue


def text_digest(workflow: str, tables: Mapping[str, str]) -> str:
    """Return the digest of a document's YAML text and its roster's tables."""
    return _hash(f"{workflow}\0{tables_as_json(tables)}")


def workdays_digest(workdays: Workdays) -> str:
    """Return a digest of the holiday notices known."""
    return _hash(repr((workdays.notices, workdays.statutory)))


def applied_texts(session: Session) -> dict[str, tuple[str, dict[str, str]]]:
    """Return the texts in force: per document the YAML and the roster's tables."""
    return {
        name: (version.workflow, json.loads(version.roster))
        for name, version in sorted(queries.versions(session).items())
        if not version.withdrawn
    }


def applied_world(session: Session, base: World) -> World:
    """Return a world with the documents and rosters that are in force in the store."""
    found = candidates(applied_texts(session))
    return replace(base, documents=found.documents, rosters=found.rosters)


def differing(session: Session, loaded: Loaded) -> tuple[str, ...]:
    """Return the ids of the documents whose files differ from what is applied, in order."""
    applied = {k: v.digest for k, v in queries.versions(session).items() if not v.withdrawn}
    files = {k: text_digest(*texts) for k, texts in loaded.texts.items()}
    return tuple(
        sorted(k for k in applied.keys() | files.keys() if applied.get(k) != files.get(k))
    )


def state(session: Session, world: World) -> str:
    """Return a digest of what a plan rests on: versions, facts, holiday notices."""
    return _hash(
        repr(
            (
                queries.newest_version(session),
                queries.newest_fact(session),
                queries.mark(session, recorded.MARK),
                workdays_digest(world.workdays),
            )
        )
    )


def propose(session: Session, found: Candidates, now: datetime, base: World) -> Proposal:
    """Return what applying the candidates, and nothing but them, would do at ``now`` (aware)."""
    world = replace(base, documents=found.documents, rosters=found.rosters)
    until = horizon(now.astimezone(world.timezone).date())
    applied = {k: v for k, v in queries.versions(session).items() if not v.withdrawn}
    withdrawn = tuple(sorted(applied.keys() - found.documents.keys()))
    edited = tuple(
        name
        for name, texts in sorted(found.texts.items())
        if name not in applied or applied[name].digest != text_digest(*texts)
    )
    names = sorted(found.documents)
    held = holding.held(session, applied.keys() | found.documents.keys())
    changes = compare(
        wanted(world, names, until, recorded.records(session, names)),
        held,
        lambda keys: holding.known(session, keys),
        now,
        world.workdays,
        world.timezone,
    )
    return Proposal(changes, found, edited, withdrawn, held, state(session, base), world)
