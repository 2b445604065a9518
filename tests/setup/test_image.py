"""Dockerfile and the compose files without a Docker engine: linted, agreeing, and each step run."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from config.settings import load
from tests.setup.steps import Image, allowed, steps, words, write_shims
from tests.setup.tree import PACKAGES, ROOT, body, copy_tree, free_port, tracked

DOCKERFILE = ROOT / "Dockerfile"
SCRIPTS = Path(sys.executable).parent


def single(verb: str) -> str:
    return [step.rest for step in steps(DOCKERFILE) if step.verb == verb][-1]


@pytest.mark.parametrize(
    "command",
    [
        ["hadolint", "Dockerfile"],
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.single.yaml"],
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml"],
    ],
)
def test_linters_find_nothing(command: list[str]) -> None:
    done = subprocess.run(
        [str(SCRIPTS / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "name"),
    [("compose.single.yaml", "duban"), ("compose.yaml", "duban-1"),
     ("compose.yaml", "duban-2")],
)  # fmt: skip
def test_compose_and_dockerfile_agree(file: str, name: str) -> None:
    compose = yaml.safe_load((ROOT / file).read_text())
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["restart"] == "unless-stopped"
    targets = [volume.split(":")[1] for volume in service["volumes"]]
    assert targets == words(single("VOLUME")) == ["/data"]
    assert [port.rsplit(":", 1)[1] for port in service["ports"]] == [single("EXPOSE")]
    options, _, check = single("HEALTHCHECK").partition(" CMD ")
    assert service["healthcheck"]["test"] == ["CMD", *words(check)]
    for name in ("interval", "timeout", "retries"):
        assert f"--{name}={service['healthcheck'][name]} " in f"{options} "
    assert f"--start-period={service['healthcheck']['start_period']} " in f"{options} "


def test_the_replicas_share_the_database_and_nothing_else() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    one, two = (compose["services"][name] for name in ("duban-1", "duban-2"))
    assert one["environment"] == two["environment"]
    assert set(one["volumes"]).isdisjoint(two["volumes"])
    given = {**one["environment"]}
    assert "@db/duban" in given["DUBAN_DATABASE_URL"]
    given["DUBAN_DATABASE_URL"] = "postgresql://duban:abc123@db/duban"
    given["DUBAN_BASE_URL"] = "https://duban.example.cn"
    settings = load(given, ROOT)
    assert settings.errors == ()
    assert settings.warnings == ()
    assert settings.smtp_host in compose["services"]
    lock = one["build"]["args"]["LOCK"]
    assert "psycopg" in (ROOT / lock).read_text()


def test_the_image_runs_as_an_unprivileged_user_with_its_data_apart() -> None:
    assert single("USER") == "10001:10001"
    assert "DUBAN_DATA=/data" in single("ENV").split()
    assert words(single("CMD")) == ["serve", "--host", "0.0.0.0"]
    froms = [step.rest.split()[0] for step in steps(DOCKERFILE) if step.verb == "FROM"]
    assert froms == ["python:3.11-slim-bookworm"] * 2


def test_the_build_context_holds_what_runs_and_nothing_else() -> None:
    context = [name for name in tracked() if allowed(name, ROOT / ".dockerignore")]
    assert {name.split("/")[0] for name in context if "/" in name} == set(PACKAGES)
    assert {name for name in context if "/" not in name} == {
        "pyproject.toml",
        "requirements.lock",
        "requirements-postgresql.lock",
        "requirements-dev.lock",
    }
    assert not allowed("config/__pycache__/roster.cpython-311.pyc", ROOT / ".dockerignore")
    assert not allowed("data/duban.sqlite", ROOT / ".dockerignore")


@pytest.fixture
def image() -> Iterator[Image]:
    """A clean folder that every user can reach, with the build context beside it."""
    top = Path(tempfile.mkdtemp(prefix="duban-image-"))
    top.chmod(0o755)
    context = [name for name in tracked() if allowed(name, ROOT / ".dockerignore")]
    (top / "root").mkdir()
    write_shims(top / "root" / "shims")
    yield Image(top / "root", copy_tree(top / "context", context))
    shutil.rmtree(top)


def drop_to(image: Image) -> dict[str, int]:
    """How to start a process as the image's user: only root can, and only with a Python that
    this user can reach."""
    uid, gid = (int(number) for number in image.user.split(":"))
    if os.geteuid() != 0:
        return {}
    try:
        subprocess.run([image.root / "venv/bin/python", "-c", "pass"], user=uid, check=True)
    except PermissionError:
        return {}
    os.chown(image.root / "data", uid, gid)
    return {"user": uid, "group": gid}


@pytest.mark.system
def test_every_step_runs_in_a_clean_folder_and_the_entry_serves(image: Image) -> None:
    for step in steps(DOCKERFILE):
        image.run(step)
    called = (image.root / "shims" / "called").read_text()
    assert "useradd --uid 10001" in called
    assert "--owner=10001" in called

    port = free_port()
    environment = image.variables()
    process = subprocess.Popen(
        [*image.entrypoint, *image.command, "--port", str(port)],
        env=environment,
        cwd=image.inside(image.workdir),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **drop_to(image),
    )
    check = [word.replace(":8000/", f":{port}/") for word in image.healthcheck]
    try:
        deadline = time.monotonic() + 120
        while subprocess.run(check, env=environment, capture_output=True).returncode != 0:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.5)
        assert body(f"http://127.0.0.1:{port}/healthz")
        assert any((image.root / "data").iterdir())
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
        assert process.returncode in (0, -signal.SIGTERM), out
        assert "Traceback" not in out
    finally:
        process.kill()
        process.wait()
