"""The rows of the store, and nothing else. What they mean: docs/architecture.md."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Index, LargeBinary, UniqueConstraint, false
from sqlmodel import Column, Field, SQLModel, Text

from scheduler.columns import instant
from scheduler.recorded_tables import Activity as Activity
from scheduler.recorded_tables import Event as Event
from scheduler.recorded_tables import Evidence as Evidence
from scheduler.recorded_tables import Fact as Fact
from scheduler.recorded_tables import Shift as Shift


class AppliedVersion(SQLModel, table=True):
    """One applied version of a document and its roster; the newest of a document is in force.

    ``workflow`` is the YAML text, ``roster`` a JSON object of the three tables' texts.
    ``adopted_on`` is the day of the first version: what was due before it is history.
    """

    __tablename__ = "applied_version"
    id: int | None = Field(default=None, primary_key=True)
    document: str = Field(index=True)
    digest: str
    workflow: str = Field(sa_column=Column(Text, nullable=False))
    roster: str = Field(sa_column=Column(Text, nullable=False))
    adopted_on: date
    applied_at: datetime = instant(nullable=False)
    applied_by: str = ""
    withdrawn: bool = False


class StoredOccurrence(SQLModel, table=True):
    """A projection of documents and rosters within the horizon; only ``plan`` changes it.

    ``body`` is the whole occurrence as JSON; the other columns are what queries need.
    ``digest`` is in two parts: what a reader sees, and the rungs; ``sequence`` and
    ``modified_at`` advance with the first, with the status, and when it is cancelled.
    ``status``: open, acknowledged, submitted, returned, completed, waived, cancelled, or history
    (it was due before it was applied here, and nobody is reminded of it; ``history`` says so for
    good, whatever the status becomes). ``extended_to``: the day that an authority put in place of
    ``due``, where it is later.
    """

    __tablename__ = "occurrence"
    key: str = Field(primary_key=True)
    document: str = Field(index=True)
    obligation: str
    kind: str
    period: str
    responsible_id: str | None = Field(default=None, index=True)
    due: date | None = Field(default=None, index=True)
    phase: str
    body: str = Field(sa_column=Column(Text, nullable=False))
    digest: str
    status: str = "open"
    sequence: int = 0
    modified_at: datetime = instant(nullable=False)
    cancelled_on: date | None = None
    extended_to: date | None = None
    history: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    next_notice_at: datetime | None = instant(index=True)


class OccurrenceParty(SQLModel, table=True):
    """Which institutions an occurrence touches, and how; feeds and lists are looked up by it."""

    __tablename__ = "occurrence_party"
    institution: str = Field(primary_key=True)
    key: str = Field(
        primary_key=True, foreign_key="occurrence.key", ondelete="CASCADE", index=True
    )
    relation: str


class Notice(SQLModel, table=True):
    """A planned message about an occurrence: pending, in a message, or not sent for a reason.

    ``move`` counts the “date changed” notices of an occurrence, as a date may move to and fro, and
    those that a report waits or more time is asked for; it is 0 for rungs.
    ``restored``: the store had forgotten it and learned of it from the journal of hand-overs, so
    that its rung is not yet planned for whoever else it speaks to.
    """

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("key", "rung", "due", "recipient", "channel", "move", name="uq_notice"),
        Index("ix_notice_pending", "message_id", "reason"),
    )
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(index=True)
    rung: str
    due: date
    recipient: str
    channel: str = "mail"
    move: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    restored: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    institution: str
    role: str
    office: str = ""
    placeholder: bool = False
    statutory: bool = False
    release_at: datetime = instant(nullable=False, index=True)
    planned_at: datetime = instant(nullable=False)
    note: str | None = None
    reason: str | None = None
    message_id: int | None = Field(default=None, foreign_key="message.id", index=True)


class Message(SQLModel, table=True):
    """One mail to one recipient, with its bytes and its state.

    Waiting: ready, sending, handing, in_doubt, held. Final: sent, failed, bounced, expired,
    cancelled. ``day`` is the local day of the digest.
    """

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("recipient", "role", "day", "sequence"),
        Index("ix_message_next", "statutory", "next_try_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    recipient: str
    role: str
    day: date
    sequence: int = 0
    institution: str
    office: str = ""
    placeholder: bool = False
    statutory: bool = False
    subject: str
    message_id: str = Field(unique=True)
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    state: str = Field(default="ready", index=True)
    owner: str | None = None
    lease_until: datetime | None = instant()
    attempt: int = 0
    handed: int = 0  # how often the bytes may have reached a relay; never altered once above 0
    next_try_at: datetime | None = instant(index=True)
    composed_at: datetime = instant(nullable=False)
    finished_at: datetime | None = instant()
    reply: str | None = None
    reason: str | None = None


class JournalFile(SQLModel, table=True):
    """Up to which byte the store knows what a file of the journal of hand-overs says.

    Restored with the store, so that what the journal says beyond it is what the store forgot.
    """

    __tablename__ = "journal_file"
    name: str = Field(primary_key=True)
    size: int = Field(sa_type=BigInteger)


class Token(SQLModel, table=True):
    """A secret feed address; only its hash is kept. ``institution`` names the feed's owner."""

    __tablename__ = "token"
    id: int | None = Field(default=None, primary_key=True)
    institution: str = Field(index=True)
    name: str
    hash: str = Field(unique=True)
    created_at: datetime = instant(nullable=False)
    revoked_at: datetime | None = instant()
    fetched_at: datetime | None = instant()
    fetched_by: str | None = None


class SignIn(SQLModel, table=True):
    """A one-time sign-in link, or the session that it opened; only the hash is kept."""

    __tablename__ = "sign_in"
    hash: str = Field(primary_key=True)
    kind: str
    created_at: datetime = instant(nullable=False)
    expires_at: datetime = instant(nullable=False)
    used_at: datetime | None = instant()


class Feed(SQLModel, table=True):
    """The last good bytes of a feed in its usual form, by its owner.

    ``institution`` names the owner: an institution, or a scope (``notifications.feed_scopes``).
    An empty ``etag``: it could never be rendered yet. ``state`` is another one whenever an event
    of the feed is, also one that only variants show; ``state_at`` is when it last became so.
    """

    __tablename__ = "feed"
    institution: str = Field(primary_key=True)
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    etag: str
    modified_at: datetime = instant(nullable=False)
    fault: str | None = None
    state: str = Field(default="", sa_column_kwargs={"server_default": ""})
    state_at: datetime | None = instant()


class FeedEvent(SQLModel, table=True):
    """One event of a feed as its subscribers last saw it: the memory behind its stamps.

    ``hash`` is of what it says, without stamps; ``source`` of what it was made from, so that
    nothing is rendered in vain. ``due`` is its last day. An empty ``body``: cancelled, and no
    longer shown; should it come back, its stamps go on. The rows stay for half a year after the
    last subscriber has left.
    """

    __tablename__ = "feed_event"
    owner: str = Field(primary_key=True)
    uid: str = Field(primary_key=True)
    kind: str
    frequent: bool
    alarms: bool
    due: date
    source: str
    hash: str
    sequence: int
    modified_at: datetime = instant(nullable=False)
    cancelled_on: date | None = None
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Audit(SQLModel, table=True):
    """Who did what, when. Append only."""

    __tablename__ = "audit"
    id: int | None = Field(default=None, primary_key=True)
    at: datetime = instant(nullable=False)
    who: str
    action: str
    about: str
    detail: str = ""


class Mark(SQLModel, table=True):
    """A single remembered value, such as the last tick or the end of the horizon."""

    __tablename__ = "mark"
    name: str = Field(primary_key=True)
    value: str
