"""Whatever happens in whatever order: nothing is lost, nothing goes twice, all is in one place."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from scheduler import store
from tests.delivery.invariants import at_rest, violations
from tests.delivery.machine import Rig, build, copied
from tests.delivery.played_relay import KEPT, MOMENTS, SLEEPS, STEPS, Fate
from tests.delivery.small_town import LISTS, PAIRS, TOWN

WHICH = st.integers(0, 1)
TURNS = dict.fromkeys(("uncommitted", "committed"), (1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 7, 10))
DEATHS = st.sampled_from([*MOMENTS, "committed", "committed"]).flatmap(
    lambda moment: st.builds(
        Fate, st.just(moment), st.sampled_from(TURNS.get(moment, (1, 2, 3)))
    )
)
FATES = st.one_of(st.none(), st.none(), DEATHS)
AWAKE = [step for step in STEPS if step not in SLEEPS]
# An answer that never comes is what all this is about.
SCRIPTS = st.lists(st.sampled_from([KEPT, *AWAKE, KEPT, "lost", KEPT]), max_size=4)
SOME = st.lists(st.sampled_from([KEPT, *AWAKE, KEPT, "lost", KEPT]), min_size=1, max_size=4)
HOURS = (0, 0, 1, 5, 24, 72, 720, -2)
KEYS = [f"{TOWN}/{name}/p{n}/once" for name in ("plan", "report") for n in PAIRS]


class Machine(RuleBasedStateMachine):
    """One town, in whatever order."""

    def __init__(self, url: str, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.rig = Rig(url, folder)

    def teardown(self) -> None:
        try:
            if not self.rig.wrong:
                self.rig.finish()
                assert [*violations(self.rig), *at_rest(self.rig)] == []
        finally:
            self.rig.close()
            shutil.rmtree(self.folder)

    @invariant()
    def sound(self) -> None:
        assert list(violations(self.rig)) == []

    @rule(which=WHICH, script=SCRIPTS, fate=FATES)
    def next(self, which: int, script: list[str], fate: Fate | None) -> None:
        """Time goes on to when something is due, and a process does its round."""
        self.go_on()
        self.rig.round(which, script, fate)

    @rule(which=WHICH, fate=DEATHS)
    def next_dying(self, which: int, fate: Fate) -> None:
        self.next(which, [], fate)

    @rule(which=WHICH, script=SCRIPTS, other=SCRIPTS, later=st.sampled_from((0, 16, 40)),
          first=st.sampled_from(SLEEPS), wait=st.booleans())  # fmt: skip
    def next_asleep(
        self, which: int, script: list[str], other: list[str], later: int, first: str, wait: bool
    ) -> None:
        """A process sleeps over a mail in its hands; the other does a round meanwhile."""
        if wait:
            self.go_on()
        self.rig.relay.meanwhile = self.rig.nested(1 - which, timedelta(minutes=later), other)
        self.rig.round(which, [first, *script])

    @rule(which=WHICH, script=SOME)
    def next_badly(self, which: int, script: list[str]) -> None:
        self.next(which, script, None)

    @rule(which=WHICH)
    def next_well(self, which: int) -> None:
        self.next(which, [], None)

    @rule(which=WHICH, script=SCRIPTS, fate=FATES)
    def now(self, which: int, script: list[str], fate: Fate | None) -> None:
        self.rig.round(which, script, fate)

    def go_on(self) -> None:
        coming = self.rig.sight.coming(self.rig.now)
        if coming is not None:
            self.rig.now = coming + timedelta(seconds=1)

    @rule(hours=st.sampled_from(HOURS))
    def clock(self, hours: int) -> None:
        self.rig.now += timedelta(hours=hours)

    @rule(
        duty=st.sampled_from(("plan", "report")),
        days=st.sampled_from((-10, 3, 9, 16, 40)),
        which=WHICH,
        fate=FATES,
    )
    def move(self, duty: str, days: int, which: int, fate: Fate | None) -> None:
        """A date moves, or a duty comes (back)."""
        due = self.rig.today + timedelta(days=days)
        self.rig.edit(self.rig.model.text._replace(**{duty: due}), which, fate)

    @rule(duty=st.sampled_from(("plan", "report")), which=WHICH, fate=FATES)
    def strike_out(self, duty: str, which: int, fate: Fate | None) -> None:
        self.rig.edit(self.rig.model.text._replace(**{duty: None}), which, fate)

    @rule(pair=st.sampled_from(PAIRS), which=WHICH, fate=FATES)
    def join_or_leave(self, pair: int, which: int, fate: Fate | None) -> None:
        said = self.rig.model.text
        self.rig.edit(said._replace(pairs=said.pairs ^ {pair}), which, fate)

    @rule(number=st.integers(0, len(LISTS) - 1))
    def people(self, number: int) -> None:
        self.rig.contacts = LISTS[number]

    @rule(key=st.sampled_from(KEYS), kind=st.sampled_from(("completed", "waived")), which=WHICH,
          fate=FATES)  # fmt: skip
    def finished(self, key: str, kind: str, which: int, fate: Fate | None) -> None:
        self.rig.say(key, kind, None, which, fate)

    @rule(key=st.sampled_from(KEYS), days=st.sampled_from((0, 1, 10)), which=WHICH, fate=FATES)
    def acknowledge(self, key: str, days: int, which: int, fate: Fate | None) -> None:
        self.rig.say(key, "acknowledged", self.rig.today + timedelta(days=days), which, fate)

    @rule(number=st.integers(0, 30), what=st.sampled_from(("retry", "arrived", "bounced",
          "release")), which=WHICH, fate=FATES)  # fmt: skip
    def decide(self, number: int, what: str, which: int, fate: Fate | None) -> None:
        self.rig.decide(number, what, which, fate)

    @precondition(lambda self: len(self.rig.saved) < 2)
    @rule()
    def backup(self) -> None:
        self.rig.backup()

    @precondition(lambda self: self.rig.saved)
    @rule(number=st.integers(0, 1))
    def restore(self, number: int) -> None:
        self.rig.restore(number)

    @precondition(lambda self: len(self.rig.saved) < 4)
    @rule(which=WHICH, script=SOME)
    def forget(self, which: int, script: list[str]) -> None:
        """What a round did is known to the relay and to the journal only."""
        self.rig.backup()
        self.next(which, script, None)
        self.rig.restore(-1)


def run(url: str | Path, examples: int, steps: int, *, derandomize: bool) -> None:
    """Run the machine; a path is that of an empty SQLite store, of which each town has a copy."""

    def machine() -> Machine:
        folder = Path(tempfile.mkdtemp(prefix="duban-machine-"))
        if isinstance(url, Path):
            return Machine(copied(url, folder), folder)
        _empty(url)
        return Machine(url, folder)

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, derandomize=derandomize,
            deadline=None, database=None, print_blob=True, report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
        ),
    )  # fmt: skip


def _empty(url: str) -> None:
    engine = store.connect(url)
    with engine.begin() as connection:
        names = connection.execute(
            text("select tablename from pg_tables where schemaname = 'public'")
        ).scalars()
        kept = ", ".join(f'"{name}"' for name in names if name != "alembic_version")
        connection.execute(text(f"truncate {kept} restart identity cascade"))
    engine.dispose()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite store in one file."""
    file = tmp_path_factory.mktemp("template") / "duban.db"
    build(f"sqlite:///{file}").dispose()
    return file


def test_any_order_of_events(template: Path) -> None:
    run(template, 25, 25, derandomize=True)


@pytest.mark.system
def test_any_order_of_events_on_postgresql(postgresql: str) -> None:
    build(postgresql).dispose()
    run(postgresql, 20, 25, derandomize=True)
