"""What cannot be recorded is refused with a sentence and a hint."""

from __future__ import annotations


class Refused(Exception):
    """Something that cannot be recorded; ``message`` and ``hint`` are Chinese sentences."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
