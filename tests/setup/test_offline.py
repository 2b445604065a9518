"""docs/offline.md, carried out: wheels fetched here, installed in a clone that has no index."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.setup.tree import body, copy_tree, free_port, tracked


@pytest.mark.system
def test_a_clone_without_internet_installs_from_the_folder_and_serves(tmp_path: Path) -> None:
    here = copy_tree(tmp_path / "duban", tracked())
    wheels = tmp_path / "wheels"
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes"]
    download += ["--only-binary", ":all:", "-r", str(here / "requirements.lock"), "-d", str(wheels)]
    subprocess.run(download, check=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "DUBAN_", "PYTHON"))}
    alone = kept | {
        "DUBAN_WHEELS": str(wheels),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:1/",
        "PIP_CACHE_DIR": str(tmp_path / "empty"),
        "DUBAN_DATA": str(tmp_path / "data"),
    }
    first = subprocess.run(
        [here / "duban", "--version"], env=alone, capture_output=True, text=True, cwd=tmp_path
    )
    assert first.returncode == 0, first.stderr
    assert "运行环境已就绪" in first.stderr

    # From here on even the folder is not needed.
    del alone["DUBAN_WHEELS"]
    second = subprocess.run(
        [here / "duban", "--version"], env=alone, capture_output=True, text=True, cwd=tmp_path
    )
    assert (second.returncode, second.stderr) == (0, "")

    port = free_port()
    process = subprocess.Popen(
        [here / "duban", "serve", "--port", str(port)],
        env=alone,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = time.monotonic() + 120
        while True:
            assert process.poll() is None, process.communicate()[0]
            try:
                assert body(f"http://127.0.0.1:{port}/healthz")
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.wait()
