"""What the admin decides of a mail: again, arrived, came back; what is refused, and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from sqlmodel import Session

from cli.__main__ import main
from notifications import claims, deciding, fuse
from notifications.transport import InDoubt, Rejected
from scheduler import store
from scheduler.queries import AUDIT
from tests.notifications.post import LEASE, Awkward, Post, text_of
from tests.notifications.test_outbox import peopled
from tests.scheduler.house import at

NINE = "2026-03-06 09:00"  # a Friday
TEN = "2026-03-06 10:00"


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBAN_DATA", str(tmp_path))
    monkeypatch.setenv("DUBAN_DATABASE_URL", f"sqlite:///{tmp_path / 'duban.db'}")


def doubtful(folder: Path) -> Post:
    """Return a house whose first mail, an ordinary one, is in doubt."""
    post = Post(folder)
    post.pass_by(NINE, Awkward([InDoubt("no answer")], behind=True))
    assert post.states() == ["in_doubt", "sent"]
    return post


def decide(post: Post, what: Callable[[Session], object]) -> object:
    with store.writing(post.engine) as session:
        return what(session)


def retry(post: Post, number: int, when: str) -> datetime:
    with store.writing(post.engine) as session:
        return deciding.retry(session, number, at(when), post.world, "测试")


def audited(post: Post) -> list[tuple[str, str, str]]:
    with store.reading(post.engine) as session:
        rows = session.execute(AUDIT.select().where(AUDIT.c.about == "outbox")).all()
    return [(row.who, row.action, row.detail) for row in rows]


def test_sent_again_are_the_same_bytes_and_once(tmp_path: Path) -> None:
    post = doubtful(tmp_path)
    assert retry(post, 1, TEN) == at(TEN)
    way = Awkward()
    post.deliver(TEN, way)
    post.deliver("2026-03-06 12:00", way)
    assert [envelope.body for envelope in way.handed] == [post.messages()[0].body]
    first = post.messages()[0]
    assert (first.state, first.handed) == ("sent", 2)
    assert audited(post) == [("测试", "retry", "第 1 号，liaison@da.example，原为不确定")]


def test_sent_again_at_night_goes_in_the_morning(tmp_path: Path) -> None:
    post = doubtful(tmp_path)
    assert retry(post, 1, "2026-03-06 20:00") == at("2026-03-09 09:00")
    way = Awkward()
    post.deliver("2026-03-06 20:01", way)
    assert way.handed == []
    post.deliver("2026-03-09 09:00", way)
    assert len(way.handed) == 1


def test_in_doubt_again_waits_for_the_admin_again(tmp_path: Path) -> None:
    post = doubtful(tmp_path)
    retry(post, 1, TEN)
    post.deliver(TEN, Awkward([InDoubt("no answer")], behind=True))
    first = post.messages()[0]
    assert (first.state, first.next_try_at, first.handed) == ("in_doubt", None, 2)


def test_arrived_is_sent(tmp_path: Path) -> None:
    post = doubtful(tmp_path)
    decide(post, lambda session: deciding.arrived(session, 1, at(TEN), "测试"))
    first = post.messages()[0]
    assert (first.state, first.finished_at, first.reason) == ("sent", at(TEN), "管理员确认已送到")
    way = Awkward()
    post.deliver("2026-03-06 12:00", way)
    assert way.handed == []


def test_arrived_takes_back_a_repetition(tmp_path: Path) -> None:
    post = Post(tmp_path)
    statutory = "2026-03-18 09:00"
    post.pass_by(statutory, Awkward([InDoubt("?")], behind=True))
    decide(post, lambda session: deciding.arrived(session, 1, at("2026-03-18 09:05"), "测试"))
    post.deliver("2026-03-18 09:30", way := Awkward())
    assert way.handed == []
    assert post.states() == ["sent", "sent"]


def test_bounced_goes_to_the_next_contact(tmp_path: Path) -> None:
    post = peopled(
        tmp_path, da_liaison=["a@da.example"], da_leader=["boss@da.example"],
        xiao_liaison=["x@xiao.example"],
    )  # fmt: skip
    post.pass_by(NINE, Awkward())
    number = next(m.id for m in post.messages() if m.recipient == "a@da.example") or 0
    found = decide(post, lambda s: deciding.bounced(s, number, at(TEN), post.world, "测试"))
    assert found == 1
    post.gather("2026-03-06 10:01")
    bounced, replacement = post.messages()[0], post.messages()[-1]
    assert (bounced.state, bounced.recipient) == ("bounced", "a@da.example")
    assert replacement.recipient == "boss@da.example"
    assert "原收件邮箱 a@da.example 退回了邮件，改送本邮箱" in text_of(replacement)


@pytest.mark.parametrize("state", ["failed", "expired", "bounced"])
def test_what_came_to_nothing_can_be_tried_again(tmp_path: Path, state: str) -> None:
    post = Post(tmp_path)
    post.pass_by(NINE, Awkward([Rejected("550")] * 2))
    handed = int(state == "bounced")
    post.set(1, state=state, handed=handed)
    retry(post, 1, TEN)
    first = post.messages()[0]
    assert (first.state, first.finished_at) == ("in_doubt" if handed else "ready", None)
    post.deliver(TEN, Awkward())
    assert post.messages()[0].state == "sent"


@pytest.mark.parametrize(
    ("action", "state", "said"),
    [
        ("retry", "sent", "已经收下"),
        ("retry", "ready", "已在等着发"),
        ("retry", "held", "duban outbox release"),
        ("retry", "cancelled", "已作废"),
        ("retry", "sending", "正在交给"),
        ("retry", "handing", "正在交给"),
        ("arrived", "ready", "还没有交给"),
        ("arrived", "failed", "明确拒收"),
        ("arrived", "expired", "没有送出过"),
        ("arrived", "sent", "本来就"),
        ("arrived", "handing", "正在交给"),
        ("arrived", "cancelled", "已作废"),
        ("bounced", "ready", "还没有交给"),
        ("bounced", "failed", "当时就拒收"),
        ("bounced", "bounced", "已经登记过"),
        ("bounced", "sending", "正在交给"),
    ],
)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], action: str, state: str, said: str
) -> None:
    post = doubtful(tmp_path)
    post.set(1, state=state)
    before = post.messages()[0]
    assert main(["outbox", action, "1"]) == 1
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""
    assert post.messages()[0] == before


def test_what_is_no_longer_useful_is_not_sent_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    post = doubtful(tmp_path)
    with pytest.raises(deciding.Refused, match="已过时"):
        retry(post, 1, "2026-03-21 09:00")
    assert post.messages()[0].state == "in_doubt"


def test_a_mail_that_is_taken_meanwhile_is_left_alone(tmp_path: Path) -> None:
    post = doubtful(tmp_path)
    retry(post, 1, TEN)
    with store.writing(post.engine) as session:
        assert claims.claim(session, at(TEN), "other", LEASE)
    for what in (deciding.retry, deciding.bounced):
        with pytest.raises(deciding.Refused), store.writing(post.engine) as session:
            what(session, 1, at(TEN), post.world, "测试")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["retry"], "没有写哪一封"),
        (["retry", "x"], "编号是"),
        (["retry", "99"], "没有编号 99"),
        (["release", "1"], "不写编号"),
        (["release"], "没有扣住"),
        (["retry", "1", "--state", "held"], "只用于查看"),
        (["resend", "1"], "resend"),
        (["--all-in-doubt"], "没有写办什么"),
        (["retry", "1", "--all-in-doubt"], "不写编号"),
        (["bounced", "--all-in-doubt"], "逐封登记"),
        (["release", "--all-in-doubt"], "不写编号"),
    ],
)
def test_wrong_usage_is_said_plainly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    doubtful(tmp_path)
    assert main(["outbox", *words]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_the_list_says_what_to_do_about_doubt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    post = doubtful(tmp_path)
    assert main(["outbox"]) == 0
    out = capsys.readouterr().out
    for verb in ("arrived 1", "retry 1", "bounced 1"):
        assert f"duban outbox {verb}" in out
    assert main(["outbox", "arrived", "1"]) == 0
    assert "记为已送到" in capsys.readouterr().out
    assert post.states() == ["sent", "sent"]
    assert main(["outbox"]) == 0
    assert "retry" not in capsys.readouterr().out


def storm(folder: Path) -> Post:
    """Return a house with an ordinary and a statutory mail in doubt; the latter is to be repeated."""
    post = Post(folder)
    post.tick(NINE)
    post.gather(NINE)
    post.set(2, statutory=True)
    post.deliver(NINE, Awkward([InDoubt("no answer")] * 2, behind=True))
    assert [(m.state, m.next_try_at is None) for m in post.messages()] == [
        ("in_doubt", True), ("in_doubt", False),
    ]  # fmt: skip
    return post


def at_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.address.present", lambda *_: at(TEN))


def test_several_are_decided_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    post = storm(tmp_path)
    at_ten(monkeypatch)
    assert main(["outbox"]) == 0
    assert "--all-in-doubt" not in capsys.readouterr().out  # one alone waits for the admin
    assert main(["outbox", "retry", "1", "2", "1"]) == 0
    assert capsys.readouterr().out == "第 1、2 号邮件会原样再交一次，下一轮就发\n"
    post.deliver(TEN, way := Awkward())
    assert len(way.handed) == 2
    assert post.states() == ["sent", "sent"]


def test_what_cannot_be_decided_of_several_is_said_and_the_rest_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    post = storm(tmp_path)
    at_ten(monkeypatch)
    post.set(1, state="sent")
    assert main(["outbox", "arrived", "1", "2", "99"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "第 2 号邮件记为已送到，不再发\n"
    for part in ("2 封没有办", "第 1 号：这封信本来就记为已交出", "第 99 号：没有编号 99"):
        assert part in captured.err
    assert post.states() == ["sent", "sent"]


def test_all_in_doubt_are_sent_again_but_those_that_are_anyway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    post = storm(tmp_path)
    at_ten(monkeypatch)
    assert main(["outbox", "retry", "--all-in-doubt"]) == 0
    assert "第 1 号邮件会原样再交一次" in capsys.readouterr().out
    assert [m.reason for m in post.messages()] == [claims.ASKED, claims.DOUBT]
    assert main(["outbox", "retry", "--all-in-doubt"]) == 1
    assert "没有等着决定的" in capsys.readouterr().err


def test_all_in_doubt_have_arrived_and_none_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = storm(tmp_path)
    at_ten(monkeypatch)
    assert main(["outbox", "arrived", "--all-in-doubt"]) == 0
    assert post.states() == ["sent", "sent"]
    post.deliver(TEN, way := Awkward())
    assert way.handed == []


def test_what_is_held_is_seen_and_released(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    post = Post(tmp_path)
    post.tick(NINE)
    post.gather(NINE)
    with store.writing(post.engine) as session:
        fuse.trip(session, at(NINE), post.world, "太多了")
    assert post.states() == ["held", "held"]
    assert main(["outbox", "--state", "held"]) == 0
    captured = capsys.readouterr()
    assert "普通提醒已扣住" in captured.err
    assert "太多了" in captured.err
    assert main(["outbox", "release"]) == 0
    assert "已放行 2 封" in capsys.readouterr().out
    assert post.states() == ["cancelled", "cancelled"]
    assert [n.message_id for n in post.notices()] == [None, None]
