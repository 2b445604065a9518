"""Several processes that do the same at the same moment, and one that falls asleep in it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["scheduler.store", "tests.delivery.town"])


def together(count: int, job: Callable[..., Any], *given: Any) -> list[Any]:
    """Run a job in several processes at once; return what each returned, or its error's text."""
    start, answers = CONTEXT.Barrier(count), CONTEXT.Queue()
    crowd = [
        CONTEXT.Process(target=_run, args=(start, answers, job, given), daemon=True)
        for _ in range(count)
    ]
    for one in crowd:
        one.start()
    found = [answers.get(timeout=60) for _ in crowd]
    for one in crowd:
        one.join(10)
    return found


def _run(start: Any, answers: Any, job: Callable[..., Any], given: tuple[Any, ...]) -> None:
    start.wait(30)
    try:
        answers.put(job(*given))
    except Exception as error:
        answers.put(f"{type(error).__name__}: {error}")


class Sleeper:
    """A process that stops itself where its job calls ``sleep``; wake it up to hear the end."""

    def __init__(self, job: Callable[..., Any], *given: Any) -> None:
        self._answers = CONTEXT.Queue()
        self._process = CONTEXT.Process(
            target=_sleepy, args=(self._answers, job, given), daemon=True
        )
        self._process.start()
        until = time.monotonic() + 30
        while not self._asleep():
            assert time.monotonic() < until, "it did not fall asleep"
            time.sleep(0.01)

    def _asleep(self) -> bool:
        with open(f"/proc/{self._process.pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"

    def wake(self) -> Any:
        """Let it go on and return what its job returned, or its error."""
        assert self._process.pid
        os.kill(self._process.pid, signal.SIGCONT)
        answer = self._answers.get(timeout=30)
        self._process.join(10)
        return answer

    def kill(self) -> None:
        self._process.kill()
        self._process.join(10)


def sleep() -> None:
    """Stop this process until somebody wakes it up."""
    os.kill(os.getpid(), signal.SIGSTOP)


def _sleepy(answers: Any, job: Callable[..., Any], given: tuple[Any, ...]) -> None:
    try:
        answers.put(job(*given))
    except Exception as error:
        answers.put(error if type(error).__module__ == "builtins" else _plain(error))


def _plain(error: Exception) -> Any:
    from scheduler.faults import fault

    return fault(error) or f"{type(error).__name__}: {error}"
