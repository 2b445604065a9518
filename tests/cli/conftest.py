from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.desk import Desk


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Desk:
    """Give an admin's folder on Friday 2026-01-09 at 10:00, with nothing applied yet."""
    return Desk(tmp_path, monkeypatch, capsys)
