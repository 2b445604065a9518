"""How often one feed address may be asked: far oftener than honest clients do, many at once too."""

from __future__ import annotations

import time

OFTEN = 3_000  # requests a minute: 300 who share an address and ask ten times each are still served
MINUTE = 60.0


class Pace:
    """Counts the requests of each address, minute by minute.

    Only known addresses are counted, never where a request comes from: behind a proxy everybody
    comes from the same place. The memory is as large as the list of addresses.
    """

    def __init__(self, often: int = OFTEN) -> None:
        self._often = often
        self._seen: dict[int, tuple[float, int]] = {}

    def wait(self, number: int, now: float | None = None) -> int:
        """Count a request and return for how many seconds its address has to wait, mostly 0.

        ``now`` is a monotonic time in seconds.
        """
        now = time.monotonic() if now is None else now
        begun, count = self._seen.get(number, (now, 0))
        if now - begun >= MINUTE:
            begun, count = now, 0
        self._seen[number] = begun, count + 1
        return 0 if count < self._often else max(1, round(begun + MINUTE - now))
