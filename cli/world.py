"""The engine's world as the settings, the files and the list of contacts give it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cli.context import Context
from cli.failure import Failure
from scheduler.proposing import Candidates
from scheduler.world import World

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlmodel import Session


def base_world(context: Context, *, placeholders: bool = False) -> World:
    """Return the settings, working days and contacts; documents are still to come."""
    if context.settings.errors:
        lines = "\n".join(finding.message for finding in context.settings.errors)
        raise Failure(f"设置有误：\n{lines}", "改正后再试；全部设置见 duban doctor")
    return World(
        documents={},
        rosters={},
        workdays=context.loaded.workdays,
        contacts=context.contacts,
        timezone=context.settings.timezone,
        placeholders=placeholders,
        base_url=context.settings.base_url,
        mail_from=context.settings.mail_from,
        strict=context.strict,
        admin="" if placeholders else context.settings.admin_email or "",
        fused=not placeholders,
        contacts_at=None if placeholders else context.contacts_at,
    )


def sound_candidates(context: Context) -> Candidates:
    """Return what the files hold; raises Failure with every error where one is faulty."""
    loaded = context.loaded
    if loaded.faulty:
        lines = "\n".join(str(p) for p in loaded.problems if p.severity == "error")
        raise Failure(f"文件有错误：\n{lines}", "改正后再试")
    return Candidates(loaded.documents, loaded.rosters, loaded.texts)


def stored_world(session: Session, base: World) -> World:
    """Return a world with the documents and rosters that are in force in the store.

    Raises Failure where nothing was applied yet.
    """
    from scheduler import queries
    from scheduler.proposing import applied_world

    if not queries.newest_version(session):
        hint = "先运行 duban serve，或 duban plan --save 与 duban apply"
        raise Failure("还没有应用任何文件", hint)
    return applied_world(session, base)


def counted_world(context: Context, engine: Engine) -> World:
    """Return the applied documents and rosters; those of the files where nothing was applied yet.

    Raises Failure where they are needed and faulty.
    """
    from scheduler import queries
    from scheduler.proposing import applied_world
    from scheduler.store import reading

    base = base_world(context)
    with reading(engine) as session:
        if queries.newest_version(session):
            return applied_world(session, base)
    found = sound_candidates(context)
    return replace(base, documents=found.documents, rosters=found.rosters)
