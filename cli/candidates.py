"""The documents and rosters at a path, laid over the configured ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cli.context import Context
from cli.failure import Failure
from cli.world import sound_candidates
from scheduler.loading import ROSTERS, Loaded, folders, load
from scheduler.proposing import Candidates
from workflows.library import DOCUMENTS


def candidates_at(context: Context, path: Path | None) -> Candidates:
    """Return what would stand in force: the configured files, or those at a path before them.

    A path is a workflow file; a roster's folder or one of its tables; or a folder that holds
    workflows (or ``workflows/``) and rosters by document id (or ``rosters/``). Raises Failure
    where there is nothing of the kind, or where a file has errors.
    """
    if path is None:
        return sound_candidates(context)
    if not path.exists():
        raise Failure(f"没有这个文件或文件夹：{path}", "核对路径")
    path = path.resolve()
    workflows, rosters = _folders(path)
    roster_folders = [*rosters, *folders(context.settings.rosters, ROSTERS)]
    below = load(folders(context.settings.workflows, DOCUMENTS), roster_folders)
    above = load(workflows, roster_folders)
    if not above.documents and not above.problems and not rosters:
        raise Failure(f"{path} 里没有工作流，也没有名册", "给一个 .yaml 文件，或放着它们的文件夹")
    _refuse_faults((above, below))
    return Candidates(
        {**below.documents, **above.documents},
        {**below.rosters, **above.rosters},
        {**below.texts, **above.texts},
    )


def _folders(path: Path) -> tuple[list[Path], list[Path]]:
    """Return the places of workflows and the folders of rosters that a path names."""
    if path.is_file():
        return ([], [path.parent.parent]) if path.suffix == ".csv" else ([path], [])
    if (path / "institutions.csv").is_file():
        return [], [path.parent]
    workflows = [f for f in (path, path / "workflows") if any(f.glob("*.y*ml"))]
    rosters = [f for f in (path, path / "rosters") if any(f.glob("*/institutions.csv"))]
    return workflows, rosters


def _refuse_faults(parts: Sequence[Loaded]) -> None:
    problems = sorted({p for part in parts for p in part.problems if p.severity == "error"})
    if problems:
        lines = "\n".join(map(str, problems))
        raise Failure(f"文件有错误：\n{lines}", "改正后再试")
