"""Runs the command line as people do: in a process of its own, elsewhere than the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-P", "-m", "cli"]


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return the variables of a shell that has set nothing of ours but a data folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DUBAN_")}
    return kept | {"PYTHONPATH": str(ROOT), "DUBAN_DATA": str(folder / "data")} | more


def duban(folder: Path, *words: str | Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    """Return the end of ``duban WORDS`` run in a folder; ``more`` are environment variables."""
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        cwd=folder,
        env=environment(folder, **more),
        capture_output=True,
        timeout=120,
        check=False,
    )


def printed(folder: Path, *words: str | Path, **more: str) -> str:
    """Return what a verb prints; AssertionError unless it ends well and complains of nothing."""
    done = duban(folder, *words, **more)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()
    return done.stdout.decode("utf-8")
