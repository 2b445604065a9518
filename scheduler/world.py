"""What the engine needs to know beside the store: one frozen value, handed to every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from config.roster import Roster
from workflows.document import Document
from workflows.workdays import Workdays


class Holder(Protocol):
    """One person's office in the list of contacts; ``config.contacts.Contact`` is one."""

    @property
    def office(self) -> str: ...
    @property
    def email(self) -> str: ...


class Contacts(Protocol):
    """Who holds which role of which institution; ``config.contacts.Contacts`` is one."""

    def holders(self, institution: str, role: str, on: date) -> Sequence[Holder]:
        """Return the holders of a role (liaison, coordinator, leader) on a day."""


class Nobody:
    """A list of contacts without anybody in it."""

    def holders(self, institution: str, role: str, on: date) -> Sequence[Holder]:
        return ()


@dataclass(frozen=True)
class World:
    """The applied documents and rosters, the working days, the people, and the house's settings.

    ``placeholders``: an institution without contacts gets an invented address, marked so; only
    ``simulate`` says so. ``timezone`` is the one in which days, sending hours and digests count.
    ``admin``: the mailbox that hears how the service fares, empty for none. ``fused``: a burst of
    unforeseen mail is held. ``contacts_at``: when the list of contacts was last written (aware), None
    where there is none. ``version``: the newest applied version of the store that documents and
    rosters are of, None where nobody counts.
    """

    documents: Mapping[str, Document]
    rosters: Mapping[str, Roster]
    workdays: Workdays
    contacts: Contacts = field(default_factory=Nobody)
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    placeholders: bool = False
    base_url: str = ""
    mail_from: str = ""
    strict: bool = False
    admin: str = ""
    fused: bool = True
    contacts_at: datetime | None = None
    version: int | None = None
