"""The due rules of the nine kinds of obligation, and the small types that they are made of."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


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
MonthDay = Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
RungSpan = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,2}(d|wd)$")]

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


HOUSE_RESPONSE = 5  # working days for 及时 and 尽快, which give no date (house ruling 3)


class EventRule(Frozen):
    """What starts the duty. ``respond_within``: working days, the house's, not the text's.

    ``of``: the obligation whose new evidence is the change that an ``agreement`` watch waits for.
    """

    when: Text
    watches: Literal["contacts", "team", "agreement", "pairing"] | None = None
    of: Id | None = None
    respond_within: Count = HOUSE_RESPONSE


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
