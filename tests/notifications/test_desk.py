"""What the relay said is not lost because the store, or the disk, was away when it said it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from notifications import claims
from notifications.desk import Desk
from notifications.smtp import Relay
from notifications.transport import Deferred, Rejected
from tests.notifications.post import LEASE, Awkward, Post
from tests.notifications.servers import Behaviour, serving
from tests.notifications.test_outbox import peopled
from tests.scheduler.house import at

STATUTORY = "2026-03-18 09:00"


@pytest.fixture
def post(tmp_path: Path) -> Post:
    """A house with two statutory mails ready at STATUTORY."""
    house = Post(tmp_path)
    house.tick(STATUTORY)
    house.gather(STATUTORY)
    return house


@contextmanager
def away(*names: str) -> Iterator[None]:
    """Let the store fail whenever one of these changes is to be made."""

    def gone(*_: object, **__: object) -> bool:
        raise OperationalError("update", {}, Exception("database or disk is full"))

    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setattr(claims, name, gone)
        yield


def test_a_receipt_is_kept_until_the_store_takes_it(post: Post) -> None:
    way, desk = Awkward(), Desk()  # without a journal
    with away("sent"), pytest.raises(OperationalError):
        post.deliver(STATUTORY, way, desk=desk)
    assert post.states() == ["handing", "ready"]
    assert [(kept.reply, kept.error) for kept in desk.kept] == [("250 ok", None)]
    with away("sent"), pytest.raises(OperationalError):
        post.deliver("2026-03-18 09:01", way, desk=desk)  # nothing else is begun meanwhile
    assert len(way.handed) == 1
    post.deliver("2026-03-18 09:02", way, desk=desk)
    assert post.states() == ["sent", "sent"]
    assert post.messages()[0].finished_at == at(STATUTORY)
    assert (len(way.handed), len(desk.kept)) == (2, 0)


def test_a_receipt_is_kept_longer_than_the_lease(post: Post) -> None:
    way, desk = Awkward(), Desk()
    with away("sent"), pytest.raises(OperationalError):
        post.deliver(STATUTORY, way, desk=desk)
    post.deliver(at(STATUTORY) + LEASE, Awkward([Deferred("451")]), owner="other")
    assert post.messages()[0].state == "in_doubt"
    post.deliver(at(STATUTORY) + 3 * LEASE, way, desk=desk)
    assert post.states() == ["sent", "sent"]
    assert len(way.handed) == 2


def test_a_receipt_that_died_with_its_process_is_in_the_journal(post: Post) -> None:
    way = Awkward()
    with away("sent"), pytest.raises(OperationalError):
        post.round(STATUTORY, way, post.desk())
    post.round("2026-03-18 09:05", way, post.desk("next"), "next")
    assert post.states() == ["sent", "sent"]
    assert len(way.handed) == 2


def test_a_refusal_is_kept_as_well(tmp_path: Path) -> None:
    post = peopled(
        tmp_path, da_liaison=["a@da.example"], da_leader=["b@da.example"],
        xiao_liaison=["x@xiao.example"],
    )  # fmt: skip
    post.tick(STATUTORY)
    post.gather(STATUTORY)
    desk, way = Desk(), Awkward([Rejected("550 no such user")], behind=True)
    with away("fail"), pytest.raises(OperationalError):
        post.deliver(STATUTORY, way, desk=desk)
    post.deliver("2026-03-18 09:01", way, desk=desk)
    post.gather("2026-03-18 09:02")
    assert [m.state for m in post.messages()][:2] == ["failed", "sent"]
    assert post.messages()[2].recipient == "b@da.example"


def test_an_error_of_the_store_lets_the_others_finish_what_they_have_in_hand(
    tmp_path: Path,
) -> None:
    names = [f"u{n}@da.example" for n in range(8)]
    post = peopled(tmp_path, da_liaison=names, xiao_liaison=["x@xiao.example"])
    post.tick(STATUTORY)
    post.gather(STATUTORY)
    sent, calls = claims.sent, []

    def once(*given: object) -> bool:
        calls.append(given)
        if len(calls) == 2:
            raise OperationalError("update", {}, Exception("gone"))
        return sent(*given)  # type: ignore[arg-type]

    desk = Desk()
    with pytest.MonkeyPatch.context() as patch, serving(behaviour := Behaviour()) as port:
        relay = Relay("127.0.0.1", port, "none", "duban@x.example", timeout=5.0, carriers=4)
        patch.setattr(claims, "sent", once)
        with pytest.raises(OperationalError):
            post.deliver(STATUTORY, relay, desk=desk)
        # What shared the transaction is kept as well.
        assert 1 <= post.states().count("handing") == len(desk.kept) <= 4
        assert set(post.states()) <= {"handing", "sent", "ready"}
        post.deliver("2026-03-18 09:01", relay, desk=desk)
    assert set(post.states()) == {"sent"}
    assert len(behaviour.received) == 9


def test_a_desk_that_is_closing_takes_nothing_new(post: Post) -> None:
    desk = Desk()
    way = Awkward(during=lambda: setattr(desk, "closing", True))
    post.deliver(STATUTORY, way, desk=desk)
    assert post.states() == ["sent", "ready"]


def test_a_journal_that_fails_at_the_fence_leaves_the_connection_usable(
    post: Post, tmp_path: Path
) -> None:
    (tmp_path / "journal").write_text("in the way")
    with serving(behaviour := Behaviour()) as port:
        relay = Relay("127.0.0.1", port, "none", "duban@x.example", timeout=5.0, carriers=1)
        report = post.deliver(STATUTORY, relay, desk=post.desk())
        assert (report.put_back, report.paused) == (2, None)
        assert behaviour.received == []
        (tmp_path / "journal").unlink()
        assert post.deliver("2026-03-18 09:02", relay, desk=post.desk()).sent == 2
    assert len(behaviour.received) == 2
