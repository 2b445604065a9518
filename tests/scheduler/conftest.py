from __future__ import annotations

from pathlib import Path

import pytest

from tests.scheduler.house import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Give a store in which the document was adopted on Friday 2026-01-09 at 10:00."""
    return House(tmp_path, "2026-01-09 10:00")
