"""The engine's world as the settings, the files and the list of contacts give it."""

from __future__ import annotations

from cli.context import Context
from cli.failure import Failure
from scheduler.proposing import Candidates
from scheduler.world import World


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
    )


def sound_candidates(context: Context) -> Candidates:
    """Return what the files hold; raises Failure with every error where one is faulty."""
    loaded = context.loaded
    if loaded.faulty:
        lines = "\n".join(str(p) for p in loaded.problems if p.severity == "error")
        raise Failure(f"文件有错误：\n{lines}", "改正后再试")
    return Candidates(loaded.documents, loaded.rosters, loaded.texts)
