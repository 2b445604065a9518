"""How far something is that takes longer than a second: on standard error, only on a terminal."""

from __future__ import annotations

import sys
import time

WIDTH = 30
QUIET = 1.0  # seconds in which nothing is shown
EVERY = 0.1


class Progress:
    """A bar; call it with how much is done and how much there is, and ``end`` it."""

    def __init__(self, name: str) -> None:
        self._name, self._began = name, time.monotonic()
        self._shown = self._began + QUIET - EVERY
        self._any = False

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is, a few times a second."""
        now = time.monotonic()
        if now - self._shown < EVERY or not sys.stderr.isatty():
            return
        self._shown, self._any = now, True
        full = WIDTH * done // max(total, 1)
        bar = "█" * full + "░" * (WIDTH - full)
        print(f"\r{self._name} {bar} {done}/{total}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Wipe the bar out."""
        if self._any:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
