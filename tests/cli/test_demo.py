"""A demonstration is invented, stays in its own folder, and sends nothing to anybody."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select

from cli import demo_folder, demo_people
from cli.context import opened
from cli.demo import plots
from cli.demo_fates import Desk, Step, steps
from cli.demo_year import Plot, play
from cli.world import base_world, sound_candidates
from config.contacts import finder, read_contacts
from notifications.choosing import desk as out_desk
from scheduler import demonstration, queries, store
from scheduler.recorded import SHIFTS
from scheduler.tallies import ACTIVITIES
from tests.cli.command import COMMAND, duban, environment
from tests.cli.leftovers import english, in_book, in_page, on_site
from tests.web.server import Server
from workflows.library import bundled_workdays

ZONE = ZoneInfo("Asia/Shanghai")
SMTP = {"DUBAN_SMTP_HOST": "relay.example"}


def said(folder: Path, *words: str, **more: str) -> str:
    done = duban(folder, *words, **more)
    assert done.returncode == 1, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    return done.stderr.decode()


def test_a_folder_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "duban.db").write_bytes(b"precious")
    for words in (("demo",), ("demo", "--reset")):
        assert "没有动它" in said(tmp_path, *words)
    assert [path.name for path in data.iterdir()] == ["duban.db"]
    assert (data / "duban.db").read_bytes() == b"precious"


def test_reset_deletes_only_what_it_made(tmp_path: Path) -> None:
    data, foreign = tmp_path / "data", tmp_path / "data" / "guangxi-2019"
    demo_folder.mark(data, years=["guangxi-2019"], done=True)
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("mine")
    assert "没有动它" in said(tmp_path, "demo", "--reset")
    assert (foreign / "thesis.txt").read_text() == "mine"
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    (foreign / "thesis.txt").unlink()
    foreign.rmdir()
    foreign.symlink_to(other)
    demo_folder.clear(data, ("guangxi-2019",))
    assert (other / "thesis.txt").read_text() == "mine"


def older(data: Path, *names: str) -> None:
    """Make folders as a version before this one has left them."""
    demo_folder.mark(data, years=list(names), done=True)
    for name in names:
        demo_folder.mark(data / name, ends="2020-06-24T10:00:00+08:00")
        (data / name / "mail").mkdir()
        with sqlite3.connect(data / name / demo_folder.STORE) as connection:
            connection.execute("create table of_old (id integer)")
        connection.close()


def test_what_an_older_version_made_is_deleted_whatever_it_was_called(tmp_path: Path) -> None:
    older(tmp_path, "guangxi-2019", "guangxi-2018")
    (tmp_path / "notes.txt").write_text("mine")
    demo_folder.clear(tmp_path, ("guangxi-2019", "hubei-2022"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [demo_folder.MARKER, "notes.txt"]


def test_a_marker_leads_to_no_other_folder(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    older(outside, "kept")
    for names in (["../outside/kept"], [str(outside / "kept")], [".."], [""], [7]):
        demo_folder.mark(tmp_path / "data", years=names, done=True)
        demo_folder.clear(tmp_path / "data", ())
    assert (outside / "kept" / demo_folder.STORE).exists()


def test_what_is_being_served_is_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    older(data, "guangxi-2019", "hubei-2022")
    file = data / "hubei-2022" / demo_folder.STORE
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("pragma journal_mode=wal")
        connection.execute("select * from of_old").fetchall()
        assert "先停下那边的 duban serve" in said(tmp_path, "demo", "--reset")
    assert file.exists()
    assert (data / "guangxi-2019" / "mail").is_dir()


def test_one_year_alone_is_not_made_again(tmp_path: Path) -> None:
    older(tmp_path, "guangxi-2019")
    inner = tmp_path / "guangxi-2019"
    for words in (("demo",), ("demo", "--reset")):
        told = said(tmp_path, *words, DUBAN_DATA=str(inner))
        assert "不能单独重建" in told
        assert f"DUBAN_DATA={tmp_path} ./duban demo --reset" in told
    assert (inner / "mail").is_dir()


def test_another_versions_is_shown_and_said_to_be(tmp_path: Path) -> None:
    data = tmp_path / "data"
    older(data, "guangxi-2019", "hubei-2022")
    told = duban(tmp_path, "demo").stdout.decode()
    assert "另一个版本的程序建的" in told
    assert "duban demo --reset" in told
    demo_folder.mark(data, years=["guangxi-2019"], done=True, program=demo_folder.program())
    assert "另一个版本" not in duban(tmp_path, "demo").stdout.decode()


def test_a_deletion_that_was_cut_short_is_taken_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older(tmp_path, "guangxi-2019")

    def cut(_path: Path) -> None:
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr("cli.demo_folder.shutil.rmtree", cut)
        with pytest.raises(OSError):
            demo_folder.clear(tmp_path, ("guangxi-2019",))
    demo_folder.clear(tmp_path, ("guangxi-2019",))
    assert not (tmp_path / "guangxi-2019").exists()


def test_a_marker_of_another_kind_is_none(tmp_path: Path) -> None:
    for text in ("", "[]", '{"made_by": "me"}', "{"):
        (tmp_path / demo_folder.MARKER).write_text(text)
        assert demo_folder.marked(tmp_path) is None


def test_a_demonstration_never_meets_a_mail_server(tmp_path: Path) -> None:
    demo_folder.mark(tmp_path / "data", ends="2020-06-24T10:00:00+08:00")
    for words in (("serve", "--port", "0"), ("tick",), ("mail", "test", "a@b.example")):
        assert "演示数据，不能接邮件服务器" in said(tmp_path, *words, **SMTP)
    url = f"sqlite:///{tmp_path / 'other.db'}"
    assert "自己的数据库" in said(tmp_path, "serve", "--port", "0", DUBAN_DATABASE_URL=url)


def test_an_invented_store_elsewhere_meets_none_either(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'copied.db'}"
    engine = store.connect(url)
    store.migrate(engine)
    with store.writing(engine) as session:
        demonstration.declare(session, datetime(2020, 6, 24, 10, tzinfo=ZONE))
    engine.dispose()
    more = {"DUBAN_DATABASE_URL": url, **SMTP}
    for words in (("serve", "--port", "0"), ("tick",)):
        assert "演示数据，不能接邮件服务器" in said(tmp_path, *words, **more)


def test_the_folder_around_the_years_is_not_served(tmp_path: Path) -> None:
    demo_folder.mark(tmp_path / "data", years=["guangxi-2019", "hubei-2022"], done=True)
    assert "要选一套" in said(tmp_path, "serve", "--port", "0")
    assert [path.name for path in (tmp_path / "data").iterdir()] == [demo_folder.MARKER]


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    demo_folder.mark(tmp_path / "data", years=["guangxi-2019", "hubei-2022"], done=True)
    done = duban(tmp_path, "demo")
    assert done.returncode == 0
    for plot in plots():
        command = (
            f"DUBAN_DATA={tmp_path / 'data' / plot.name} ./duban serve --at {plot.end.isoformat()}"
        )
        assert command in done.stdout.decode()


DESK = Desk("test", date(2020, 1, 1), date(2020, 12, 31), bundled_workdays(), ZONE)


def fate(number: int) -> list[Step]:
    return list(steps(f"a/b/c/{number}", date(2020, 6, 20), date(2020, 6, 1), DESK))


def test_fates_are_of_every_kind_and_the_same_again() -> None:
    fates = [fate(number) for number in range(300)]
    kinds = Counter(step.said.kind for one in fates for step in one)
    assert set(kinds) == {
        "submitted", "accepted", "returned", "extended", "waived", "acknowledged",
    }  # fmt: skip
    assert any(step.at.date() > date(2020, 6, 20) for one in fates for step in one)
    assert fates == [fate(number) for number in range(300)]
    for one in fates:
        # Nothing is accepted or returned before it was reported, and only in office hours.
        assert [step.at for step in one] == sorted(step.at for step in one)
        assert all(8 <= step.at.hour < 20 for step in one)


SHORT = Plot("short", "guangxi-2019", date(2019, 7, 11), datetime(2019, 8, 9, 18, tzinfo=ZONE))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Engine, list[str]]]:
    """Give a folder in which four weeks of Guangxi were played."""
    folder = tmp_path_factory.mktemp("played") / "short"
    folder.mkdir()
    (folder / "duban.toml").write_text('contacts = "contacts.csv"\n')
    rosters = sound_candidates(opened(environ={})).rosters
    people = folder / "contacts.csv"
    demo_people.write(
        people, rosters.values(), rosters["guangxi-2019"], SHORT.first, SHORT.end.date(), "test"
    )
    context = opened(environ={"DUBAN_DATA": str(folder)})
    engine = store.connect(context.settings.database_url, durable=False)
    store.migrate(engine)
    refused = play(
        engine, sound_candidates(context), base_world(context), SHORT, folder / "mail", "test",
        lambda _done, _all: None, out_desk(context.settings, "test"),
    )  # fmt: skip
    yield folder, engine, refused
    engine.dispose()


def test_four_weeks_are_true_to_life(played: tuple[Path, Engine, list[str]]) -> None:
    folder, engine, refused = played
    assert refused == []
    with store.reading(engine) as session:
        ends = demonstration.ends(session)
        kinds = set(session.execute(select(queries.FACTS.c.kind)).scalars())
        recipients = set(session.execute(select(queries.MESSAGES.c.recipient)).scalars())
        states = Counter(session.execute(select(queries.MESSAGES.c.state)).scalars())
        shifts = session.execute(select(SHIFTS.c.people)).scalars().all()
        done = session.execute(select(ACTIVITIES.c["on"])).scalars().all()
        tick = queries.mark(session, "tick")
    assert ends == SHORT.end
    assert tick == SHORT.end.isoformat()
    assert {"submitted", "accepted", "returned"} <= kinds
    assert recipients
    assert all(one.endswith(".example") for one in recipients)
    assert states["sent"] == len(list((folder / "mail" / "new").iterdir())) > 10
    assert len(shifts) > 15
    assert len(done) > 10
    assert max(done) <= SHORT.end.date()


def test_everybody_has_an_invented_address(played: tuple[Path, Engine, list[str]]) -> None:
    folder, _, _ = played
    rosters = opened(environ={}).loaded.rosters
    found, problems = read_contacts(folder / "contacts.csv", finder(rosters.values()))
    assert problems == ()
    ids = {id_ for roster in rosters.values() for id_ in roster.institutions}
    assert {id_ for id_, role in found.by_role if role == "liaison"} == ids
    assert all(one.email.endswith(".example") for one in found.entries)


def test_leftovers_are_found() -> None:
    for text in ("期次 once", "2019-nov到期", "状态 on-pace", "guangxi-2019/agreement/once", "None"):
        assert english(text), text
    for text in ("导出台账 .xlsx", "整张表导入用 duban activity import。", "发至a_b@c.cn", "如：A01、A02"):
        assert english(text) == [], text
    assert in_page('<style>a{}</style><p title="overdue">已报</p>') == ["overdue"]


def test_offices_read_no_english(played: tuple[Path, Engine, list[str]]) -> None:
    folder, _, _ = played
    with Server(folder) as server:
        server.sign_in()
        found = dict(on_site(server.client, "/", "/ledger.xlsx", "/notifications"))
    assert len(found) > 40
    assert {path: words for path, words in found.items() if words} == {}


@pytest.mark.system
def test_the_whole_demonstration_is_made_and_served(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "demo"], env=environment(tmp_path, DUBAN_DATA=str(tmp_path / "shown")),
        capture_output=True, timeout=900, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    marker = json.loads((tmp_path / "shown" / demo_folder.MARKER).read_text())
    assert marker["done"] is True
    for plot in plots():
        assert plot.end.isoformat() in done.stdout.decode()
        (tmp_path / "shown" / "serve.log").unlink(missing_ok=True)  # of the year before
        with Server(tmp_path / "shown" / plot.name) as server:
            server.sign_in()
            for path in ("/", "/documents", f"/documents/{plot.document}", "/outbox", "/ledger",
                         "/shifts", "/quotas", "/subscriptions"):  # fmt: skip
                page = server.client.get(path)
                assert page.status_code == 200, path
                assert "演示数据" in page.text, path
            assert "逾期未报" in server.client.get("/ledger").text
            pages = dict(on_site(server.client, "/", "/ledger.xlsx", "/sheet?document=hubei-2022"))
            assert {path: words for path, words in pages.items() if words} == {}
            of = ("--document", plot.document)
            book = tmp_path / "book.xlsx"
            server.duban("status", *of, "--format", "xlsx", "--output", str(book))
            assert in_book(book.read_bytes()) == []
            span = ("--from", str(plot.first), "--to", str(plot.end.date()))
            assert english(server.duban("quota", *of, *span).stdout) == []
            if plot.document == "hubei-2022":
                assert "草稿" in server.client.get("/sheet?document=hubei-2022&year=2023").text
