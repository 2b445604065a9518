"""Write the snapshots anew: ``.venv/bin/python -m tests.snapshots``."""

from __future__ import annotations

import sys

from tests.snapshots.render import FOLDER, render_all


def main() -> int:
    """Write one file per document and say which of them changed. Returns 0."""
    texts = render_all()
    for name, text in texts.items():
        path = FOLDER / f"{name}.txt"
        before = path.read_text(encoding="utf-8") if path.exists() else None
        if before != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{path.name} {'changed' if before else 'written'}\n")
    for path in FOLDER.glob("*.txt"):
        if path.stem not in texts:
            path.unlink()
            sys.stdout.write(f"{path.name} removed\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
