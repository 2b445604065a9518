"""``duban VERB``: finds the verb's module by its name and imports nothing else."""

from __future__ import annotations

import sys
from collections.abc import Sequence

VERSION = "0.1.0"
VERBS = (
    "serve", "check", "schema", "documents", "deadlines", "feed", "token", "simulate", "tick",
    "plan", "apply", "record", "outbox", "mail", "doctor", "backup", "verify", "restore", "shift",
    "sheet", "activity", "quota",
    "event", "status", "remind", "demo",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code: 0 done, 1 the user's fault, 2 changes, 3 ours."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] in (["--version"], ["-V"]):
        print(f"duban {VERSION}")
        return 0
    from cli.dispatch import run

    return run(given)


if __name__ == "__main__":
    sys.exit(main())
