"""What the tests of this folder share: the checkout, its files, a clean copy of it."""

import os
import shutil
import socket
import subprocess
import tomllib
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"][
    "build"
]["targets"]["wheel"]["packages"]


# What .gitignore leaves out, for a checkout that came without git.
LEFT_OUT = {".git", ".venv", "__pycache__", "data", "dist", "wheels", ".hypothesis"}
LEFT_OUT |= {".pytest_cache", ".mypy_cache", ".ruff_cache", ".import_linter_cache"}


def tracked() -> list[str]:
    """Paths of the files git knows or would add, relative to the checkout, that still exist."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        return sorted({n for n in done.stdout.split("\0") if n and (ROOT / n).is_file()})
    found = []
    for folder, inside, files in os.walk(ROOT):
        inside[:] = [name for name in inside if name not in LEFT_OUT]
        found += [str((Path(folder) / name).relative_to(ROOT)) for name in files]
    return sorted(found)


def copy_tree(target: Path, names: list[str]) -> Path:
    """Copies the named files of the checkout to `target`, modes included, and returns it."""
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)
    return target


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def body(url: str) -> bytes:
    """The answer's body, asked for without any proxy; raises OSError when nothing answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=2) as answer:
        content: bytes = answer.read()
        return content
