"""./duban in a small stand-in checkout: one local wheel, no network, a program that tells argv."""

import hashlib
import os
import shutil
import signal
import subprocess
import time
import zipfile
from pathlib import Path

import pytest

from tests.setup.tree import copy_tree

CLI = """
import sys, probe
print(__file__, probe.__file__, *sys.argv[1:], sep="|")
sys.exit(7 if "fail" in sys.argv else 0)
"""


def make_wheel(folder: Path) -> str:
    """Writes the wheel of a distribution `probe` and returns its line for a lock file."""
    wheel = folder / "probe-1.0-py3-none-any.whl"
    info = "probe-1.0.dist-info"
    folder.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("probe.py", "")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: probe\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"probe==1.0 \\\n    --hash=sha256:{digest}\n"


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout that has been set up once, by two starts at the same moment."""
    home = tmp_path_factory.mktemp("checkout with 空格")
    names = ["duban", "tools/ready.sh", "tools/set_up.py"]
    here = copy_tree(home / "duban", names)
    line = make_wheel(home / "wheels")
    for lock in ("requirements.lock", "requirements-postgresql.lock"):
        (here / lock).write_text(line)
    (here / "cli").mkdir()
    (here / "cli" / "__init__.py").touch()
    (here / "cli" / "__main__.py").write_text(CLI)
    both = [start(here), start(here)]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert out.startswith(str(here / "cli"))
    return here


def environment(here: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "DUBAN_", "PYTHON"))}
    return kept | {"PIP_NO_INDEX": "1", "DUBAN_WHEELS": str(here.parent / "wheels")}


def start(here: Path, *arguments: str, **extra: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(here / "duban"), *arguments],
        env=environment(here) | extra,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=here.parent,
        start_new_session=True,
    )


def run(here: Path, *arguments: str, **extra: str) -> tuple[int, str, str]:
    process = start(here, *arguments, **extra)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def test_first_start_sets_up_and_the_second_does_nothing(ready: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (ready / ".venv").iterdir()}
    code, out, err = run(ready, "deadlines", "--from", "2026-01-01")
    assert (code, err) == (0, "")
    assert out.strip().endswith("|deadlines|--from|2026-01-01")
    assert str(ready / ".venv") in out
    assert {path: path.stat().st_mtime_ns for path in (ready / ".venv").iterdir()} == before


def test_a_lock_with_the_same_packages_is_ready_too(ready: Path) -> None:
    assert run(ready, DUBAN_DATABASE_URL="postgresql+psycopg://db/duban")[2] == ""
    assert (ready / ".venv" / "ready-requirements-postgresql.lock").is_file()


def test_exit_codes_pass_through(ready: Path) -> None:
    assert run(ready, "fail")[0] == 7


def test_the_checkouts_own_code_runs_whatever_surrounds_it(ready: Path, tmp_path: Path) -> None:
    (tmp_path / "cli").mkdir()
    for name in ("__init__.py", "__main__.py"):
        (tmp_path / "cli" / name).write_text("raise SystemExit('the wrong cli')")
    (tmp_path / "link").symlink_to(ready / "duban")
    done = subprocess.run(
        [str(tmp_path / "link"), "check"],
        cwd=tmp_path,
        env=environment(ready) | {"PYTHONPATH": str(tmp_path), "PYTHONHOME": "/nowhere"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(str(ready / "cli" / "__main__.py"))


def test_a_changed_lock_is_installed_at_the_next_start(ready: Path) -> None:
    lock = ready / "requirements.lock"
    lock.write_text(lock.read_text() + "# changed\n")
    code, out, err = run(ready)
    assert code == 0
    assert "requirements.lock" in err
    assert str(ready) in out
    assert run(ready)[2] == ""


def test_a_failing_change_leaves_what_was_there(ready: Path) -> None:
    lock = ready / "requirements.lock"
    good = lock.read_text()
    lock.write_text("probe==2.0 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    code, out, err = run(ready)
    lock.write_text(good)
    assert (code, out) == (1, "")
    assert "安装依赖包失败" in err
    assert "Traceback" not in err
    assert run(ready)[::2] == (0, "")


def test_a_set_up_cut_short_starts_afresh(ready: Path) -> None:
    venv = ready / ".venv"
    (venv / "unfinished").touch()
    for stamp in venv.glob("ready-*"):
        stamp.unlink()
    (next(venv.glob("lib/python3*")) / "site-packages" / "probe.py").unlink()
    code, out, err = run(ready)
    assert code == 0, err
    assert "上次准备没有完成" in err
    assert "probe.py" in out


def test_killed_while_it_makes_the_environment(ready: Path) -> None:
    shutil.rmtree(ready / ".venv")
    process = start(ready)
    deadline = time.monotonic() + 30
    while not (ready / ".venv" / "bin" / "python").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    code, _, err = run(ready)
    assert code == 0, err
    assert run(ready)[2] == ""


def test_a_missing_folder_of_wheels_is_said(ready: Path) -> None:
    (ready / "requirements.lock").open("a").write("# changed\n")
    code, out, err = run(ready, DUBAN_WHEELS="/no/such/folder")
    assert (code, out) == (1, "")
    assert "DUBAN_WHEELS" in err
    assert "/no/such/folder" in err
    assert run(ready)[0] == 0


def test_without_a_new_enough_python(ready: Path, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "readlink", "cat", "sha256sum", "env"):
        (tools / tool).symlink_to(Path("/usr/bin") / tool)
    (tools / "python3").write_text("#!/bin/sh\nexit 1\n")  # as an old Python answers the question
    (tools / "python3").chmod(0o755)
    bare = copy_tree(tmp_path / "bare", ["duban", "tools/ready.sh", "tools/set_up.py"])
    (bare / "requirements.lock").touch()
    code, out, err = run(bare, PATH=str(tools))
    assert (code, out) == (1, "")
    assert "Python 3.11" in err
    assert "apt install python3" in err


def test_without_the_venv_module(ready: Path, tmp_path: Path) -> None:
    """Debian's python3 without python3-venv: `import ensurepip` fails inside `-m venv`."""
    bare = copy_tree(tmp_path / "bare", ["duban", "tools/ready.sh", "tools/set_up.py"])
    (bare / "requirements.lock").touch()
    script = bare / "tools" / "set_up.py"
    text = script.read_text()
    assert '"-m", "venv", str(VENV)]' in text
    broken = '"-c", "raise SystemExit(\'ensurepip is not available\')"]'
    script.write_text(text.replace('"-m", "venv", str(VENV)]', broken))
    code, out, err = run(bare, DUBAN_WHEELS="")
    assert (code, out) == (1, "")
    assert "python3-venv" in err
    assert "Traceback" not in err
