"""The service's clock: the real one, or one that starts elsewhere and runs faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

Clock = Callable[[], datetime]


def running(
    real: Clock, start: datetime | None, rate: float, ticked: datetime | None
) -> Clock:
    """Return a clock. Without ``start`` it is the real one.

    With it, it starts at the later of ``start`` and ``ticked``, the last round that the store
    knows of, and runs ``rate`` times as fast as the real one.
    """
    if start is None:
        return real
    zone = real().tzinfo
    first = max(start, ticked) if ticked else start
    began = time.monotonic()

    def now() -> datetime:
        passed = timedelta(seconds=(time.monotonic() - began) * rate)
        return (first + passed).astimezone(zone)

    return now
