"""The user's faults: one plain Chinese sentence and a hint, exit code 1, no traceback."""

from __future__ import annotations


class Failure(Exception):
    """Something the user can put right."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}（{self.hint}）" if self.hint else self.message
