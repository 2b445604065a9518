"""Changes that are seen, not told: other liaisons in the list of contacts, other pairings.

What is seen for the first time is only remembered: nothing is known to have changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session

from config.roster import Pairing, Roster
from scheduler import happenings, queries
from scheduler.store import one_planner, reading, writing
from scheduler.world import World

MARK = "contacts"
SEEN_BY = "巡查"


def contacts(engine: Engine, now: datetime, world: World) -> int:
    """Start what is owed because liaisons changed since the last look; return how many duties.

    A replica whose file is older than the one that was looked at last says nothing: it would take
    the change for a change back. Without a list of contacts nothing is done.
    """
    if world.contacts_at is None or not _documents(world):
        return 0
    today = now.astimezone(world.timezone).date().isoformat()
    stamp = [world.contacts_at.isoformat(), today]
    with reading(engine) as session:
        if not _newer(stamp, queries.mark(session, MARK), world):
            return 0
    with writing(engine) as session:
        one_planner(session)
        kept = queries.mark(session, MARK)
        if not _newer(stamp, kept, world):
            return 0  # another process was quicker
        return _look(session, kept, stamp, now, world)


def _documents(world: World) -> list[str]:
    return [
        name
        for name, document in sorted(world.documents.items())
        if any(getattr(duty.rule, "watches", None) == "contacts" for duty in document.obligations
               if hasattr(duty, "rule"))
    ]  # fmt: skip


def _newer(stamp: list[str], kept: str | None, world: World) -> bool:
    """Return whether a look is worth it: a newer file, a new day, or other institutions."""
    if kept is None:
        return True
    known = json.loads(kept)
    if stamp[0] != known["at"]:
        return stamp[0] > str(known["at"])
    return stamp[1] > str(known["day"]) or str(known["of"]) != _who(world)


def _who(world: World) -> str:
    names = sorted(i for name in _documents(world) for i in world.rosters[name].institutions)
    return hashlib.blake2b("\n".join(names).encode(), digest_size=8).hexdigest()


def _look(
    session: Session, kept: str | None, stamp: list[str], now: datetime, world: World
) -> int:
    before: dict[str, str] = json.loads(kept)["seen"] if kept else {}
    number = int(json.loads(kept)["number"]) if kept else 0
    seen = dict(before)
    started = 0
    for name in _documents(world):
        changed = []
        for institution in world.rosters[name].institutions:
            digest = _liaisons(institution, now, world)
            if before.get(institution) is not None and before[institution] != digest:
                changed.append(institution)
            if institution in before or digest != _liaisons("", now, world):
                seen[institution] = digest
        started += sum(
            happenings.happened(
                session, name, "contacts", [institution], now.astimezone(world.timezone).date(),
                f"{world.rosters[name].institutions[institution].name}的联络员有变动",
                f"contacts:{institution}:{number + 1}", now, world, SEEN_BY,
            )
            for institution in changed
        )  # fmt: skip
    value = {
        "at": stamp[0], "day": stamp[1], "of": _who(world), "number": number + (seen != before),
        "seen": seen,
    }  # fmt: skip
    queries.set_mark(session, MARK, json.dumps(value, sort_keys=True))
    return started


def _liaisons(institution: str, now: datetime, world: World) -> str:
    """Return a digest of who holds the role of liaison; the order in the file is of no account."""
    today = now.astimezone(world.timezone).date()
    held = world.contacts.holders(institution, "liaison", today) if institution else ()
    who = sorted((one.office, one.email.lower()) for one in held)
    return hashlib.blake2b(repr(who).encode(), digest_size=8).hexdigest()


def pairings(
    session: Session,
    document: str,
    former: Roster,
    version: int,
    now: datetime,
    world: World,
    by: str,
) -> int:
    """Start what is owed because an edit of a roster added, removed or changed pairings.

    ``version``: the number of the applied version that brought the change.
    """
    changed, cause = changed_pairings(former, world.rosters[document])
    if not changed:
        return 0
    return happenings.happened(
        session, document, "pairing", changed, now.astimezone(world.timezone).date(),
        cause, f"pairing:{version}", now, world, by, former=former,
    )  # fmt: skip


def changed_pairings(former: Roster, roster: Roster) -> tuple[list[str], str]:
    """Return the ids of the pairings that differ between two rosters, and how, in Chinese."""
    changed = _changed(former.pairings, roster.pairings)
    parts = [f"{word}{'、'.join(names[:3])}{f'等 {len(names)} 对' if len(names) > 3 else ''}"
             for word, names in _told(changed, former, roster).items()]  # fmt: skip
    return sorted(changed), "帮扶关系" + "；".join(parts)


def _changed(before: Iterable[Pairing], after: Iterable[Pairing]) -> dict[str, str]:
    old, new = _by_id(before), _by_id(after)
    found = dict.fromkeys(new.keys() - old.keys(), "新增")
    found |= dict.fromkeys(old.keys() - new.keys(), "撤销")
    found |= {name: "变更" for name in old.keys() & new.keys() if old[name] != new[name]}
    return found


def _by_id(pairs: Iterable[Pairing]) -> dict[str, set[tuple[object, ...]]]:
    found: dict[str, set[tuple[object, ...]]] = {}
    for pair in pairs:
        what = (pair.programme, pair.from_, pair.until)
        found.setdefault(f"{pair.supporter}.{pair.recipient}", set()).add(what)
    return found


def _told(changed: Mapping[str, str], former: Roster, roster: Roster) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, word in sorted(changed.items()):
        supporter, _, recipient = name.partition(".")
        known = former.institutions | roster.institutions
        sides = [known[one].name if one in known else one for one in (supporter, recipient)]
        found.setdefault(word, []).append("—".join(sides))
    return found
