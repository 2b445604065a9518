"""What a mail server does wrong, and when: rules, read from JSON.

A script is ``{"seed": 1, "rules": [...]}``. The first rule that fits a moment is what happens. A
rule names a moment (``at``) and a fault (``do``), and may narrow when it fits.

Moments: accept (the connection), greeting, ehlo, starttls, auth, mail, rcpt, data (the command),
content (while it comes), dot (the whole content is here), quit.

Faults: ``reply`` (with ``text``), ``drop`` (the connection closes), ``reset`` (it breaks),
``silence`` (no answer, ever), ``delay`` (``ms``, then as usual), ``refuse`` (at accept: nobody
listens for ``seconds``), ``hide`` (at ehlo: the extensions in ``words`` are not offered),
``certificate`` (at starttls: another one, nobody's), ``pass`` (nothing: keeps later rules away).
At content a fault comes after ``bytes`` of it. At dot, ``kept`` says whether the mail was accepted,
on the disk, before the fault: a server that takes a mail and never says so.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, field
from typing import Any

MOMENTS = (
    "accept", "greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "content", "dot",
    "quit",
)  # fmt: skip
FAULTS = (
    "reply", "drop", "reset", "silence", "delay", "refuse", "hide", "certificate", "pass",
)  # fmt: skip


@dataclass
class Rule:
    """One fault. It fits ``times`` times at most, after ``after`` occasions were let go.

    ``to``: a pattern for the recipients; ``connections``: the first and last number (from 1);
    ``chance``: how likely it is each time it would fit.
    """

    at: str
    do: str
    text: str = ""
    ms: int = 0
    seconds: float = 0
    bytes: int = 0
    kept: bool = False
    words: list[str] = field(default_factory=list)
    to: str = ""
    connections: list[int] = field(default_factory=list)
    after: int = 0
    times: int | None = None
    chance: float = 1.0
    seen: int = 0
    done: int = 0

    def __post_init__(self) -> None:
        if self.at not in MOMENTS or self.do not in FAULTS:
            raise ValueError(f"no such rule: at {self.at!r}, do {self.do!r}")
        if self.do == "reply" and not re.match(r"[2-5]\d\d ", self.text):
            raise ValueError(f"not a reply: {self.text!r}")

    def fits(self, connection: int, recipients: list[str], dice: random.Random) -> bool:
        """Return whether the fault happens now; counts the occasion."""
        if self.to and not any(re.search(self.to, one) for one in recipients):
            return False
        if self.connections and not self.connections[0] <= connection <= self.connections[-1]:
            return False
        self.seen += 1
        if self.seen <= self.after or (self.times is not None and self.done >= self.times):
            return False
        if self.chance < 1 and dice.random() >= self.chance:
            return False
        self.done += 1
        return True


class Script:
    """The rules in order, with the dice they share."""

    def __init__(self, text: str = "") -> None:
        said: dict[str, Any] = json.loads(text) if text.strip() else {}
        self.dice = random.Random(said.get("seed", 0))
        self.rules = [Rule(**rule) for rule in said.get("rules", [])]

    def at(self, moment: str, connection: int, recipients: list[str]) -> Rule | None:
        """Return the fault of a moment, None where all goes well."""
        for rule in self.rules:
            if rule.at == moment and rule.fits(connection, recipients, self.dice):
                return rule
        return None
