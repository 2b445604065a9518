"""The frozen types of a workflow: what one official document demands, as data.

A workflow file is read into these types once, by ``workflows.parse``; every later stage takes them
as plain values. The JSON Schema that editors use is made from the same types.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from workflows.kinds import (
    Amount,
    Count,
    Day,
    EventRule,
    Frozen,
    FuzzyRule,
    Id,
    OnceRule,
    Phase,
    Phrase,
    QuotaRule,
    RecurringRule,
    RotationRule,
    RungSpan,
    StandingRule,
    TargetRule,
    Text,
    WindowRule,
)  # fmt: skip


class Interpretation(Frozen):
    """A choice that the text leaves: the reading taken, the other one, and why."""

    taken: Text
    other: Text
    why: Text


class Validity(Frozen):
    """Until when the series of a document run, and on what footing.

    ``core_until``: last day that the text or its goals speak of. ``contested_until``: last day of
    the years on which two readings of the end disagree. ``open_ended``: the text sets no end.
    """

    core_until: Day
    contested_until: Day | None = None
    open_ended: bool = False
    clause: Text
    phrase: Phrase
    interpretation: Interpretation | None = None


class InForce(Frozen):
    """The day a document that prints no issue date is taken to bind from, and the basis."""

    on: Day
    basis: Text


class Unresolved(Frozen):
    """Something the text refers to and does not contain."""

    what: Text
    clause: Text
    effect: Text


class Programme(Frozen):
    """One of several programmes that a document governs."""

    id: Id
    name: Text


class Role(Frozen):
    """How a document names an actor, and where the roster has it.

    Exactly one of ``side``, ``institution``, ``group`` and ``words``. With ``side`` the actor is
    found from the pairings (``take`` says which institution: itself, its authority, the one that
    reports for it, its county government). ``words`` is an actor that the text does not name
    further; ``unresolved`` says why.
    """

    name: Text
    side: Literal["supporter", "recipient", "both"] | None = None
    take: Literal["self", "authority", "reporter", "government"] = "self"
    institution: Id | None = None
    group: Id | None = None
    words: Text | None = None
    unresolved: Text | None = None


class Rung(Frozen):
    """One step of a ladder: how long before or after the deadline, and to whom.

    ``14d`` counts calendar days, ``2wd`` working days.
    """

    before: RungSpan | None = None
    after: RungSpan | None = None
    to: Literal["responsible", "coordinator", "issuer"] = "responsible"

    @property
    def name(self) -> str:
        """Return the rung's name, such as ``before-14d``."""
        return f"before-{self.before}" if self.before else f"after-{self.after}"


class Submission(Frozen):
    """One way in which something is handed in."""

    by: Literal["post", "email", "system", "visit"]
    what: Text
    copies: Count | None = None
    to: Text


class Change(Frozen):
    """A later wording of an obligation: from ``from`` on, these stand in place of the former."""

    from_: Day = Field(alias="from")
    rule: Any
    clauses: tuple[Text, ...] | None = None
    phrase: Phrase | None = None


class Duty(Frozen):
    """What every obligation carries, of whatever kind."""

    id: Id
    title: Text
    clauses: tuple[Text, ...]
    phrase: Phrase
    responsible: Id
    assisting: tuple[Id, ...] = ()
    recipients: tuple[Id, ...] = ()
    per: Literal["pairing", "institution", "document"]
    each: Id | None = None
    programme: Id | None = None
    summary: Text | None = None
    submit: tuple[Submission, ...] = ()
    evidence: Text | None = None
    before: Id | None = None
    interpretation: Interpretation | None = None
    ladder: tuple[Rung, ...] | None = None


class Once(Duty):
    kind: Literal["once"]
    rule: OnceRule
    amount: Amount | None = None
    changes: tuple[OnceChange, ...] = ()


class Recurring(Duty):
    kind: Literal["recurring"]
    rule: RecurringRule
    amount: Amount | None = None
    changes: tuple[RecurringChange, ...] = ()


class Fuzzy(Duty):
    kind: Literal["fuzzy"]
    rule: FuzzyRule
    amount: Amount | None = None
    changes: tuple[FuzzyChange, ...] = ()


class Quota(Duty):
    kind: Literal["quota"]
    rule: QuotaRule
    changes: tuple[QuotaChange, ...] = ()


class Rotation(Duty):
    kind: Literal["rotation"]
    rule: RotationRule
    changes: tuple[RotationChange, ...] = ()


class Event(Duty):
    kind: Literal["event"]
    rule: EventRule


class Target(Duty):
    kind: Literal["target"]
    rule: TargetRule


class Window(Duty):
    kind: Literal["window"]
    rule: WindowRule


class Standing(Duty):
    kind: Literal["standing"]
    rule: StandingRule


class OnceChange(Change):
    rule: OnceRule


class RecurringChange(Change):
    rule: RecurringRule


class FuzzyChange(Change):
    rule: FuzzyRule


class QuotaChange(Change):
    rule: QuotaRule


class RotationChange(Change):
    rule: RotationRule


Obligation = Annotated[
    Once | Recurring | Fuzzy | Quota | Rotation | Event | Target | Window | Standing,
    Field(discriminator="kind"),
]


class Document(Frozen):
    """The workflow of one official document."""

    id: Id
    number: Text | None
    title: Text
    issuers: Annotated[tuple[Id, ...], Field(min_length=1)]
    issued: Day | None
    in_force_from: InForce | None = None
    year_basis: Text | None = None
    validity: Validity
    roles: dict[Id, Role]
    programmes: tuple[Programme, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
    ladder: tuple[Rung, ...] | None = None
    obligations: Annotated[tuple[Obligation, ...], Field(min_length=1)]

    @property
    def binds_from(self) -> date:
        """Return the issue date, or the day the document is taken to bind from."""
        if self.issued is not None:
            return self.issued
        assert self.in_force_from is not None  # parse refuses a document with neither
        return self.in_force_from.on

    def rungs(self, obligation: Duty) -> tuple[Rung, ...]:
        """Return the ladder of an obligation: its own, the document's, or the house's."""
        return obligation.ladder or self.ladder or DEFAULT_LADDER

    def phase(self, due: date) -> Phase | None:
        """Return the footing on which a date stands; None after the document's end."""
        if due < self.binds_from:
            return "pre-issue"
        if due <= self.validity.core_until:
            return "core"
        contested = self.validity.contested_until
        if contested is not None and due <= contested:
            return "contested"
        return "open-ended" if self.validity.open_ended else None

    @property
    def ends(self) -> date | None:
        """Return the last day on which any series runs, contested years included; None: no end."""
        if self.validity.open_ended:
            return None
        return self.validity.contested_until or self.validity.core_until


DEFAULT_LADDER = (
    Rung(before="14d"),
    Rung(before="2wd"),
    Rung(after="1wd"),
    Rung(after="5wd", to="coordinator"),
    Rung(after="10wd", to="issuer"),
)

for _model in (Once, Recurring, Fuzzy, Quota, Rotation, Document):
    _model.model_rebuild()
