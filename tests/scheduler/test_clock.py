from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from scheduler.clock import Job, clock


def test_a_job_runs_at_once_and_never_beside_itself() -> None:
    running, most, runs = 0, 0, threading.Semaphore(0)
    lock, go_on = threading.Lock(), threading.Event()

    def slow() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        runs.release()
        go_on.wait(0.1)
        with lock:
            running -= 1

    scheduler = clock([Job("slow", 0.02, slow)], datetime.now(UTC))
    scheduler.start()
    try:
        for _ in range(3):
            assert runs.acquire(timeout=5)
    finally:
        go_on.set()
        scheduler.shutdown()
    assert most == 1


def test_a_failing_job_is_run_again() -> None:
    runs = threading.Semaphore(0)

    def fail() -> None:
        runs.release()
        raise RuntimeError("once more")

    scheduler = clock([Job("failing", 0.02, fail)], datetime.now(UTC))
    scheduler.start()
    try:
        assert runs.acquire(timeout=5)
        assert runs.acquire(timeout=5)
    finally:
        scheduler.shutdown()


def test_late_runs_are_not_dropped_and_become_one() -> None:
    late = datetime.now(UTC) - timedelta(days=2)
    runs = threading.Semaphore(0)
    scheduler = clock([Job("late", 3600, runs.release)], late)
    (job,) = scheduler.get_jobs()
    scheduler.start()
    try:
        assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (None, True, 1)
        assert runs.acquire(timeout=5)
        assert not runs.acquire(timeout=0.3)
    finally:
        scheduler.shutdown()
