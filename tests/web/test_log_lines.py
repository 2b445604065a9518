"""What a running service really writes holds no secret, whatever was asked and however it went."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path
from urllib.parse import urlsplit

from tests.web.server import Server

PART = 12  # characters of a secret that would help somebody who looks for the rest
ITEM = "guangxi-2019/resident-staff-list/baise-zhongyi-zhuguan/2019-sep"
FEED = "/feeds/{}.ics"
NEAR = (
    "/feeds/{}", "/feeds/{}.ics/", "/feeds/{}.ICS", "/feeds/{}x.ics", "/feeds/x{}.ics",
    "//feeds//{}.ics", "/Feeds/{}.ics", "/feed/{}.ics", "/FEEDS/{}", "/feeds/{}.ics.bak",
    "/calendar/{}.ics", "/calendar/{}x.ics", "/{}", "/_{}", "/static/{}.ics", "/feeds%2F{}.ics",
    "/feeds%252f{}.ics", "/feeds/{}.ics;v=1",
)  # fmt: skip
QUERIES = (
    FEED + "?alarms=1", FEED + "?alarms=1&frequent=1&kind=once", FEED + "?token={}",
    FEED + "?document={}", "/?next=/feeds/{}.ics", "/healthz?{}", "/readyz?x=%2Ffeeds%2F{}.ics",
    "/outbox?state={}", "/api/deadlines?institution={}",
)  # fmt: skip
SEAL = "baise-zhongyi-zhuguan.liaison.2029-12-05.{}"
LINKS = (
    f"/items/{ITEM}?k={SEAL}", f"/act/{ITEM}?k={SEAL}&done=submitted", f"/items/none?k={SEAL}",
    f"/evidence/x.pdf?item=a%2Fb&k={SEAL}", f"/items/{ITEM}?K={SEAL}", f"/items/{ITEM}%3Fk%3D{SEAL}",
    f"/items/{ITEM}?done=1&k={SEAL}x",
)  # fmt: skip


def broken(server: Server, secret: str) -> None:
    """Send what is no HTTP, and leave in the middle of a request."""
    parts = urlsplit(server.url)
    for sent in (
        f"GET /feeds/{secret}.ics HTTP/9.9\r\n\r\n",
        f"GET /feeds/{secret}.ics\r\nx\r\n\r\n",
        f"GET /feeds/{secret}.ics HTTP/1.1\r\nHost: x\r\nBad Header {secret}\r\n\r\n",
        f"GET /feeds/{secret}.ics HTTP/1.1\r\nHost: x\r\nX: ",
    ):
        with socket.create_connection((parts.hostname, parts.port)) as line:
            line.sendall(sent.encode())
            line.settimeout(0.3)
            try:
                line.recv(500)
            except TimeoutError:
                continue


def test_no_line_that_is_written_holds_a_secret(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        made = [
            server.duban("token", "create", "马山县中医医院", "--name", f"第{n}部手机").stdout
            for n in (1, 2)
        ]
        known, revoked = (one.strip().rpartition("/")[2].removesuffix(".ics") for one in made)
        unknown, sealed, session = (secrets.token_urlsafe(32) for _ in range(3))
        assert server.client.get(FEED.format(known)).status_code == 200
        assert server.duban("token", "revoke", "2").returncode == 0

        for secret in (known, revoked, unknown):
            for method in ("GET", "HEAD", "POST", "PROPFIND", "OPTIONS"):
                server.client.request(method, FEED.format(secret), headers={"referer": secret})
            for path in (*NEAR, *QUERIES):
                for method in ("GET", "HEAD"):
                    server.client.request(method, server.url + path.format(secret, secret))
            broken(server, secret)
        for path in LINKS:
            for method in ("GET", "HEAD", "POST"):
                server.client.request(method, path.format(sealed))
        for path in ("/sign-in/{}", "/sign-in/{}/", "/sign-in?next={}"):
            server.client.get(path.format(session), headers={"cookie": f"duban={session}"})

        listed = server.duban("token", "list", "--format", "json")
        assert server.stop() == 0
        written = server.said.replace(f"/sign-in/{server.secret}", "", 1) + listed.stdout

    # Every one of the requests left a line; without that nothing would be shown here.
    assert written.count("/feeds/… HTTP/1.1") > 3 * len(NEAR)
    assert f"GET /items/{ITEM}?k=" in written
    assert " 404" in written
    assert " 410" in written
    for secret in (known, revoked, unknown, sealed, session, server.secret):
        parts = {secret[n : n + PART] for n in range(len(secret) - PART + 1)}
        found = {part for part in parts if part in written}
        assert not found, [line for line in written.splitlines() if found & parts_of(line)]


def parts_of(line: str) -> set[str]:
    """Return all pieces of a line that are as long as what must not stand in it."""
    return {line[n : n + PART] for n in range(len(line))}
