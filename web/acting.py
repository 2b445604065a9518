"""Who is acting: the admin's session, or whoever holds the signed link of a mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from starlette.requests import Request

from notifications import links
from notifications.links import PARAMETER
from scheduler import queries
from scheduler.occurrences import Occurrence
from scheduler.store import reading
from web.house import House

PATHS = ("/items/", "/act/", "/evidence/", "/ledgers/")  # a link may open these without a session
ROLES = {"liaison": "联络员", "coordinator": "协调员", "leader": "分管领导"}


class Refusal(Exception):
    """A link that opens nothing: ``status`` 403 where it is none of ours, 410 where it is over."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever is acting; ``institution`` and ``role`` are empty for the admin.

    ``token`` goes along to the next page; ``until`` is the link's last day.
    """

    institution: str = ""
    role: str = ""
    name: str = ""
    token: str = ""
    until: date | None = None

    @property
    def admin(self) -> bool:
        """Return whether this is the admin's session."""
        return not self.token

    @property
    def query(self) -> str:
        """Return what an address needs at its end to be opened by the same hand."""
        return f"?{PARAMETER}={quote(self.token)}" if self.token else ""

    def says(self, office: str) -> str:
        """Return who is recorded as having acted, with the office that was typed in."""
        who = "管理员" if self.admin else f"{self.name}{ROLES.get(self.role, self.role)}"
        return f"{who}（{office}）" if office else who

    def owes(self, one: Occurrence) -> bool:
        """Return whether the actor belongs to who has to do it."""
        return self.institution in {one.responsible.id, *(party.id for party in one.assisting)}

    def receives(self, one: Occurrence, house: House) -> bool:
        """Return whether the actor belongs to who receives it, or to the body above that office."""
        known = house.world.rosters[one.document].institutions
        bodies: set[str] = set()
        for party in one.recipients:
            if party.id:
                bodies.add(party.id)
                found = known.get(party.id)
                bodies |= {found.parent} if found and found.parent else set()
        return self.institution in bodies


def acting(house: House, request: Request, key: str) -> Actor:
    """Return who acts on an item, or looks at a 台账; raises Refusal for a link not good for it.

    The link goes first: who opened a page with it acts as its holder. To the admin a link that is
    no good does not matter.
    """
    token = request.query_params.get(PARAMETER, "")
    signed_in = bool(getattr(request.state, "signed_in", False))
    if not token and signed_in:
        return Actor()
    try:
        return _holder(house, key, token)
    except Refusal:
        if signed_in:
            return Actor()
        raise


def _holder(house: House, key: str, token: str) -> Actor:
    with reading(house.engine) as session:
        secret = queries.mark(session, links.MARK)
    try:
        scope = links.read(secret, key, token)
    except links.Invalid:
        raise Refusal(403) from None
    if scope.until < house.today:
        raise Refusal(410)
    return Actor(scope.institution, scope.role, house.name(scope.institution), token, scope.until)
