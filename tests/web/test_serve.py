"""The whole service as a process: first start, what it prints and logs, stop, second start."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from cli.running_clock import Running, lasting, running
from cli.serve import _bind
from tests.scheduler.house import at
from tests.web.server import HERE, Server

AT = ("--at", "2019-09-05T08:59:30+08:00", "--rate", "60")


def wait(seconds: float, done: object) -> None:
    until = time.monotonic() + seconds
    while not done():  # type: ignore[operator]
        assert time.monotonic() < until
        time.sleep(0.05)


def test_from_an_empty_folder_to_a_feed_and_back(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Server(data, *AT) as server:
        assert server.client.get("/healthz").json() == {"status": "ok"}
        said = server.said
        assert "第一次启动，正在应用 5 份文件" in said
        assert f"邮件：没有设邮件服务器，邮件存入 {data / 'mail'}" in said
        assert re.search(r"跟踪 [1-9]\d* 个期限，最近的：\n(  2019年[^\n]+（[^\n]+）\n){3}", said)
        assert server.client.get("/").status_code == 401
        server.sign_in()
        assert "派驻人员基本信息表" in server.client.get("/").text
        assert not list((data / "mail").glob("new/*"))  # adopting sends no mail
        wait(20, lambda: server.client.get("/readyz").status_code == 200)

        made = server.duban("token", "create", "马山县中医医院", "--name", "值班手机")
        assert made.returncode == 0, made.stderr
        address = made.stdout.strip()
        assert address.startswith(server.url)
        served = server.client.get(address)
        assert served.status_code == 200
        assert served.text.count("BEGIN:VEVENT") > 50  # by the service's clock, not the real one
        assert "server" not in served.headers
        printed = server.duban("feed", "马山县中医医院")
        assert printed.stdout.encode() == served.content.replace(b"\r\n", b"\n")
        output = tmp_path / "out.ics"
        server.duban("feed", "mashan-zhongyiyiyuan", "--output", str(output))
        assert output.read_bytes() == served.content

        listed = server.duban("token", "list").stdout
        assert "马山县中医医院" in listed
        assert server.duban("token", "revoke", "1").returncode == 0
        wait(20, lambda: server.client.get(address).status_code == 410)
        assert server.client.get(f"/feeds/{'A' * 43}.ics").status_code == 404
        server.client.get(f"/sign-in/{server.secret}")
        server.client.request("PROPFIND", address)

        secret = address.rpartition("/")[2].removesuffix(".ics")
        logged = server.said.replace(f"{server.url}/sign-in/{server.secret}", "")
        assert "GET /feeds/… HTTP/1.1" in logged
        assert "POST /sign-in/… HTTP/1.1" in logged
        assert secret not in logged
        assert server.secret not in logged
        assert server.stop() == 0
        assert "已停止，数据已保存" in server.said
    server.log.unlink()
    with Server(data, *AT) as server:
        assert "第一次启动" not in server.said
        assert server.client.get("/healthz").status_code == 200
        assert server.stop() == 0


def test_a_recorded_fact_is_soon_in_the_served_feed(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        address = server.duban("token", "create", "baise-zhongyi-zhuguan", "--name", "x").stdout
        before = server.client.get(address.strip()).text
        key = re.search(r"UID:(guangxi-2019/resident-staff-list/[^@]+)@", before.replace("\r\n ", ""))
        assert key is not None
        done = server.duban("record", key[1], "completed")
        assert done.returncode == 0, done.stderr
        wait(20, lambda: "SUMMARY:✓" in server.client.get(address.strip()).text)


def test_a_busy_port_is_the_users_fault(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [sys.executable, "-m", "cli", "serve", "--port", port],
            capture_output=True, text=True, cwd=HERE, check=False,
            env={"DUBAN_DATA": str(tmp_path / "data"), "PATH": "/usr/bin"},
        )  # fmt: skip
    assert ended.returncode == 1
    assert f"127.0.0.1:{port} 用不了" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "arguments",
    [("--rate", "2"), ("--port", "x"), ("--port", "70000"), ("--at", "gestern"),
     ("--at", "2019-09-05T08:59:30+08:00", "--rate", "0")],
)  # fmt: skip
def test_wrong_usage_is_told(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    from cli.__main__ import main

    assert main(["serve", *arguments]) == 1
    assert capsys.readouterr().err


def test_the_clock_starts_at_the_later_of_instant_and_last_round() -> None:
    real = at("2026-03-06 09:00")
    assert running(lambda: real, None, 1.0, at("2030-01-01 00:00"))() == real
    for start, ticked, first in (
        ("2019-09-05 09:00", None, "2019-09-05 09:00"),
        ("2019-09-05 09:00", "2019-09-07 09:00", "2019-09-07 09:00"),
        ("2019-09-08 09:00", "2019-09-07 09:00", "2019-09-08 09:00"),
    ):
        clock = running(lambda: real, at(start), 3600.0, at(ticked) if ticked else None)
        assert isinstance(clock, Running)
        time.sleep(0.01)
        assert clock() == at(first)  # a service that starts takes no time
        clock.go()
        one, two = clock(), clock()
        clock.go()  # no second time
        assert clock() >= two
        assert at(first) <= one <= two
        assert (one - at(first)).total_seconds() < 3600
        assert one.tzinfo == real.tzinfo


def test_a_lease_follows_the_clock_but_is_never_over_within_a_moment() -> None:
    assert lasting(900, 1) == timedelta(seconds=900)
    assert lasting(900, 300) == timedelta(seconds=900)  # three real seconds
    assert lasting(900, 3_600) == timedelta(hours=3)  # three real seconds, too
    assert lasting(900, 100_000) == timedelta(hours=5)  # what the hourly proof still takes for one


def test_a_body_does_not_wait_for_the_header_to_be_acknowledged() -> None:
    with (
        _bind("127.0.0.1", 0) as bound,
        socket.create_connection(bound.getsockname()),
        bound.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
