"""Notices that are due become mails: looked at once more, one digest a day and role, composed once.

What was done since drops out with its reason; what cannot be written is set aside with its
reason and holds up nobody else.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from notifications import fuse, links, pending
from notifications.collapsing import collapse
from notifications.compose import Composed, Letter, compose
from notifications.items import Entry, Told
from notifications.pending import Earlier, Mailbox, Taken
from notifications.phrasing import plain
from notifications.rechecking import answered, basis, enough, outcome, over, told_before
from scheduler import queries, tallies
from scheduler.facts import Said, standing
from scheduler.hours import next_opening, opening, sending
from scheduler.ladder import ASIDE, CHANGED, REVIEWS
from scheduler.occurrences import Occurrence
from scheduler.pacing import Kept
from scheduler.postponing import postponed
from scheduler.rows import decode
from scheduler.store import one_planner
from scheduler.tables import Message, Notice
from scheduler.world import World

BATCH = 50  # mailboxes in one transaction: a writer must not keep the others waiting for long
UNSENT = "unsent"

log = logging.getLogger(__name__)


@dataclass
class GatherReport:
    """How many mails were composed, and how many notices dropped out, were put off, or failed."""

    composed: int = 0
    dropped: int = 0
    put_off: int = 0
    faults: list[str] = field(default_factory=list)


def gather(session: Session, now: datetime, world: World) -> GatherReport:
    """Compose what may be sent at ``now`` (aware); commits after each batch.

    Outside the sending hours nothing is composed.
    """
    report = GatherReport()
    if sending(now, world.timezone, world.workdays) != now:
        return report
    report.dropped += collapse(session, now)
    session.commit()
    waiting = pending.mailboxes(session, now)
    session.commit()
    held = fuse.judge(session, now, world)
    session.commit()
    for start in range(0, len(waiting), BATCH):
        try:
            _Batch(session, now, world, report, held).run(waiting[start : start + BATCH])
            session.commit()
        except IntegrityError:
            # Another process composed one of these in the same instant; the next round sees it.
            session.rollback()
            log.info("another process composed the same mails")
    return report


class _Batch:
    """One transaction of gathering."""

    def __init__(
        self, session: Session, now: datetime, world: World, report: GatherReport, held: str | None
    ) -> None:
        self.session, self.now, self.world, self.report = session, now, world, report
        self.held, self.secret = held, ""
        self.today = now.astimezone(world.timezone).date()
        self.kept: Mapping[str, Kept] = {}  # what is counted for quotas

    def run(self, mailboxes: Sequence[Mailbox]) -> None:
        one_planner(self.session, shared=True)
        self.secret = links.secret(self.session)
        found = pending.pending(self.session, mailboxes, self.now)
        taken = pending.taken(self.session, found, self.today)
        keys = {notice.key for notices in found.values() for notice in notices}
        stored = {due.key: due.body for due in queries.by_keys(self.session, keys)}
        quotas = list(_quotas(stored.values()))
        self.kept = tallies.kept(self.session, quotas, self.today, self.world)
        facts = queries.facts(self.session, keys)
        past = pending.earlier(self.session, keys)
        for mailbox, notices in found.items():
            known = taken.get(mailbox, Taken(0, False))
            if known.stands:
                self._put_off(
                    notices, next_opening(self.now, self.world.timezone, self.world.workdays)
                )
                continue
            entries = list(self._entries(notices, stored, facts, past))
            if entries:
                self._write(entries, known.sequence, past)

    def _entries(
        self,
        notices: Sequence[Notice],
        stored: Mapping[str, str],
        facts: Mapping[str, Sequence[Said]],
        past: Mapping[str, Sequence[Earlier]],
    ) -> Iterator[tuple[Notice, Entry]]:
        """Yield what of a mailbox's notices still holds; the rest gets its reason, or waits."""
        newest: dict[str, int] = {}  # the newest rung that waits
        moved: dict[str, date] = {}  # told beside the reminder of the new date, as one item
        for notice in notices:
            if notice.rung not in ASIDE:
                newest[notice.key] = max(newest.get(notice.key, 0), notice.id or 0)
            elif notice.rung == CHANGED and (
                before := told_before(notice, past.get(notice.key, ()))
            ):
                moved[notice.key] = before
        for notice in notices:
            body = stored.get(notice.key)
            if body is None:
                self._drop(notice, "事项已取消")
                continue
            try:
                one = decode(body)
            except Exception as error:
                self._fault(notice, error)
                continue
            told = past.get(notice.key, ())
            said = standing(facts.get(notice.key, ()), self.today)
            status, quiet_until = said.status, said.quiet_until
            text, one = one, postponed(one, said.extended_to, self.world.workdays)
            if notice.rung in REVIEWS:  # whatever was said to those who owe it
                if reason := answered(notice, said):
                    self._drop(notice, reason)
                else:
                    yield notice, replace(self._entry(notice, one, told, None), own=False)
            elif quiet_until is not None:
                after = opening(quiet_until + timedelta(days=1), self.world.timezone)
                self._put_off([notice], sending(after, self.world.timezone, self.world.workdays))
            elif reason := (
                over(notice, one, status, newest.get(notice.key, 0), told, self.today)
                or enough(notice, text, self.kept.get(notice.key))
            ):
                self._drop(notice, reason)
            else:
                was = moved.get(notice.key)
                entry = self._entry(notice, one, told, was)
                yield notice, replace(entry, original=None if one is text else text.due)

    def _entry(
        self, notice: Notice, one: Occurrence, past: Sequence[Earlier], was: date | None
    ) -> Entry:
        target = dict(one.rungs).get(notice.rung, "responsible")
        bound = {one.responsible.id, *(party.id for party in one.assisting)}
        return Entry(
            notice=notice.id or 0,
            occurrence=one,
            rung=notice.rung,
            due=notice.due,
            own=target == "responsible" and notice.institution in bound,
            note=basis(notice.note) if was else notice.note,
            was=was,
            kept=self.kept.get(notice.key),
            told=tuple(
                Told(
                    e.at.astimezone(self.world.timezone).date(),
                    e.rung,
                    outcome(e),
                    e.reason,
                )
                for e in past
                if e.due == notice.due and e.state != "cancelled"
            ),
        )

    def _write(
        self,
        found: Sequence[tuple[Notice, Entry]],
        sequence: int,
        past: Mapping[str, Sequence[Earlier]],
    ) -> None:
        """Compose one mail and store it; an entry that cannot be written is left out of it."""
        first = found[0][0]
        letter = Letter(
            recipient=first.recipient,
            role=first.role,
            day=self.today,
            sequence=sequence,
            institution=first.institution,
            office=first.office,
            entries=tuple(entry for _, entry in found),
            references=_references(found, past),
        )
        try:
            composed = compose(letter, self.world, self.now, self.secret)
        except Exception as error:
            sound = list(self._sound(letter, found, error))
            if sound:
                self._write(sound, sequence, past)
            return
        self._store(letter, composed, [notice for notice, _ in found])

    def _sound(
        self, letter: Letter, found: Sequence[tuple[Notice, Entry]], whole: Exception
    ) -> Iterator[tuple[Notice, Entry]]:
        """Yield the entries that can be written by themselves; the others get their reason."""
        sound: list[tuple[Notice, Entry]] = []
        for notice, entry in found:
            alone = Letter(
                letter.recipient, letter.role, letter.day, letter.sequence, letter.institution,
                letter.office, (entry,), letter.references,
            )  # fmt: skip
            try:
                compose(alone, self.world, self.now, self.secret)
                sound.append((notice, entry))
            except Exception as error:
                self._fault(notice, error)
        if len(sound) == len(found):  # each by itself, but not together: none can be blamed
            for notice, _ in found:
                self._fault(notice, whole)
            return
        yield from sound

    def _store(self, letter: Letter, composed: Composed, notices: Sequence[Notice]) -> None:
        statutory = any(notice.statutory for notice in notices)
        held = None if statutory else self.held
        message = Message(
            recipient=letter.recipient,
            role=letter.role,
            day=letter.day,
            sequence=letter.sequence,
            institution=letter.institution,
            office=letter.office,
            placeholder=any(notice.placeholder for notice in notices),
            statutory=statutory,
            subject=composed.subject,
            message_id=composed.message_id,
            body=composed.body,
            state="held" if held else "ready",
            reason=held,
            next_try_at=None if held else self.now,
            composed_at=self.now,
        )
        pending.store(self.session, message, [notice.id or 0 for notice in notices])
        self.report.composed += 1

    def _drop(self, notice: Notice, reason: str) -> None:
        pending.give_up(self.session, notice.id or 0, reason)
        self.report.dropped += 1

    def _put_off(self, notices: Sequence[Notice], until: datetime) -> None:
        pending.put_off(self.session, [notice.id or 0 for notice in notices], until)
        self.report.put_off += len(notices)

    def _fault(self, notice: Notice, error: Exception) -> None:
        log.error("notice %s of %s cannot be written", notice.id, notice.key, exc_info=error)
        said = plain(f"{type(error).__name__}：{error}", 200)
        pending.give_up(self.session, notice.id or 0, f"写信时出错，未发：{said}")
        entry = {"at": self.now, "who": "duban", "action": UNSENT, "about": notice.key}
        queries.audit(self.session, [entry | {"detail": said}])
        self.report.faults.append(notice.key)


def _quotas(bodies: Iterable[str]) -> Iterator[Occurrence]:
    """Yield the quotas among stored occurrences that can be read."""
    for body in bodies:
        if '"kind": "quota"' in body:
            try:
                yield decode(body)
            except Exception as error:
                log.debug("left to its own notice: %s", error)


def _references(
    found: Sequence[tuple[Notice, Entry]], past: Mapping[str, Sequence[Earlier]]
) -> tuple[str, ...]:
    """Return the Message-IDs of earlier mails about the same occurrences, oldest first.

    Who owes gets those that came to the same mailbox; who is above, those of the whole case.
    """
    sent = [
        (e.at, e.message_id)
        for notice, entry in found
        for e in past.get(notice.key, ())
        if e.message_id and e.state not in ("cancelled", "failed", "expired")
        if e.recipient == notice.recipient or not entry.own
    ]
    return tuple(dict.fromkeys(message_id for _, message_id in sorted(sent)))
