"""The frozen types of a workflow: what one official document demands, as data.

A workflow file is read into these types once, by ``workflows.parse``; every later stage takes them
as plain values. The JSON Schema that editors use is made from the same types.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def read_date(value: object) -> object:
    """Return the date that a ``YYYY-MM-DD`` string names; anything else is returned unchanged.

    Raises ValueError for a string of another shape and for a day that no calendar has.
    """
    if not isinstance(value, str):
        return value
    if not ISO_DATE.fullmatch(value):
        raise ValueError("date_shape")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("date_impossible") from None


Day = Annotated[date, BeforeValidator(read_date, json_schema_input_type=str)]
Id = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
Text = Annotated[str, Field(min_length=1, max_length=600)]
Phrase = Annotated[str, Field(min_length=2, max_length=120, pattern=r"^[^\r\n\t]+$")]
Year = Annotated[int, Field(ge=1949, le=2200)]
Month = Annotated[int, Field(ge=1, le=12)]
Count = Annotated[int, Field(ge=1, le=100_000)]
MonthDay = Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
RungSpan = Annotated[str, Field(pattern=r"^[1-9]\d{0,2}(d|wd)$")]

Part = Literal[
    "month",  # a month alone: all of it
    "early",  # 初, 上旬
    "middle",  # 中旬
    "late",  # 下旬
    "month-end",  # 月底, 月末
    "by-month-end",  # X月底前
    "year-end",  # 年底, 年终
    "by-year-end",  # X年底前
    "year",  # a year alone: 到X年
]
Per = Literal[
    "week", "fortnight", "month", "two-months", "quarter", "half-year", "year", "shift", "whole"
]
Roll = Literal["back", "forward"]
Phase = Literal["pre-issue", "core", "open-ended", "contested"]
KINDS = (
    "once", "recurring", "fuzzy", "quota", "rotation", "event", "target", "window", "standing",
)  # fmt: skip
LADDER_KINDS = frozenset({"once", "recurring", "fuzzy", "event"})


class Frozen(BaseModel):
    """Immutable, strict (no coercion), and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", populate_by_name=True)


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


class Amount(Frozen):
    """How many a dated duty asks for, where its text gives a number beside the date."""

    unit: Text
    per: Per
    at_least: Count | None = None
    at_most: Count | None = None


class OnceRule(Frozen):
    """One day."""

    on: Day
    roll: Roll | None = None


class DatedEntry(Frozen):
    """One entry of a yearly list: a day (``on: 03-20``), or a part of a month."""

    id: Id
    on: MonthDay | None = None
    month: Month | None = None
    part: Part | None = None


class RecurringRule(Frozen):
    """A list of dates that holds every year, within ``from`` and ``until`` (both included)."""

    dates: Annotated[tuple[DatedEntry, ...], Field(min_length=1)]
    from_: Day | None = Field(None, alias="from")
    until: Day | None = None
    roll: Roll | None = None


class FuzzyRule(Frozen):
    """A stretch of days by a named reading, in one year or in every year."""

    part: Part
    month: Month | None = None
    year: Year | None = None
    every_year: bool = False
    from_: Day | None = Field(None, alias="from")
    until: Day | None = None
    roll: Roll | None = None


class QuotaRule(Frozen):
    """So many per window; ``each`` names a set every member of which must be reached, ``items``
    the acts of which each is owed once."""

    per: Per
    unit: Text
    at_least: Count | None = None
    at_most: Count | None = None
    each: Text | None = None
    items: tuple[Text, ...] = ()
    from_: Day | None = Field(None, alias="from")
    until: Day | None = None


class TeamSize(Frozen):
    """The least headcount of a team; ``type`` limits it to recipients of that type."""

    at_least: Count
    type: Literal["general", "tcm"] | None = None


class RotationRule(Frozen):
    """Stationing terms: how long (of a batch, or of each person), how many, without a gap or not."""

    term_of: Literal["batch", "person"]
    min_months: Count | None = None
    max_months: Count | None = None
    team: tuple[TeamSize, ...] = ()
    full_year: bool = False
    rotate: bool = False


class EventRule(Frozen):
    """What starts the duty. ``respond_within``: working days, the house's, not the text's."""

    when: Text
    watches: Literal["contacts", "team", "agreement", "pairing"] | None = None
    respond_within: Count | None = None


class TargetRule(Frozen):
    """A milestone; an ``aspiration`` (力争) raises no alarm."""

    on: Day | None = None
    part: Part | None = None
    month: Month | None = None
    year: Year | None = None
    aspiration: bool = False


class WindowRule(Frozen):
    """The span in which a step of the document is carried out, both days included."""

    from_: Day = Field(alias="from")
    to: Day


class StandingRule(Frozen):
    """The word of the text by which there is no date."""

    word: Text


Rule = (
    OnceRule
    | RecurringRule
    | FuzzyRule
    | QuotaRule
    | RotationRule
    | EventRule
    | TargetRule
    | WindowRule
    | StandingRule
)


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
