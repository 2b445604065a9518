"""The lock files: complete, hashed, consistent with each other and with pyproject.toml."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.setup.tree import ROOT

LOCKS = ["requirements.lock", "requirements-postgresql.lock", "requirements-dev.lock"]


def entries(lock: str) -> dict[str, str]:
    """Each pinned line of a lock file with the text of its hashes."""
    text = (ROOT / lock).read_text()
    parts = re.split(r"^(?=\S+==)", text, flags=re.MULTILINE)[1:]
    return {part.splitlines()[0]: part for part in parts}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_has_a_hash_and_no_host_is_named(lock: str) -> None:
    assert all("--hash=sha256:" in part for part in entries(lock).values())
    assert "://" not in (ROOT / lock).read_text()


def test_each_lock_contains_the_smaller_one() -> None:
    plain, postgresql, dev = (set(entries(lock)) for lock in LOCKS)
    assert plain < postgresql < dev


@pytest.mark.parametrize(
    ("lock", "extra"), [(LOCKS[0], ""), (LOCKS[1], "postgresql"), (LOCKS[2], "dev")]
)
def test_each_lock_satisfies_pyproject(lock: str, extra: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"].get(extra, [])
    pinned = {
        canonicalize_name(line.split("==")[0]): line.split("==")[1].split()[0]
        for line in entries(lock)
    }
    pinned["duban"] = project["version"]
    for requirement in map(Requirement, wanted):
        assert pinned[canonicalize_name(requirement.name)] in requirement.specifier


def test_what_ships_by_default_carries_no_copyleft_driver() -> None:
    assert not [line for line in entries(LOCKS[0]) if line.startswith("psycopg")]


# Not imported by our own code: who needs them, or why they are named.
ELSEWHERE = {
    "httptools": "uvicorn, whose reader of it web.line extends",
    "python-dateutil": "icalendar; named for the bound on its version",
    "python-multipart": "fastapi, for forms",
    "tzdata": "zoneinfo",
}
NAMES = {"pyyaml": "yaml"}


def test_what_is_required_is_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    rooms = ("workflows", "config", "scheduler", "notifications", "web", "cli")
    code = "\n".join(file.read_text() for room in rooms for file in (ROOT / room).rglob("*.py"))
    imported = set(re.findall(r"^\s*(?:from|import) (\w+)", code, re.MULTILINE))
    named = {canonicalize_name(Requirement(one).name) for one in project["dependencies"]}
    unused = {name for name in named if NAMES.get(name, name.replace("-", "_")) not in imported}
    assert unused == set(ELSEWHERE)
