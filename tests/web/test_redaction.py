"""No secret stands in a log line, whatever wrote it."""

from __future__ import annotations

import logging
import logging.config
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.redaction import Redacting, configuration, redact

SECRET = "cvofNWyd-aLi6HKNn_z-bbkQdfKfC1jFncwAKsg0Aus"


@pytest.mark.parametrize(
    "line",
    [
        'GET /feeds/{}.ics HTTP/1.1" 200',
        "GET /feeds/{}.ics?alarms=1",
        "GET //feeds//{}.ics",
        "GET /Feeds/{}",
        "GET /feed/{}.ics",
        "GET /sign-in/{}",
        "GET /%2Ffeeds%2F{}.ics",
        "https://duban.example/feeds/{}.ics, and",
        "somewhere/else/{}",
        "token={}",
        "KeyError: '{}'",
        "GET /{}x.ics",
        "GET /x{}",
        "GET /{0}{0}",
        "GET /feeds%252f{}.ics",
    ],
)
def test_a_secret_is_taken_out_wherever_it_stands(line: str) -> None:
    assert SECRET not in redact(line.format(SECRET))


TOKEN = f"baise-zhongyi-zhuguan.liaison.2019-12-05.{SECRET}"


@pytest.mark.parametrize(
    "line",
    [
        "GET /items/a/b/c/2019-sep?k={} HTTP/1.1",
        "POST /act/a/b/c?k={}&done=submitted",
        "/evidence/x.pdf?item=a%2Fb&k={}",
        "/items/a%3Fk%3D{}",
        "Referer: https://duban.example/items/a?K={}",
        "KeyError: '{}'",
        "[{}]",
    ],
)
def test_the_token_of_an_item_s_link_is_taken_out(line: str) -> None:
    for token in (TOKEN, TOKEN[:-9], TOKEN.lower()):
        seal = token.rpartition(".")[2]
        assert seal not in redact(line.format(token))


def test_a_broken_address_may_be_most_of_a_secret() -> None:
    assert SECRET[:20] not in redact(f"GET /feeds/{SECRET[:20]}")


@pytest.mark.parametrize("part", [SECRET[:-1], SECRET[1:], SECRET.lower() + ".ics"])
def test_a_secret_copied_badly_is_taken_out_at_any_place(part: str) -> None:
    assert part[:20] not in redact(f"GET /calendar/{part}")


def test_names_in_pinyin_stay() -> None:
    line = "/items/guangxi-2019/plan/nanning-zhongyiyiyuan.mashan-zhongyiyiyuan-zhongyiyiyuan-x/once"
    assert redact(line) == line


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_neighbour_saves_a_secret(before: str, after: str) -> None:
    secret = secrets.token_urlsafe(32)
    assert secret not in redact(f"{before}/feeds/{secret}.ics{after}")


def test_arguments_and_tracebacks_are_covered(capsys: pytest.CaptureFixture[str]) -> None:
    logging.config.dictConfig(configuration())
    try:
        raise ValueError(f"/feeds/{SECRET}.ics")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("on %s", f"/sign-in/{SECRET}")
    written = capsys.readouterr().err
    assert "Traceback" in written
    assert SECRET not in written
    assert Redacting("%(message)s").format(
        logging.makeLogRecord({"msg": "%s", "args": (SECRET,)})
    ) == "…"


def written(*told: object, name: str = "uvicorn.access") -> str:
    """Return the line of a record such as uvicorn makes for a request."""
    record = logging.LogRecord(
        name, logging.INFO, "", 0, '%s - "%s %s HTTP/%s" %d', told, None
    )
    record.created, record.msecs = 1_700_000_000.5, 7.9
    return Redacting("%(asctime)s %(message)s").format(record)


def test_a_fetch_is_told_the_short_way_as_it_would_be_the_long_way() -> None:
    line = written("127.0.0.1:1", "GET", f"/feeds/{SECRET}.ics", "1.1", 304)
    assert line.endswith(',007 127.0.0.1:1 - "GET /feeds/… HTTP/1.1" 304')
    assert line == redact(line)
    long = written("127.0.0.1:1", "GET", f"/feeds/{SECRET}.ics?a", "1.1", 304)
    assert long.replace("?a", "") == line


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (SECRET, f"/feeds/{SECRET}.ics"),
        ("GET", f"/feeds/{SECRET}.ics?token={SECRET}"),
        ("GET", f"/feeds/{SECRET}.ics\n{SECRET}"),
        ("GET", f"/feeds/{SECRET}.ics/{SECRET}"),
        ("GET", f"/feeds/{SECRET}.icsx{SECRET}"),
    ],
)
def test_only_an_address_alone_goes_the_short_way(method: str, path: str) -> None:
    assert SECRET not in written("127.0.0.1:1", method, path, "1.1", 200)


def test_the_time_of_a_line_moves_on() -> None:
    formatter = Redacting("%(asctime)s")
    record = logging.LogRecord("x", logging.INFO, "", 0, "", (), None)
    told = []
    for record.created in (1_700_000_000.0, 1_700_000_000.9, 1_700_000_001.0):
        told.append(formatter.format(record).partition(",")[0])
        plain = logging.Formatter("%(asctime)s").format(record).partition(",")[0]
        assert told[-1] == plain
    assert told[0] == told[1] != told[2]
