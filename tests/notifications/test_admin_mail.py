"""The admin hears daily how the service fares, and at once when mail stands still."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from cli.round import Rounds
from notifications import alive, claims, fuse, pause
from notifications.monitor import Monitor
from notifications.recorder import Recorder
from notifications.transport import InDoubt, Rejected, RelayFault, Transport
from scheduler import store
from scheduler.queries import MESSAGES
from scheduler.tables import Message
from tests.notifications.post import LEASE, WORLD, Awkward, Post, read, text_of
from tests.notifications.test_outbox import People
from tests.scheduler.house import at

ADMIN = "admin@x.example"
NINE = "2026-03-06 09:00"


def watched(folder: Path, **known: list[str]) -> Post:
    """Return a house with an admin, and with these contacts where any are named."""
    base = replace(WORLD, admin=ADMIN)
    if known:
        people = People({tuple(k.split("_")): v for k, v in known.items()})  # type: ignore[misc]
        base = replace(base, contacts=people, placeholders=False)
    return Post(folder, base=base)


def rounds(post: Post, when: str, way: Transport | None = None, url: str | None = None) -> Rounds:
    return Rounds(
        post.engine, lambda: at(when), lambda: post.world, way or Recorder(), "me", LEASE,
        post.desk(), Monitor(url, 1.0),
    )  # fmt: skip


def own(post: Post, role: str = "admin") -> list[Message]:
    return [message for message in post.messages() if message.role == role]


def test_every_day_one_mail_that_says_what_was_and_what_comes(tmp_path: Path) -> None:
    post = watched(tmp_path)
    way = Awkward()
    for when in ("2026-03-06 08:50", NINE, "2026-03-06 09:01", "2026-03-06 17:00"):
        rounds(post, when, way).run()
    (daily,) = own(post)
    assert (daily.recipient, daily.state, daily.subject) == (
        ADMIN, "sent", "[督办·管理] 3月6日平安信：一切正常",
    )  # fmt: skip
    text = text_of(daily)
    for part in (
        "计划提醒 2 条，交出邮件 2 封", "等着的：没有邮件，另有 0 条提醒待成信",
        "今后 7 天没有要提醒的", "没有要你处理的", "就是服务停了",
    ):  # fmt: skip
        assert part in text
    mail = read(daily.body)
    assert (mail["To"], mail["Auto-Submitted"]) == (ADMIN, "auto-generated")
    assert mail["Message-ID"] == daily.message_id
    assert len([e for e in way.handed if e.recipient == ADMIN]) == 1


def test_it_comes_on_days_off_too_and_names_the_week_ahead(tmp_path: Path) -> None:
    post = watched(tmp_path)
    rounds(post, "2026-03-14 09:00").run()  # a Saturday
    rounds(post, "2026-03-14 09:01").run()
    (daily,) = own(post)
    assert daily.state == "sent"
    # Downtime: before-14d of 03-06 waits for Monday.
    assert "3月16日要提醒 1 项：报送工作方案 1 项。" in text_of(daily)
    rounds(post, "2026-03-15 09:00").run()
    assert len(own(post)) == 2


def test_who_names_no_admin_gets_nothing(tmp_path: Path) -> None:
    post = Post(tmp_path)
    rounds(post, NINE, Awkward([RelayFault("535 no")])).run()
    assert own(post) == own(post, "alarm") == []


def test_it_says_what_needs_a_hand(tmp_path: Path) -> None:
    post = watched(tmp_path, da_liaison=["a@da.example"], shi_coordinator=["s@shi.example"])
    post.pass_by(NINE, Awkward([InDoubt("?")], behind=True))
    rounds(post, "2026-03-06 10:00").run()
    assert "1 封不能确定邮件服务器是否收下" in text_of(own(post)[0])
    assert own(post)[0].subject.endswith("平安信：要看的 1 封邮件")
    (doubtful,) = [m for m in post.messages() if m.state == "in_doubt"]
    told = text_of(own(post)[0])
    assert f"第 {doubtful.id} 号，{doubtful.recipient}：{doubtful.subject}" in told
    assert "https://duban.example/outbox?state=in_doubt" in told
    # Both mailboxes refuse, and there is nobody else; the next rung speaks to nobody.
    post.pass_by("2026-03-18 09:00", Awkward([Rejected("550 5.1.1 gone")] * 4))
    post.gather("2026-03-18 09:01")
    post.deliver("2026-03-18 09:01", Awkward([Rejected("550 5.1.1 gone")] * 4))
    with store.writing(post.engine) as session:
        alive.daily(session, at("2026-03-18 10:00"), post.world)
    text = text_of(own(post)[-1])
    assert "拒收或退回，没有下一位联系人：550 5.1.1 gone" in text
    assert "不能确定" in text  # still undecided
    post.tick("2026-04-03 09:00")  # after-10wd: nobody at the issuing office
    with store.writing(post.engine) as session:
        alive.daily(session, at("2026-04-03 10:00"), post.world)
    text = text_of(own(post)[-1])
    assert "1 条提醒无人可送" in text
    assert own(post)[-1].subject.endswith("要看的 1 封邮件、1 件事")
    assert "拒收或退回" not in text  # that was told


def test_it_says_how_many_mails_and_which_and_why_the_figures_differ(tmp_path: Path) -> None:
    post = watched(tmp_path)
    post.pass_by(NINE, Awkward())
    first = post.messages()[0]
    with store.writing(post.engine) as session:
        for number in range(9):
            values = first.model_dump(exclude={"id"}) | {
                "recipient": f"p{number}@da.example", "message_id": f"<{number}@x>",
                "state": "in_doubt", "finished_at": None, "next_try_at": None,
                "reason": claims.LEFT_TO_ADMIN,
            }  # fmt: skip
            if number == 7:
                values |= {"reason": claims.DOUBT, "next_try_at": at("2026-03-07 10:00")}
            if number == 8:
                values |= {"reason": claims.DONE_MEANWHILE}
            session.execute(MESSAGES.insert().values(**values))
        alive.daily(session, at("2026-03-06 10:00"), post.world)
    (mail,) = own(post)
    assert mail.subject == "[督办·管理] 3月6日平安信：要看的 7 封邮件"
    text = text_of(mail)
    assert "不确定 9 封（7 封等你定，1 封会自动再交，1 封其间已办结、不用管）" in text
    assert "7 封不能确定邮件服务器是否收下" in text
    for number in range(5):
        assert f"p{number}@da.example：[督办] 甲市人民医院：报送工作方案 3月20日到期" in text
    assert "还有 2 封。" in text
    assert "p5@da.example" not in text


@pytest.mark.parametrize(
    "others",
    [
        {"da_leader": ["b@da.example"]},
        {"shi_coordinator": ["s@shi.example"]},  # of another institution
        {"da_liaison": ["a@da.example", "b@da.example"]},  # told besides
    ],
)
def test_a_refusal_that_left_somebody_told_needs_no_hand(
    tmp_path: Path, others: dict[str, list[str]]
) -> None:
    known = {"da_liaison": ["a@da.example"], "xiao_liaison": ["x@xiao.example"]} | others
    post = watched(tmp_path, **known)
    post.pass_by(NINE, Awkward([Rejected("550 gone")]))
    rounds(post, "2026-03-06 10:00").run()
    assert post.messages()[0].state == "failed"
    assert "没有要你处理的" in text_of(own(post)[0])


def test_an_expired_mail_is_told(tmp_path: Path) -> None:
    post = watched(tmp_path)
    post.tick(NINE)
    post.gather(NINE)
    post.set(2, state="cancelled")
    post.deliver("2026-03-23 09:00", Awkward())
    assert post.messages()[0].state == "expired"
    rounds(post, "2026-03-23 09:05").run()
    assert "1 封一直送不出" in text_of(own(post)[0])


def test_a_pause_is_told_at_once_and_arrives_when_mail_flows_again(tmp_path: Path) -> None:
    post = watched(tmp_path)
    way = Awkward([RelayFault("535 5.7.8 no")] * 2)
    post.pass_by(NINE, way)
    post.deliver("2026-03-06 09:01", way)
    (alarm,) = own(post, "alarm")
    assert alarm.subject == "[督办·管理] 发信已暂停"
    assert "535 5.7.8 no" in text_of(alarm)
    post.deliver("2026-03-06 09:07", Awkward())
    assert own(post, "alarm")[0].state == "sent"
    post.tick("2026-03-18 09:00")
    post.gather("2026-03-18 09:00")
    post.deliver("2026-03-18 09:00", Awkward([RelayFault("535 5.7.8 no")]))
    assert len(own(post, "alarm")) == 2  # another day, another pause


def test_the_admin_is_told_at_any_hour(tmp_path: Path) -> None:
    post = watched(tmp_path)
    with store.writing(post.engine) as session:
        fuse.trip(session, at("2026-03-07 23:00"), post.world, "太多了")
    post.deliver("2026-03-07 23:00", way := Awkward())
    assert [envelope.recipient for envelope in way.handed] == [ADMIN]


def test_mails_to_the_admin_are_never_held(tmp_path: Path) -> None:
    post = watched(tmp_path)
    rounds(post, NINE, Awkward([RelayFault("535")])).run()
    with store.writing(post.engine) as session:
        fuse.trip(session, at("2026-03-06 09:01"), post.world, "太多了")
    assert {m.state for m in own(post) + own(post, "alarm")} == {"ready"}
    assert {m.state for m in own(post, "liaison")} == {"held"}


def test_yesterdays_mail_is_not_sent_any_more(tmp_path: Path) -> None:
    post = watched(tmp_path)
    rounds(post, NINE).run()
    post.set(own(post)[0].id or 0, state="ready", handed=0, next_try_at=at(NINE))
    post.deliver("2026-03-07 09:30", way := Awkward())
    assert own(post)[0].state == "expired"
    assert way.handed == []


class Listener(HTTPServer):
    heard: list[str]
    answers: threading.Event


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Listener)
        self.server.heard.append(self.path)
        self.server.answers.wait(30)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def monitor() -> Iterator[Listener]:
    server = Listener(("127.0.0.1", 0), Answer)
    server.heard, server.answers = [], threading.Event()
    server.answers.set()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_monitor_hears_of_each_good_round_and_of_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = watched(tmp_path)
    with monitor() as server:
        url = f"http://127.0.0.1:{server.server_port}/ping/secret"
        one = rounds(post, NINE, url=url)
        one.run()
        one.monitor.wait()
        assert server.heard == ["/ping/secret"]

        def broken(*_: object, **__: object) -> None:
            raise RuntimeError("no")

        monkeypatch.setattr("cli.round.tick", broken)
        with pytest.raises(RuntimeError):
            one.run()
        one.monitor.wait()
        assert server.heard == ["/ping/secret"]


def test_a_monitor_that_hangs_or_is_not_there_holds_up_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    post = watched(tmp_path)
    with monitor() as server:
        server.answers.clear()
        one = rounds(post, NINE, url=f"http://127.0.0.1:{server.server_port}/slow")
        one.monitor._timeout = 30.0
        for _ in range(3):
            one.run()
        assert len(server.heard) <= 1  # while one call hangs there is no other
        server.answers.set()
        one.monitor.wait()
        assert server.heard == ["/slow"]
        server.answers.clear()
        short = rounds(post, NINE, url=f"http://127.0.0.1:{server.server_port}/silent")
        short.monitor._timeout = 0.1
        short.run()
        short.monitor.wait()
        assert "TimeoutError" in caplog.text
        server.answers.set()
    gone = rounds(post, NINE, url=f"http://127.0.0.1:{server.server_port}/secret")
    gone.run()
    gone.monitor.wait()
    assert "the monitor could not be reached" in caplog.text
    assert "secret" not in caplog.text


def test_a_pause_and_a_fuse_are_in_the_daily_mail_too(tmp_path: Path) -> None:
    post = watched(tmp_path)
    with store.writing(post.engine) as session:
        pause.begin(session, at(NINE), "535 no")
        fuse.trip(session, at(NINE), post.world, "太多了")
        alive.daily(session, at(NINE) + timedelta(minutes=1), post.world)
    text = text_of(own(post)[0])
    assert "发信已暂停：535 no" in text
    assert "普通提醒已扣住 0 封：太多了" in text
