"""A backup is restored, and somebody records or edits before the service has read the journal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from notifications import proof
from notifications.transport import InDoubt
from scheduler import store
from tests.notifications.post import Awkward, Post
from tests.notifications.test_gather import SECOND, TWO
from tests.scheduler.house import PLAN, WORKFLOW, at, found

MORNING = "2026-03-06 09:00"
LATER = "2026-03-06 11:00"
MOVED = WORKFLOW.replace("rule: {on: 2026-03-20}", "rule: {on: 2026-03-27}", 1)


def say(post: Post) -> None:
    post.say(PLAN, "completed", LATER)


def edit(post: Post) -> None:
    post.edit(found(MOVED, TWO), LATER)


@pytest.mark.parametrize("act", [say, edit])
@pytest.mark.parametrize(("way", "state"), [
    (Awkward(), "sent"), (Awkward([InDoubt("?"), InDoubt("?")], behind=True), "in_doubt"),
])  # fmt: skip
def test_what_the_relay_has_is_not_composed_anew(
    tmp_path: Path, act: Callable[[Post], None], way: Awkward, state: str
) -> None:
    way = Awkward(list(way.steps), behind=True)
    post = Post(tmp_path)
    post.edit(found(WORKFLOW, TWO), "2026-03-02 09:00")
    post.tick(MORNING)
    post.gather(MORNING)
    saved = post.backup()
    post.round(MORNING, way, post.desk())
    mails = [(one.key, one.body) for one in way.handed]
    post.restore(saved)
    act(post)
    assert "cancelled" in post.states()
    for hour in ("11:01", "12:00", "17:00"):
        post.round(f"2026-03-06 {hour}", way, post.desk("next"), "next")
    assert [(one.key, one.body) for one in way.handed] == mails
    of_mine = [m for m in post.messages() if m.recipient == "liaison@da.example"]
    assert [m.state for m in of_mine] == [state]
    (second,) = [n for n in post.notices(SECOND) if n.recipient == "liaison@da.example"]
    assert (second.message_id, second.reason) == (of_mine[0].id, None)
    with store.reading(post.engine) as session:
        assert proof.prove(session, at("2026-03-06 17:01")).wrong == ()
