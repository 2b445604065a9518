"""The rows of what people recorded, which are never deleted. Read them from scheduler.tables."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Index, LargeBinary
from sqlmodel import Column, Field, SQLModel, Text

from scheduler.columns import instant


class Fact(SQLModel, table=True):
    """What people said of an occurrence. Never deleted; a correction supersedes."""

    __tablename__ = "fact"
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(index=True)
    kind: str
    on: date | None = None
    until: date | None = None
    reason: str | None = None
    basis: str | None = None
    evidence: str | None = None
    recorded_at: datetime = instant(nullable=False)
    recorded_by: str = ""
    superseded_by: int | None = None


class Shift(SQLModel, table=True):
    """A team's stationing term at a pairing; ``until`` is exclusive. Never deleted.

    ``persons`` is a JSON list of pseudonymous ids. ``withdrawn_at``: it no longer counts;
    ``superseded_by`` is the row that took its place, if any.
    """

    __tablename__ = "shift"
    id: int | None = Field(default=None, primary_key=True)
    document: str = Field(index=True)
    supporter: str
    recipient: str
    from_: date
    until: date
    people: int
    staff: str = ""
    persons: str = Field(default="[]", sa_column=Column(Text, nullable=False))
    recorded_at: datetime = instant(nullable=False)
    recorded_by: str = ""
    withdrawn_at: datetime | None = instant()
    superseded_by: int | None = None
    reason: str | None = None


class Activity(SQLModel, table=True):
    """Something done towards a quota, on a local day. Never deleted.

    ``subject`` is that of the quota's occurrences (of a pairing its id). ``item`` names the act or
    the member of a set where the quota counts each once.
    """

    __tablename__ = "activity"
    __table_args__ = (Index("ix_activity_subject", "document", "obligation", "subject", "on"),)
    id: int | None = Field(default=None, primary_key=True)
    document: str
    obligation: str
    subject: str
    on: date
    count: int = 1
    item: str | None = None
    evidence: str | None = None
    recorded_at: datetime = instant(nullable=False)
    recorded_by: str = ""
    withdrawn_at: datetime | None = instant()
    superseded_by: int | None = None
    reason: str | None = None


class Event(SQLModel, table=True):
    """An event that starts a duty, on a local day. Never deleted.

    ``origin`` is unique: it names the change that was seen (or the entry by hand), so that one
    change starts one duty.
    """

    __tablename__ = "event"
    id: int | None = Field(default=None, primary_key=True)
    document: str = Field(index=True)
    obligation: str
    subject: str
    on: date
    cause: str = ""
    origin: str = Field(unique=True)
    recorded_at: datetime = instant(nullable=False)
    recorded_by: str = ""
    withdrawn_at: datetime | None = instant()
    reason: str | None = None


class Evidence(SQLModel, table=True):
    """A file handed in as evidence, under a name made by the server.

    The bytes are in the store so that a backup and every replica have them.
    """

    __tablename__ = "evidence"
    name: str = Field(primary_key=True)
    original: str
    media_type: str
    size: int
    sha256: str
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    recorded_at: datetime = instant(nullable=False)
    recorded_by: str = ""
