"""A plan as a file: the candidate texts, and digests of the state and of all that would be done."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from cli.failure import Failure
from scheduler.proposing import Proposal, Texts

FORMAT = 1


class Saved(NamedTuple):
    """What ``duban apply`` needs to know of a plan."""

    texts: Texts
    state: str
    fingerprint: str


def save(proposal: Proposal, now: datetime, file: Path) -> None:
    """Write a plan; raises Failure where the file cannot be written."""
    value = {
        "duban_plan": FORMAT,
        "made_at": now.isoformat(timespec="seconds"),
        "state": proposal.state,
        "fingerprint": proposal.fingerprint,
        "documents": {
            name: {"workflow": workflow, "roster": dict(tables)}
            for name, (workflow, tables) in sorted(proposal.candidates.texts.items())
        },
    }
    try:
        file.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
    except OSError as error:
        raise Failure(f"写不了 {file}：{error.strerror}", "换一个地方存") from None


def read_saved(file: Path) -> Saved:
    """Return a saved plan; raises Failure for a file that is none."""
    try:
        value: Any = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failure(f"读不了 {file}：{error.strerror}", "核对路径") from None
    except ValueError:
        value = None
    if not isinstance(value, dict) or value.get("duban_plan") != FORMAT:
        raise Failure(f"{file} 不是 duban plan --save 存的方案", "重新运行 duban plan --save")
    try:
        texts = {
            str(name): (str(one["workflow"]), {str(k): str(v) for k, v in one["roster"].items()})
            for name, one in value["documents"].items()
        }
        return Saved(texts, str(value["state"]), str(value["fingerprint"]))
    except (KeyError, TypeError, AttributeError):
        raise Failure(f"{file} 里的方案不完整", "重新运行 duban plan --save") from None
