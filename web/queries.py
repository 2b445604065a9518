"""What pages read from the store, named. All take a session inside a transaction; none writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, case, func, or_, true
from sqlmodel import Session, col, select

from notifications.claims import ASKED
from notifications.listing import FINAL, WAITING
from scheduler import matrix
from scheduler import queries as store_queries
from scheduler.facts import Standing, standing
from scheduler.occurrences import Occurrence
from scheduler.rotating import REMINDED
from scheduler.rows import decode
from scheduler.tables import Activity, Fact, Message, Notice, OccurrenceParty
from scheduler.tables import StoredOccurrence as Stored
from workflows.kinds import LADDER_KINDS

SHOWN = (*sorted(LADDER_KINDS), "target", "window")  # windows of quotas would drown the rest
BOUND = ("responsible", "assisting")


UNDONE = ("open", "acknowledged", "returned")
OWED = ("open", "returned")  # nobody asked to be left alone for a while
# The day that counts now: an authority's in place of the text's.
ENDS = func.coalesce(col(Stored.extended_to), col(Stored.due))


class Stand(NamedTuple):
    """A stored occurrence as its text has it, the status it stands at, and what its facts say."""

    one: Occurrence
    status: str
    said: Standing


def stands(session: Session, rows: Iterable[Stored], today: date) -> list[Stand]:
    """Return stored occurrences as they stand on a local day, in their order."""
    listed = list(rows)
    facts = store_queries.facts(session, [row.key for row in listed])
    return [
        Stand(
            decode(row.body),
            row.status,
            standing(facts.get(row.key, ()), today, row.status == "history"),
        )
        for row in listed
    ]


def of_institution(institution: str | None, relations: Sequence[str] = BOUND) -> Any:
    """Return the condition that an institution owes it or assists; of none, that anything goes."""
    if institution is None:
        return true()
    mine = select(OccurrenceParty.key).where(
        OccurrenceParty.institution == institution, col(OccurrenceParty.relation).in_(relations)
    )
    return col(Stored.key).in_(mine)


def between(
    session: Session, start: date, end: date, limit: int, institution: str | None = None
) -> list[Stand]:
    """Return what falls due from ``start`` to ``end`` (included) and is not done, soonest first."""
    query = (
        select(Stored)
        .where(
            start <= ENDS,
            end >= ENDS,
            col(Stored.due) <= end,
            col(Stored.status).in_(UNDONE),
            or_(col(Stored.kind).in_(SHOWN), _by_terms()),
            Stored.phase != "pre-issue",
            of_institution(institution),
        )
        .order_by(ENDS, col(Stored.key))
        .limit(limit)
    )
    return stands(session, session.exec(query), start)


def _by_terms() -> Any:
    """Return the condition that it is a handover or a gap (``ladder.reminded_by_terms``)."""
    begins = [col(Stored.period).startswith(one) for one in REMINDED]
    return and_(col(Stored.kind) == "rotation", or_(*begins))


def reminded(*, by_terms: bool = False) -> tuple[Any, ...]:
    """Return the conditions that somebody is reminded of an occurrence that is reported.

    ``by_terms``: or of a handover or a gap, which nobody reports, so that they are never late.
    """
    reported = col(Stored.kind).in_(sorted(LADDER_KINDS))
    return (
        or_(reported, _by_terms()) if by_terms else reported,
        Stored.phase != "pre-issue",
        col(Stored.responsible_id).is_not(None),
    )


def overdue(
    session: Session, today: date, limit: int, institution: str | None = None
) -> list[Stand]:
    """Return what is late and reminded of, the latest first."""
    query = (
        select(Stored)
        .where(
            col(Stored.due) < today, today > ENDS, col(Stored.status).in_(OWED), *reminded(),
            of_institution(institution),
        )
        .order_by(ENDS.desc(), col(Stored.key))
        .limit(limit)
    )  # fmt: skip
    return stands(session, session.exec(query), today)


def awaiting(
    session: Session, today: date, limit: int, institution: str | None = None
) -> list[Stand]:
    """Return what was reported and waits for acceptance, of whoever reports or receives it."""
    mine = of_institution(institution, (*BOUND, "receiver"))
    query = select(Stored).where(Stored.status == "submitted", mine)
    return stands(session, session.exec(query.order_by(ENDS, col(Stored.key)).limit(limit)), today)


# Of which document somebody recorded something.
FACT_DOCUMENTS = select(Stored.document).join(Fact, col(Fact.key) == col(Stored.key))
ACTIVITY_DOCUMENTS = select(Activity.document)


def liveliest(session: Session, recorded: Any, among: Sequence[str]) -> str:
    """Return the document of which most was recorded, of equals the first: what a page begins with."""
    counts = Counter(session.exec(recorded))
    return max(among, key=lambda name: counts[name])


def tracked(session: Session) -> int:
    """Return how many deadlines wait for a reminder."""
    query = select(func.count()).select_from(Stored).where(col(Stored.next_notice_at).is_not(None))
    return session.exec(query).one()


def debtors(session: Session, start: date, end: date) -> list[str]:
    """Return the ids of the institutions that owe something reminded of in a span of days."""
    query = (
        select(Stored.responsible_id)
        .where(
            col(Stored.due) >= start,
            col(Stored.due) <= end,
            Stored.status == "open",
            col(Stored.kind).in_(sorted(LADDER_KINDS)),
        )
        .distinct()
    )
    return sorted(one for one in session.exec(query) if one)


def stored(session: Session, key: str) -> Stored | None:
    """Return the stored occurrence of a key, or None."""
    return session.get(Stored, key)


def touched(session: Session, key: str) -> dict[str, str]:
    """Return the relation of each institution that an occurrence touches."""
    query = select(OccurrenceParty.institution, OccurrenceParty.relation)
    return dict(session.exec(query.where(OccurrenceParty.key == key)).all())


def notices(session: Session, key: str) -> Sequence[tuple[Notice, Message | None]]:
    """Return what was planned about an occurrence, with its message where there is one."""
    query = (
        select(Notice, Message)
        .join(Message, col(Message.id) == col(Notice.message_id), isouter=True)
        .where(Notice.key == key)
        .order_by(col(Notice.release_at), col(Notice.id))
    )
    return [(notice, message) for notice, message in session.exec(query)]


def facts(session: Session, key: str) -> Sequence[Fact]:
    """Return what people said of an occurrence, in order."""
    return session.exec(select(Fact).where(Fact.key == key).order_by(col(Fact.id))).all()


class Ahead(NamedTuple):
    """How many open occurrences an obligation has from a day on, and the first due date."""

    many: int
    first: date | None


def ahead(session: Session, document: str, today: date) -> dict[str, Ahead]:
    """Return, by obligation of a document, what lies ahead."""
    query = (
        select(Stored.obligation, func.count(), func.min(col(Stored.due)))
        .where(Stored.document == document, Stored.status == "open", col(Stored.due) >= today)
        .group_by(Stored.obligation)
    )
    return {name: Ahead(count, first) for name, count, first in session.exec(query)}


def next_keys(session: Session, document: str, ahead: Mapping[str, Ahead]) -> dict[str, str]:
    """Return the key of the next open occurrence of each obligation that lies ahead."""
    days = {one.first for one in ahead.values() if one.first}
    query = (
        select(Stored.obligation, col(Stored.due), func.min(Stored.key))
        .where(Stored.document == document, Stored.status == "open", col(Stored.due).in_(days))
        .group_by(Stored.obligation, col(Stored.due))
    )
    return {name: key for name, due, key in session.exec(query) if ahead[name].first == due}


def periods(
    session: Session, document: str, responsible: Collection[str] | None = None
) -> list[tuple[str, date, date]]:
    """Return the labels of a document's dated reports with first and last date, in their order.

    ``responsible``: of what these institutions owe; None: of all.
    """
    query = (
        select(Stored.period, func.min(col(Stored.due)), func.max(col(Stored.due)))
        .where(
            Stored.document == document,
            Stored.status != "cancelled",
            col(Stored.due).is_not(None),
            col(Stored.kind).in_(matrix.KINDS),
            col(Stored.phase).in_(matrix.PHASES),
            true() if responsible is None else col(Stored.key).in_(_owed_by(responsible)),
        )
        .group_by(Stored.period)
    )
    found = [(label, first, last) for label, first, last in session.exec(query) if first and last]
    return sorted(found, key=lambda one: (one[1], one[0]))


def _owed_by(institutions: Collection[str]) -> Any:
    return select(OccurrenceParty.key).where(
        OccurrenceParty.relation == "responsible",
        col(OccurrenceParty.institution).in_(sorted(institutions)),
    )


def message_counts(session: Session) -> dict[str, int]:
    """Return how many messages are in each state, in the order in which a message goes."""
    query = select(Message.state, func.count()).group_by(Message.state)
    found = dict(session.exec(query).all())
    return {state: found[state] for state in (*WAITING, *FINAL) if state in found}


def pending(session: Session) -> int:
    """Return how many planned notices wait for their hour."""
    query = select(func.count()).select_from(Notice)
    waiting = query.where(col(Notice.message_id).is_(None), col(Notice.reason).is_(None))
    return session.exec(waiting).one()


def unsendable(session: Session, limit: int) -> Sequence[tuple[Notice, str]]:
    """Return notices that nobody could be sent, the newest first, with their titles."""
    query = (
        select(Notice, Stored.body)
        .join(Stored, col(Stored.key) == col(Notice.key))
        .where(Notice.recipient == "")
        .order_by(col(Notice.id).desc())
        .limit(limit)
    )
    return [(notice, decode(body).title) for notice, body in session.exec(query)]


def oldest_unsent(session: Session) -> datetime | None:
    """Return since when the longest waiting message waits, None if none does.

    That is its composition, not its next try: a mail that is refused every hour is old all the
    same. One that the admin wants again waits from its hour on. What is in doubt waits while it
    is to be repeated; what is left to the admin does not.
    """
    asked = and_(col(Message.reason) == ASKED, col(Message.next_try_at).is_not(None))
    since = case((asked, col(Message.next_try_at)), else_=col(Message.composed_at))
    state = col(Message.state)
    repeated = and_(state == "in_doubt", col(Message.next_try_at).is_not(None))
    query = select(since).where(or_(state.in_(("ready", "sending", "handing")), repeated))
    return session.exec(query.order_by(since).limit(1)).first()


def messages(session: Session, state: str | None, limit: int) -> Sequence[Message]:
    """Return the latest messages, of one state or of all."""
    query = select(Message).order_by(col(Message.id).desc()).limit(limit)
    return session.exec(query.where(Message.state == state) if state else query).all()


def message(session: Session, number: int) -> Message | None:
    """Return one message, or None."""
    return session.get(Message, number)
