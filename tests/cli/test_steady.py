"""Jobs of the service outlive every fault of the store, and say so once."""

from __future__ import annotations

import logging
import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from cli.failure import Failure
from cli.steady import Steady, patiently


def broken(name: str = "SQLITE_BUSY") -> OperationalError:
    error = sqlite3.OperationalError("x")
    error.sqlite_errorname = name
    return OperationalError("select", {}, error)


class Job:
    """Raises what it is given, one a run, then works."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.runs = list(errors), 0

    def __call__(self) -> str:
        self.runs += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


def test_a_passing_fault_is_tried_again_at_once(caplog: pytest.LogCaptureFixture) -> None:
    job = Job(broken())
    Steady("巡查", job)()
    assert (job.runs, said(caplog)) == (2, [])


def test_a_fault_that_stays_is_said_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    job = Job(*[broken() for _ in range(8)])
    steady = Steady("巡查", job)
    for _ in range(6):
        steady()
    assert job.runs == 10
    first, last = said(caplog)
    assert first.startswith("巡查没有完成：数据库被另一个程序占用")
    assert last == "巡查：已恢复"
    assert caplog.records[-1].exc_info is None


def test_several_at_once_are_one_fault(caplog: pytest.LogCaptureFixture) -> None:
    group = ExceptionGroup("several", [broken("SQLITE_FULL"), broken("SQLITE_FULL")])
    job = Job(group, group)
    Steady("巡查", job)()
    assert "磁盘已满" in said(caplog)[0]
    mixed = ExceptionGroup("several", [broken("SQLITE_FULL"), ZeroDivisionError()])
    Steady("巡查", Job(mixed))()
    assert "ExceptionGroup" in said(caplog)[1]


def test_a_fault_of_our_own_is_told_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    job = Job(ZeroDivisionError("ours"))
    Steady("巡查", job)()
    assert job.runs == 1
    [record] = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert record.exc_info
    assert "ZeroDivisionError: ours" in record.getMessage()


def test_a_start_waits_for_what_passes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cli.steady.PAUSE", 0.01)
    assert patiently(Job(broken(), broken())) == "done"
    assert capsys.readouterr().out.count("等它") == 1
    with pytest.raises(Failure, match="占用"):
        patiently(Job(*[broken() for _ in range(1000)]), patience=0.05)
    with pytest.raises(Failure, match="已损坏"):
        patiently(Job(broken("SQLITE_CORRUPT")))
    with pytest.raises(ZeroDivisionError):
        patiently(Job(ZeroDivisionError()))
