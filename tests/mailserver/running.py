"""The mail server as a process of its own, for the time of a test."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.mailserver.record import Accepted, read
from tests.setup.tree import ROOT

TRUSTED = Path(__file__).with_name("good.pem")


@dataclass
class Running:
    """A running server; what it does wrong can be changed between two connections."""

    folder: Path
    process: subprocess.Popen[str]
    port: int

    @property
    def accepted(self) -> list[Accepted]:
        """Return what the server made durable so far."""
        return read(self.folder / "accepted.jsonl")

    @property
    def faults(self) -> list[tuple[str, str]]:
        """Return (moment, what happened) of everything but good conduct, in order."""
        file = self.folder / "trace.tsv"
        lines = file.read_text().splitlines() if file.exists() else []
        parts = [line.split("\t") for line in lines]
        return [(part[2], part[3]) for part in parts if part[3] != "kept"]

    def misbehave(self, *rules: dict[str, Any], seed: int = 0) -> None:
        """Replace the script; without rules the server behaves."""
        draft = self.folder / "script.json.new"
        draft.write_text(json.dumps({"seed": seed, "rules": rules}))
        draft.replace(self.folder / "script.json")


@contextmanager
def running(
    folder: Path, *rules: dict[str, Any], seed: int = 0, port: int = 0, **options: object
) -> Iterator[Running]:
    """Run a server whose files are in ``folder``; ``options`` are its command line's.

    Started again in the same folder it goes on with the same log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    server = Running(folder, None, port)  # type: ignore[arg-type]
    server.misbehave(*rules, seed=seed)
    command = [
        sys.executable, "-m", "tests.mailserver", "--port", str(port),
        "--log", str(folder / "accepted.jsonl"), "--script", str(folder / "script.json"),
        "--trace", str(folder / "trace.tsv"),
    ]  # fmt: skip
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said.strip().isdigit(), "the mail server did not start"
            server.process, server.port = process, int(said)
            yield server
        finally:
            process.terminate()
            process.wait(10)
