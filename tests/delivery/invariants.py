"""What must hold of the machine's store at every moment, asked of the raw tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from notifications import proof
from scheduler import store
from tests.delivery.machine import OWN, Rig

KNOWN = ("ready", "sending", "handing", "in_doubt", "held", "sent", "failed", "bounced", "expired",
         "cancelled")  # fmt: skip
MAY_HAVE_IT = ("sending", "handing", "in_doubt", "sent", "bounced")
TWICE = 2


def violations(rig: Rig) -> Iterator[str]:
    """Yield all that does not hold, in words."""
    messages = rig.ask("select * from message")
    notices = rig.ask("select * from notice")
    yield from rig.wrong
    yield from _places(messages, notices)
    yield from _doubled(rig, messages)
    if rig.learned:
        yield from _lost(rig, messages)
    known = {row.message_id for row in messages}
    for one in rig.relay.accepted:
        if one.message_id not in known and not rig.journal_says(one.message_id, "handing"):
            yield f"nobody knows of {one}"


def _places(messages: list, notices: list) -> Iterator[str]:  # type: ignore[type-arg]
    """Each notice waits, or is in one mail that stands, or has its reason; and is there once."""
    rows = {row.id: row for row in messages}
    for row in messages:
        if row.state not in KNOWN:
            yield f"mail {row.id} is {row.state}"
    for one in notices:
        said = f"notice {one.key} {one.rung} {one.due} to {one.recipient}"
        if one.message_id is not None and one.reason is not None:
            yield f"{said}: in a mail, and has a reason not to be"
        if one.message_id is not None and one.message_id not in rows:
            yield f"{said}: its mail does not exist"
        elif one.message_id is not None and rows[one.message_id].state == "cancelled":
            yield f"{said}: left in a mail that is cancelled"
        elif one.message_id is not None and rows[one.message_id].recipient != one.recipient:
            yield f"{said}: in somebody else's mail"
    same = Counter((n.key, n.rung, n.due, n.recipient, n.channel, n.move) for n in notices)
    yield from (f"planned {count} times: {key}" for key, count in same.items() if count > 1)
    spoken = {one.message_id for one in notices}
    for row in messages:
        if row.id not in spoken and row.state != "cancelled" and row.role not in OWN:
            yield f"mail {row.id} ({row.state}) to {row.recipient} speaks of nothing"


def _doubled(rig: Rig, messages: list) -> Iterator[str]:  # type: ignore[type-arg]
    rows = {row.message_id: row for row in messages}
    times = Counter(one.message_id for one in rig.relay.accepted)
    bytes_, days, spoken = defaultdict(set), defaultdict(set), defaultdict(set)
    for one in rig.relay.accepted:
        bytes_[one.message_id].add((one.recipient, one.digest))
        most = (TWICE if one.statutory else 1) + rig.retries[one.message_id]
        if times[one.message_id] > most:
            yield f"accepted {times[one.message_id]} times: {one}"
        for notice in one.notices:
            spoken[notice].add(one.message_id)
        row = rows.get(one.message_id)
        if row is not None and row.role not in OWN:
            days[row.recipient, row.role, str(row.day)].add(row.message_id)
    yield from (f"not the same bytes: {key}" for key, some in bytes_.items() if len(some) > 1)
    yield from (f"several digests: {key}" for key, some in days.items() if len(some) > 1)
    yield from (f"told in several mails: {key}" for key, some in spoken.items() if len(some) > 1)


def _lost(rig: Rig, messages: list) -> Iterator[str]:  # type: ignore[type-arg]
    """What the relay has is known to be there or in doubt; what it has not is not called sent."""
    times = Counter(one.message_id for one in rig.relay.accepted)
    for row in messages:
        said = f"mail {row.id} to {row.recipient} is {row.state}, accepted {times[row.message_id]}"
        if times[row.message_id] and row.state not in MAY_HAVE_IT:
            refused = row.state == "failed" and row.reason  # the second time
            if not refused and not (row.state == "ready" and rig.retries[row.message_id]):
                yield said
        excused = row.message_id in rig.confirmed | rig.returned
        if row.state in ("sent", "bounced") and not times[row.message_id] and not excused:
            yield said
        if row.state in ("failed", "expired") and not row.reply:
            yield f"{said}: nobody says why"


def at_rest(rig: Rig) -> Iterator[str]:
    """Yield what is wrong when nothing more is to come."""
    with store.reading(rig.sight.eye) as session:
        yield from proof.prove(session, rig.now).wrong
    if rig.sight.unfinished():
        yield f"not finished at {rig.now}"
    if rig.ask("select 1 from message where state = 'held'"):
        yield "held after its release"
    told = {(row.key, str(row.due)) for row in rig.ask("select key, due from notice"
            " where rung = 'after-10wd'")}  # fmt: skip
    for key in rig.model.open:
        if key not in rig.model.late and (key, str(rig.model.dues[key])) not in told:
            yield f"the last rung of {key} was never planned"
    history = {row.key for row in rig.ask("select key from notice where key like '%/old/%'")}
    yield from (f"planned for history: {key}" for key in history)
