"""A plan is carried out, in the caller's one transaction: the only way the projection changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import insert
from sqlmodel import Session

from scheduler import adoptions, projection, queries, recalling, tallies, telling
from scheduler.facts import standing
from scheduler.loading import Loaded, tables_as_json
from scheduler.occurrences import Occurrence
from scheduler.placing import place
from scheduler.plan import RECORDED, Changes, Held, Move, digest, horizon, visible
from scheduler.postponing import postponed
from scheduler.proposing import (
    Candidates,
    Proposal,
    former_rosters,
    propose,
    text_digest,
    workdays_digest,
)
from scheduler.relations import relations
from scheduler.rows import decode, encode
from scheduler.store import one_planner
from scheduler.tables import AppliedVersion
from scheduler.world import World

BATCH = 2_000  # occurrences written at once


def adopt_bundled(
    session: Session, loaded: Loaded, now: datetime, world: World | None = None
) -> Proposal | None:
    """Apply what the files hold to a store in which nothing was ever applied; else do nothing.

    What was due before today is history from then on: no mail ever speaks of it. ``world`` gives
    the settings (zone, reading of deadlines); its documents and rosters are not looked at.
    """
    one_planner(session, slow=True)
    if queries.newest_version(session):
        return None
    base = world or World({}, {}, loaded.workdays)
    found = Candidates(loaded.documents, loaded.rosters, loaded.texts)
    proposal = propose(session, found, now, base)
    carry_out(session, proposal, now, "duban")
    return proposal


def carry_out(session: Session, proposal: Proposal, now: datetime, by: str) -> None:
    """Make the store what the proposal wants: versions, occurrences, notices, audit."""
    world = proposal.world
    today = now.astimezone(world.timezone).date()
    before = queries.versions(session)
    adoptions.note(session, proposal.changes, _store_versions(session, proposal, now, today, by))
    write(session, proposal.changes, proposal.held, now, world, by)
    _watch_pairings(session, proposal, before, now, by)
    queries.set_mark(session, "horizon", horizon(today).isoformat())
    queries.set_mark(session, "workdays", workdays_digest(world.workdays))


def _watch_pairings(
    session: Session,
    proposal: Proposal,
    before: Mapping[str, AppliedVersion],
    now: datetime,
    by: str,
) -> None:
    """Start what is owed because an edit changed pairings; a first load changes nothing."""
    from scheduler import watching  # what it starts is written by this module again

    version = queries.newest_version(session)
    for name, former in former_rosters(proposal, before):
        watching.pairings(session, name, former, version, now, proposal.world, by)


def _store_versions(
    session: Session, proposal: Proposal, now: datetime, today: date, by: str
) -> set[str]:
    """Store what is applied now, and return the documents that were not in force before."""
    before = queries.versions(session)
    rows: list[queries.Row] = []
    for name in proposal.edited:
        workflow, tables = proposal.candidates.texts[name]
        old = before.get(name)
        rows.append(
            {
                "document": name,
                "digest": text_digest(workflow, tables),
                "workflow": workflow,
                "roster": tables_as_json(tables),
                "adopted_on": old.adopted_on if old and not old.withdrawn else today,
                "withdrawn": False,
            }
        )
    for name in proposal.withdrawn:
        old = before[name]
        kept = ("document", "digest", "workflow", "roster", "adopted_on")
        rows.append({column: getattr(old, column) for column in kept} | {"withdrawn": True})
    if rows:
        signed = [row | {"applied_at": now, "applied_by": by} for row in rows]
        session.execute(insert(queries.VERSIONS), signed)
    return {name for name in proposal.edited if name not in before or before[name].withdrawn}


def write(
    session: Session,
    changes: Changes,
    held: Mapping[str, Held],
    now: datetime,
    world: World,
    by: str,
) -> None:
    """Carry out the moves on the stored occurrences and what was planned for them."""
    today = now.astimezone(world.timezone).date()
    moves = [move for move in changes.moves if move.action in ("add", "change")]
    removed = [move.key for move in changes.moves if move.action == "remove"]
    changed = [move.key for move in moves if move.action == "change"]
    moved = {m.key: m for m in moves if m.action == "change" and m.old != m.new}
    dates = {key: _later(move.new, held.get(key)) for key, move in moved.items()}
    handed_on = telling.successions(session, changed, changes.occurrences)
    recalling.recall(session, [*moved, *removed], now, "内容已改动，另拟新信")
    recalling.drop_pending(session, dates, "期限已改")
    recalling.drop_pending(session, dict.fromkeys(removed), "事项已取消")
    for start in range(0, len(moves), BATCH):
        _write(session, moves[start : start + BATCH], changes, held, now, world)
    projection.cancel(session, removed, today)
    seen = [m.key for m in moves if m.key in held and _shows(held[m.key], changes)]
    projection.touch(session, [*seen, *removed], now)
    telling.hand_on(session, handed_on, now, world)
    new = {key: day for key, day in dates.items() if day is not None}
    telling.moved(session, new, handed_on, now, world)
    queries.audit(session, list(_log(changes, now, by)))


def _write(
    session: Session,
    moves: Sequence[Move],
    changes: Changes,
    held: Mapping[str, Held],
    now: datetime,
    world: World,
) -> None:
    keys = [move.key for move in moves]
    facts = queries.facts(session, keys)
    stored = [key for key in keys if key in held]
    planned = queries.planned(session, stored)
    parents = {
        name: {one.id: one.parent for one in roster.institutions.values() if one.parent}
        for name, roster in world.rosters.items()
    }
    today = now.astimezone(world.timezone).date()
    counted = tallies.kept(session, [changes.occurrences[key] for key in keys], today, world)
    adopted = _adopted(session) if any(m.cause == RECORDED for m in moves) else {}
    rows: list[queries.Row] = []
    parties: list[queries.Row] = []
    for move in moves:
        one = changes.occurrences[move.key]
        said = facts.get(one.key, ())
        standing_now = postponed(one, standing(said, today).extended_to, world.workdays)
        due = standing_now.due
        already = planned.get((one.key, due), {}) if due else {}
        history = _is_history(move, held.get(move.key), today)
        if one.kind == "event" and move.cause == RECORDED:  # told late, and late it is
            history = due is not None and due < adopted[one.document]
        if move.action == "change" and move.old != move.new and due and due < today:
            already = already | {"": now}  # what the new date would have asked for is over
        silent = history and _still(session, one, standing_now)
        kept = counted.get(one.key)
        status, at = place(standing_now, said, already, now, world, silent, kept)
        later = None if standing_now is one else due
        rows.append(
            _row(one)
            | {"status": status, "next_notice_at": at, "history": history, "extended_to": later}
        )
        parties += [
            {"institution": institution, "key": one.key, "relation": relation}
            for institution, relation in relations(one, parents[one.document]).items()
        ]
    projection.write_occurrences(session, rows, parties, now)


def _adopted(session: Session) -> dict[str, date]:
    """Return the local day on which each document was first applied."""
    return {name: version.adopted_on for name, version in queries.versions(session).items()}


def _still(session: Session, one: Occurrence, standing_now: Occurrence) -> bool:
    """Return whether what is history stays so, although an authority granted a later day."""
    if standing_now is one or standing_now.due is None:
        return True
    return standing_now.due < _adopted(session)[one.document]


def _later(new: date | None, held: Held | None) -> date | None:
    """Return the date that holds after an edit: what an authority granted stands where later."""
    extended = held.extended_to if held else None
    return max(new, extended) if new and extended else new


def _is_history(move: Move, held: Held | None, today: date) -> bool:
    """Return whether nobody is to be reminded, because an edit never speaks of the past.

    What was running late already goes on, even if its date moves within the past.
    """
    if move.new is None or move.new >= today:
        return False
    if held is None or move.action == "add":
        return True
    if held.history:
        return True
    return move.old is None or move.old >= today


def _row(one: Occurrence) -> queries.Row:
    return {
        "key": one.key,
        "document": one.document,
        "obligation": one.obligation,
        "kind": one.kind,
        "period": one.period,
        "responsible_id": one.responsible.id,
        "due": one.due,
        "phase": one.phase,
        "body": encode(one),
        "digest": digest(one),
        "cancelled_on": None,
    }


def _shows(held: Held, changes: Changes) -> bool:
    """Return whether a reader sees the change of what was stored already."""
    new = digest(changes.occurrences[held.key])
    return held.status == "cancelled" or visible(held.digest) != visible(new)


def _log(changes: Changes, now: datetime, by: str) -> Iterable[queries.Row]:
    added: dict[str, int] = {}
    for move in changes.moves:
        if move.action == "add":
            added[move.document] = added.get(move.document, 0) + 1
        elif move.action in ("change", "remove"):
            detail = f"{move.cause}；{move.old or '无日期'} → {move.new or '取消'}"
            yield {
                "at": now, "who": by, "action": move.action, "about": move.key, "detail": detail,
            }  # fmt: skip
    for document, count in added.items():
        yield {
            "at": now, "who": by, "action": "add", "about": document, "detail": f"新增 {count} 项",
        }  # fmt: skip


def settle(session: Session, keys: Iterable[str], now: datetime, world: World) -> None:
    """Work out anew where the stored occurrences of these keys stand, from facts and notices.

    Calendars are told where the status changed.
    """
    found = queries.by_keys(session, keys)
    names = [one.key for one in found]
    facts = queries.facts(session, names)
    planned = queries.planned(session, names)
    decoded = {due.key: decode(due.body) for due in found}
    today = now.astimezone(world.timezone).date()
    counted = tallies.kept(session, decoded.values(), today, world)
    rows: list[queries.Row] = []
    for due in found:
        one = decoded[due.key]
        said = facts.get(one.key, ())
        standing_now = postponed(one, standing(said, today).extended_to, world.workdays)
        already = planned.get((one.key, standing_now.due), {}) if standing_now.due else {}
        silent = due.history and _still(session, one, standing_now)
        kept = counted.get(one.key)
        status, at = place(standing_now, said, already, now, world, silent, kept)
        later = None if standing_now is one else standing_now.due
        rows.append(
            {"key": one.key, "status": status, "next_notice_at": at, "extended_to": later}
        )
    projection.set_standing(session, rows)
    before = {due.key: (due.status, due.extended_to) for due in found}
    seen = [r["key"] for r in rows if (r["status"], r["extended_to"]) != before[r["key"]]]
    projection.touch(session, seen, now)

