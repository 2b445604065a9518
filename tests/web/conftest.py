from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.service import Service


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """Give a service on Friday 2026-03-06 at 09:30, nobody signed in."""
    return Service(tmp_path)


@pytest.fixture
def admin(service: Service) -> Service:
    """Give a service into which the admin is signed in."""
    service.sign_in()
    return service
