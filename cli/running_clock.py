"""The service's clock: the real one, or one that starts elsewhere and runs faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

Clock = Callable[[], datetime]
SHORTEST = 3.0  # real seconds: in less, an honest hand-over under load loses its lease before DATA
LONGEST = timedelta(hours=5)  # beyond six hours the hourly proof calls a lease wrong


class Running:
    """A clock that shows an instant (aware), and once it goes, ``rate`` times as fast as the real.

    It does not go while a service starts: at a high rate the hours in which documents are applied
    would be hours in which nobody was reminded.
    """

    def __init__(self, first: datetime, rate: float) -> None:
        self.rate = rate
        self._zone = first.tzinfo
        self._set: tuple[datetime, float | None] = (first, None)

    def __call__(self) -> datetime:
        first, began = self._set
        if began is None:
            return first
        return first + timedelta(seconds=(time.monotonic() - began) * self.rate)

    def go(self) -> None:
        """Begin to run."""
        first, began = self._set
        if began is None:
            self._set = (first, time.monotonic())

    def forward(self, at: datetime) -> None:
        """Go on from an instant (aware), if that is later than what the clock shows."""
        if at > self():
            self._set = (at.astimezone(self._zone), time.monotonic())


def running(
    real: Clock, start: datetime | None, rate: float, ticked: datetime | None
) -> Clock | Running:
    """Return a clock. Without ``start`` it is the real one.

    With it, it shows the later of ``start`` and ``ticked``, the last round that the store knows of,
    and once it goes it runs ``rate`` times as fast as the real one.
    """
    if start is None:
        return real
    first = max(start, ticked) if ticked else start
    return Running(first.astimezone(real().tzinfo), rate)


def lasting(lease: int, rate: float) -> timedelta:
    """Return how long a lease (seconds) lasts on a clock that runs so many times as fast.

    It follows that clock; but where it would be over within a moment, it lasts a few real seconds.
    """
    asked = timedelta(seconds=lease)
    return max(asked, min(timedelta(seconds=SHORTEST * rate), LONGEST))
