"""Jobs that outlive the faults of store and network: said once, tried again, found again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from cli.failure import Failure
from scheduler.faults import fault, twice

log = logging.getLogger("duban.serve")

AGAIN = 600.0  # seconds after which the same fault is said once more
PATIENCE = 60.0  # seconds that a start waits for a database that is not there yet
PAUSE = 1.0

Result = TypeVar("Result")


class Steady:
    """Runs a job and never raises. ``name`` is what the log calls it, in Chinese.

    Every step of a job is safe to repeat, so one that met a fault of the store, such as a cut
    connection, is run once more at once; after that the next regular run finds what is left.
    """

    def __init__(self, name: str, job: Callable[[], object]) -> None:
        self._name, self._job = name, job
        self._said: tuple[str, float] | None = None

    def __call__(self) -> None:
        """Run the job."""
        try:
            twice(self._job, self._again)
        except Exception as error:
            self._tell(error)
        else:
            if self._said is not None:
                log.warning("%s：已恢复", self._name)
            self._said = None

    def _again(self, error: Exception) -> None:
        log.info("%s：%s；马上再试一次", self._name, _words(error))

    def _tell(self, error: Exception) -> None:
        said, now = _words(error), time.monotonic()
        if self._said is not None and self._said[0] == said and now - self._said[1] < AGAIN:
            return
        self._said = (said, now)
        known = fault(error)
        if known is None:
            log.error("%s没有完成：%s", self._name, said, exc_info=error)
        else:
            log.error("%s没有完成：%s（%s）", self._name, known.said, known.hint)


def _words(error: Exception) -> str:
    known = fault(error)
    return known.said if known else f"{type(error).__name__}: {error}"


def patiently(job: Callable[[], Result], patience: float = PATIENCE) -> Result:
    """Return what a job returns, waiting for a store that cannot be reached yet.

    Raises Failure where it is still not there after ``patience`` seconds, or will not be.
    """
    until = time.monotonic() + patience
    told = False
    while True:
        try:
            return job()
        except Exception as error:
            known = fault(error)
            if known is None:
                raise
            if not known.passing or time.monotonic() > until:
                raise Failure(known.said, known.hint) from error
            if not told:
                print(f"{known.said}，等它 {patience:.0f} 秒……", flush=True)
                told = True
        time.sleep(PAUSE)
