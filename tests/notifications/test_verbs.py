"""``duban outbox`` and ``duban mail test``, and mail to a real server from end to end."""

from __future__ import annotations

import json
import mailbox
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cli.__main__ import main
from config.settings import load
from notifications import choosing, pause
from notifications.maildir import Maildir
from notifications.smtp import Relay
from scheduler import store
from tests.notifications.post import WORLD, Awkward, Post, read
from tests.notifications.servers import Behaviour, free_port, serving
from tests.notifications.test_outbox import People
from tests.scheduler.house import PLAN, at

NINE = "2026-03-06 09:00"
PEOPLE = People({("da", "liaison"): ["a@da.example"], ("xiao", "liaison"): ["x@xiao.example"]})


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBAN_DATA", str(tmp_path))
    monkeypatch.setenv("DUBAN_DATABASE_URL", f"sqlite:///{tmp_path / 'duban.db'}")


def test_the_outbox_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    post = Post(tmp_path)
    post.pass_by(NINE)
    assert main(["outbox", "--format", "json"]) == 0
    first, _ = json.loads(capsys.readouterr().out)
    assert first["state"] == "sent"
    assert first["to"] == {
        "institution": "甲市人民医院", "institution_id": "da", "role": "liaison", "office": "",
        "address": "liaison@da.example", "placeholder": True,
    }  # fmt: skip
    assert first["items"] == [{"key": PLAN, "rung": "before-14d", "due": "2026-03-20"}]
    assert first["class"] == "ordinary"
    assert first["finished_at"] == "2026-03-06T09:00:00+08:00"
    assert main(["outbox", "--state", "failed", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_the_outbox_as_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["outbox"]) == 0
    assert "发件箱里没有邮件" in capsys.readouterr().out
    post = Post(tmp_path)
    post.pass_by(NINE, Awkward())
    assert main(["outbox"]) == 0
    out = capsys.readouterr().out
    assert "已交出 2" in out
    assert "liaison@da.example" in out


def test_a_paused_queue_is_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    post = Post(tmp_path)
    with store.writing(post.engine) as session:
        pause.begin(session, at(NINE), "535 no")
    assert main(["outbox", "--format", "json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == []
    assert "发信已暂停" in captured.err
    assert "535 no" in captured.err


def test_a_wrong_state_is_the_users_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["outbox", "--state", "lost"]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_a_trial_mail_goes_into_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mail", "test", "a@b.example"]) == 0
    assert "已交出" in capsys.readouterr().out
    (message,) = mailbox.Maildir(tmp_path / "mail", create=False)
    assert read(message.as_bytes())["Subject"] == "[督办] 试发邮件"


def test_a_trial_mail_goes_to_the_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(behaviour := Behaviour()) as port:
        monkeypatch.setenv("DUBAN_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("DUBAN_SMTP_PORT", str(port))
        assert main(["mail", "test", "a@b.example"]) == 0
    assert "4711" in capsys.readouterr().out
    assert [recipients for _, recipients, _ in behaviour.received] == [["a@b.example"]]


@pytest.mark.parametrize("address", ["", "a@b,c@d", "甲@b.example", "a@b\r\nBcc: c@d"])
def test_a_trial_mail_wants_one_mailbox(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mail", "test", address]) == 1
    assert "邮箱" in capsys.readouterr().err


def test_a_server_that_is_not_there_is_said_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DUBAN_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("DUBAN_SMTP_PORT", str(free_port()))
    assert main(["mail", "test", "a@b.example"]) == 1
    error = capsys.readouterr().err
    assert "连不上邮件服务器" in error
    assert "Traceback" not in error


def test_the_settings_choose_the_way(tmp_path: Path) -> None:
    assert choosing.transport(load({"DUBAN_DATA": str(tmp_path)})) == Maildir(tmp_path / "mail")
    relay = choosing.transport(
        load(
            {
                "DUBAN_DATA": str(tmp_path), "DUBAN_SMTP_HOST": "mail.example",
                "DUBAN_SMTP_USER": "u", "DUBAN_SMTP_PASSWORD": "p",
            }
        )
    )  # fmt: skip
    assert isinstance(relay, Relay)
    assert (relay.port, relay.tls, relay.timeout) == (587, "starttls", 600.0)
    assert "p" not in relay.describe().replace("smtp", "").replace("example", "")
    assert choosing.owner() != choosing.owner()


def test_mails_reach_a_real_server_on_several_connections(tmp_path: Path) -> None:
    post = Post(tmp_path)
    with serving(behaviour := Behaviour()) as port:
        relay = Relay("127.0.0.1", port, "none", "duban@x.example", timeout=5.0)
        assert post.pass_by(NINE, relay).sent == 2
    stored = {(m.recipient, m.body) for m in post.messages()}
    assert {(to[0], body) for _, to, body in behaviour.received} == stored
    assert set(post.states()) == {"sent"}


def test_a_server_that_drops_after_the_content_leaves_the_mail_in_doubt(tmp_path: Path) -> None:
    post = Post(tmp_path)
    with serving(behaviour := Behaviour(content="drop")) as port:
        relay = Relay("127.0.0.1", port, "none", "duban@x.example", timeout=5.0)
        assert post.pass_by(NINE, relay).in_doubt == 2
        post.deliver("2026-03-06 12:00", relay)
    assert len(behaviour.received) == 2  # ordinary mail is not handed over again
    assert set(post.states()) == {"in_doubt"}


def run(*words: str) -> str:
    """Run a verb in a process of its own and return what it printed."""
    done = subprocess.run([sys.executable, "-m", "cli", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_restored_backup_mails_nothing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the command line, to a real server: tick, backup, tick, restore, tick."""
    post = Post(tmp_path, base=replace(WORLD, contacts=PEOPLE, placeholders=False))
    post.tick(NINE)
    post.engine.dispose()
    with serving(behaviour := Behaviour()) as port:
        for name, value in {
            "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port), "SMTP_TLS": "none",
            "MAIL_FROM": "duban@x.example",
        }.items():  # fmt: skip
            monkeypatch.setenv(f"DUBAN_{name}", value)
        run("backup", str(tmp_path / "saved.zip"))
        run("tick", "--at", "2026-03-06T09:01:00+08:00")
        assert len(behaviour.received) == 2
        assert "■" not in run("restore", str(tmp_path / "saved.zip"), "--replace")
        run("tick", "--at", "2026-03-06T09:30:00+08:00")
        run("tick", "--at", "2026-03-09T09:30:00+08:00")
    assert len(behaviour.received) == 2
    rows = json.loads(run("outbox", "--format", "json"))
    assert [row["state"] for row in rows] == ["sent", "sent"]
    (tmp_path / "journal").rename(tmp_path / "elsewhere")
    run("backup", str(tmp_path / "later.zip"))
    said = run("restore", str(tmp_path / "later.zip"), "--replace")
    assert "备份时已有、这里没有的交付日志" in said
