"""The checker sees what must not be: each fault is made by hand after a faultless spring."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, select, update

from cli.round import one_round
from notifications.smtp import Relay
from scheduler import store
from scheduler.queries import MESSAGES, NOTICES
from tests.delivery.checker import check
from tests.delivery.town import BEGINS, Town
from tests.mailserver.record import Accepted
from tests.mailserver.running import running

TOWN = Town(2)
DAYS = (0, 12, 17, 21, 28)  # of the five rungs, counted from the first


@pytest.fixture(scope="module")
def spring(tmp_path_factory: pytest.TempPathFactory) -> tuple[Engine, list[Accepted]]:
    """A store and a log after all mails arrived at the first try."""
    folder = tmp_path_factory.mktemp("spring")
    engine, world = TOWN.build(f"sqlite:///{folder / 'duban.db'}"), TOWN.world()
    with running(folder / "mail") as server:
        way = Relay("127.0.0.1", server.port, "none", "duban@x.example")
        for day in DAYS:
            now = BEGINS + timedelta(days=day)
            one_round(engine, lambda now=now: now, world, way, "me", timedelta(seconds=900))  # type: ignore[misc]
        return engine, server.accepted


def verdict_after(spring: Any, *changes: Any, accepted: list[Accepted] | None = None) -> Any:
    """Return the verdict with changes of the store that are taken back."""
    engine, log = spring
    with engine.connect() as connection:
        for change in changes:
            connection.execute(change)

        class Open:
            dialect = engine.dialect

            def execution_options(self, **_: Any) -> Any:
                return connection

        found = check(Open(), log if accepted is None else accepted, TOWN.planned())  # type: ignore[arg-type]
        connection.rollback()
    return found


def test_a_faultless_spring_is_sound(spring: tuple[Engine, list[Accepted]]) -> None:
    found = verdict_after(spring)
    assert found.sound
    # Four liaisons on three days, then a city and a province once each.
    assert (found.accepted, dict(found.states)) == (14, {"sent": 14})
    assert (found.held, found.repeated) == (0, 0)


first = select(NOTICES.c.id).order_by(NOTICES.c.id).limit(1).scalar_subquery()
mail = select(MESSAGES.c.id).order_by(MESSAGES.c.id).limit(1).scalar_subquery()


def of_first(**values: Any) -> Any:
    return update(MESSAGES).where(MESSAGES.c.id == mail).values(**values)


@pytest.mark.parametrize(
    ("list_", "change"),
    [
        ("lost", delete(NOTICES).where(NOTICES.c.id == first)),
        ("lost", update(NOTICES).where(NOTICES.c.id == first).values(message_id=None)),
        ("lost", of_first(state="expired")),
        ("wrong", of_first(state="cancelled")),
        ("wrong", of_first(state="ready")),
        ("wrong", of_first(state="handing")),
        ("wrong", of_first(state="unheard of")),
        ("wrong", of_first(handed=0)),
        ("wrong", of_first(body=b"another")),
        ("wrong", of_first(recipient="somebody@else.example")),
        ("wrong", of_first(message_id="<another@x.example>")),
        ("wrong", update(NOTICES).where(NOTICES.c.id == first).values(reason="a whim")),
        ("wrong", update(NOTICES).where(NOTICES.c.id == first).values(rung="after-99wd")),
        ("wrong", update(NOTICES).where(NOTICES.c.message_id == mail).values(message_id=mail + 1)),
        ("wrong", of_first(state="in_doubt", next_try_at=BEGINS)),
        ("wrong", of_first(state="in_doubt", statutory=True, handed=1)),
    ],
)
def test_a_wrong_store_is_found(spring: Any, list_: str, change: Any) -> None:
    assert getattr(verdict_after(spring, change), list_)


@pytest.mark.parametrize(
    ("list_", "tamper"),
    [
        ("lost", lambda log: log[1:]),
        ("doubled", lambda log: [log[0], *log]),
        ("wrong", lambda log: [log[0]._replace(message_id="<x@y>"), *log[1:]]),
        ("wrong", lambda log: [log[0]._replace(sha256="0"), *log[1:]]),
        ("wrong", lambda log: [log[0]._replace(recipients=("a@b", "c@d")), *log[1:]]),
    ],
)
def test_a_wrong_log_is_found(
    spring: Any, list_: str, tamper: Callable[[list[Accepted]], list[Accepted]]
) -> None:
    assert getattr(verdict_after(spring, accepted=tamper(spring[1])), list_)


def test_only_a_statutory_mail_in_doubt_may_arrive_twice_and_not_thrice(spring: Any) -> None:
    one = spring[1][0]
    twice = of_first(handed=2)
    assert verdict_after(spring, twice, accepted=[one, *spring[1]]).doubled
    statutory = of_first(handed=2, statutory=True)
    found = verdict_after(spring, statutory, accepted=[one, *spring[1]])
    assert (found.sound, found.repeated) == (True, 1)
    assert verdict_after(spring, statutory, accepted=[one, one, *spring[1]]).doubled


def test_two_mails_of_a_day_to_one_mailbox_are_found(spring: Any) -> None:
    engine, log = spring
    with store.reading(engine) as session:
        row = dict(session.execute(select(MESSAGES).limit(1)).mappings().one())
    more = row | {"id": 10_000, "message_id": "<2@x>", "sequence": 7}
    sent = [*log, log[0]._replace(message_id="<2@x>")]
    assert verdict_after(spring, insert(MESSAGES).values(**more), accepted=sent).doubled
