"""A word to an outside monitor after each good round: if it stops hearing, it raises the alarm."""

from __future__ import annotations

import logging
import threading
from urllib.request import Request, urlopen

TIMEOUT = 5.0  # seconds

log = logging.getLogger(__name__)


class Monitor:
    """Calls an address beside the round, which neither waits for it nor fails with it.

    ``url`` is a secret and never logged. While one call is under way, there is no other.
    """

    def __init__(self, url: str | None, timeout: float = TIMEOUT) -> None:
        self._url, self._timeout = url, timeout
        self._busy = threading.Lock()

    def ping(self) -> None:
        """Call it, if there is an address and no call is under way."""
        if self._url and self._busy.acquire(blocking=False):
            threading.Thread(target=self._call, name="monitor", daemon=True).start()

    def wait(self) -> None:
        """Wait until a call that is under way has ended, as a process that ends now would cut it."""
        if self._busy.acquire(timeout=self._timeout + 1):
            self._busy.release()

    def _call(self) -> None:
        try:
            request = Request(self._url or "", headers={"User-Agent": "duban"})  # noqa: S310
            with urlopen(request, timeout=self._timeout) as answer:  # noqa: S310
                answer.read(1024)
        except Exception as error:
            log.warning("the monitor could not be reached: %s", type(error).__name__)
        finally:
            self._busy.release()
