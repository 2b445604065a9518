"""A fact comes in while a process has the mail about it in its hands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from notifications.transport import Deferred, Envelope, Fence
from tests.notifications.post import Awkward, Post
from tests.scheduler.house import PLAN

WHEN, LATER = "2026-03-06 09:00", "2026-03-06 09:10"


@dataclass
class Interrupted(Awkward):
    """Somebody reports while the first mail's connection is being opened."""

    post: Post | None = None

    async def hand(self, envelope: Envelope, fence: Fence) -> str:
        if self.post:
            self.post.say(PLAN, "completed", WHEN)
            self.post = None
        return await super().hand(envelope, fence)


@pytest.mark.parametrize("steps", [[], [Deferred("450 4.2.0 later")]])
def test_a_mail_that_was_only_claimed_is_called_back(
    tmp_path: Path, steps: Sequence[Exception]
) -> None:
    post = Post(tmp_path)
    post.tick(WHEN)
    post.gather(WHEN)
    way = Interrupted(steps=list(steps), post=post)
    post.deliver(WHEN, way)
    post.pass_by(LATER, way)
    assert way.handed == []
    assert post.states() == ["cancelled", "cancelled"]
    assert {notice.reason for notice in post.notices(PLAN)} == {"已办结"}


def test_a_mail_behind_the_point_of_no_return_is_left_alone(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.tick(WHEN)
    post.gather(WHEN)
    way = Awkward()

    def report() -> None:
        way.during = lambda: None
        post.say(PLAN, "completed", WHEN)

    way.during = report
    post.deliver(WHEN, way)
    assert post.states() == ["sent", "cancelled"]
    assert len(way.handed) == 1
