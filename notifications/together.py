"""What several carriers want of the store at one time shares one transaction, and one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlmodel import Session

from scheduler.store import writing

T = TypeVar("T")


class Together:
    """A store as the tasks of one event loop ask it, in that loop's own thread.

    A statement takes less than a change of threads; what costs is the commit, which waits for the
    disk. While one is made, other tasks become ready, and what they ask for shares the next.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._asked: list[tuple[Callable[[Session], Any], asyncio.Future[Any]]] = []

    async def ask(self, job: Callable[[Session], T]) -> T:
        """Return what a job gives when its transaction is committed.

        An error of one job, or of the commit, is raised to all that shared it: nothing of any of
        them is stored then, as far as can be known.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._asked.append((job, done))
        if len(self._asked) == 1:
            asyncio.get_running_loop().call_soon(self._answer)
        return await done

    def _answer(self) -> None:
        asked, self._asked = self._asked, []
        try:
            with writing(self._engine) as session:
                found = [job(session) for job, _ in asked]
        except BaseException as error:  # whoever waits must not wait for ever
            for _, done in asked:
                done.set_exception(error)
            return
        for (_, done), result in zip(asked, found, strict=True):
            done.set_result(result)
