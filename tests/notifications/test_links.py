"""Signed links: what they open, for how long, and that nothing else does."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session

from notifications import links
from notifications.links import Invalid, Scope, Signer
from scheduler import queries, store
from tests.scheduler.house import JUNE, PLAN

KEY = "a-key-of-a-store"
SCOPE = Scope(PLAN, "da", "liaison", date(2026, 6, 4))


def test_a_link_says_whom_it_is_for() -> None:
    assert links.read(KEY, PLAN, links.sign(KEY, SCOPE)) == SCOPE
    assert Signer(KEY, "da", "liaison", date(2026, 3, 6)).token(PLAN) == links.sign(KEY, SCOPE)
    assert Signer("", "da", "liaison", date(2026, 3, 6)).token(PLAN) == ""


def test_it_opens_one_item_of_one_store() -> None:
    token = links.sign(KEY, SCOPE)
    for key, item in ((KEY, JUNE), ("another", PLAN), (None, PLAN), ("", PLAN)):
        with pytest.raises(Invalid):
            links.read(key, item, token)


@pytest.mark.parametrize(
    "other",
    [replace(SCOPE, institution="xiao"), replace(SCOPE, role="coordinator"),
     replace(SCOPE, until=date(2027, 6, 4))],
)  # fmt: skip
def test_what_it_says_cannot_be_altered(other: Scope) -> None:
    seal = links.sign(KEY, SCOPE).rpartition(".")[2]
    said = links.sign(KEY, other).rpartition(".")[0]
    with pytest.raises(Invalid):
        links.read(KEY, PLAN, f"{said}.{seal}")


@given(st.text(max_size=120))
def test_nothing_else_opens_anything(text: str) -> None:
    with pytest.raises(Invalid):
        links.read(KEY, PLAN, text)


@given(st.integers(0, 60), st.characters(min_codepoint=33, max_codepoint=126))
def test_one_character_is_enough_to_spoil_it(place: int, character: str) -> None:
    token = links.sign(KEY, SCOPE)
    place %= len(token)
    if token[place] == character:
        return
    with pytest.raises(Invalid):
        links.read(KEY, PLAN, token[:place] + character + token[place + 1 :])


def test_a_store_has_one_key_from_its_first_mail_on(tmp_path: Path) -> None:
    engine = store.connect(f"sqlite:///{tmp_path / 'duban.db'}", durable=False)
    store.migrate(engine)
    with store.reading(engine) as session:
        assert queries.mark(session, links.MARK) is None
    made = []

    def make() -> None:
        with store.writing(engine) as session:
            made.append(links.secret(session))

    threads = [threading.Thread(target=make) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(made) == 6
    assert len(set(made)) == 1
    assert len(made[0]) == 43
    with store.reading(engine) as session:
        assert queries.mark(session, links.MARK) == made[0]


def test_whoever_comes_second_takes_the_key_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both looked before either wrote, as two servers on one PostgreSQL may."""
    engine = store.connect(f"sqlite:///{tmp_path / 'duban.db'}", durable=False)
    store.migrate(engine)
    with store.writing(engine) as session:
        first = links.secret(session)
    looked: list[str] = []
    honest = queries.mark

    def blind(session: Session, name: str) -> str | None:
        looked.append(name)
        return None if len(looked) == 1 else honest(session, name)

    monkeypatch.setattr("notifications.links.queries.mark", blind)
    with store.writing(engine) as session:
        assert links.secret(session) == first
