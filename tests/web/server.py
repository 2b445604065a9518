"""A real ``duban serve`` in a process of its own, for tests."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import httpx

HERE = Path(__file__).parent.parent.parent
STARTS = 60  # seconds; a slow machine, five documents to apply


class Server:
    """``duban serve`` on a free port, over a data folder."""

    def __init__(self, data: Path, *arguments: str, **environ: str) -> None:
        self.data = data
        self.environ = {
            name: value for name, value in os.environ.items() if not name.startswith("DUBAN_")
        }
        self.environ |= {"DUBAN_DATA": str(data), "PYTHONPATH": str(HERE), **environ}
        self.log = data.parent / "serve.log"
        with self.log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cli", "serve", "--port", "0", *arguments],
                stdout=file, stderr=file, env=self.environ, cwd=HERE,
            )  # fmt: skip
        self.began = self.log.stat().st_size

    def __enter__(self) -> Server:
        until = time.monotonic() + STARTS
        while not (found := re.search(r"/sign-in/([\w-]{43})\n", self.said)):
            assert self.process.poll() is None, self.said
            assert time.monotonic() < until, self.said
            time.sleep(0.05)
        self.secret = found[1]
        address = re.search(r"督办已启动：(\S+)", self.said)
        assert address is not None
        self.url = address[1]
        self.client = httpx.Client(base_url=self.url, timeout=30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.stop()

    @property
    def said(self) -> str:
        """Return what was printed and logged so far."""
        return self.log.read_text()

    def stop(self) -> int:
        """Ask the process to end, as an init system does, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def duban(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another verb beside the service."""
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            capture_output=True, text=True, env=self.environ, cwd=HERE, check=False,
        )  # fmt: skip

    def sign_in(self) -> None:
        """Sign in as the admin."""
        assert self.client.post(f"/sign-in/{self.secret}").status_code == 303
