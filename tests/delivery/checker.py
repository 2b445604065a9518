"""What the outbox says against what the mail server has: nothing lost, nothing twice.

It knows the store's tables and the server's log, and nothing of how the product works.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine, select

from scheduler import store
from scheduler.queries import MESSAGES, NOTICES
from tests.delivery.town import Planned
from tests.mailserver.record import Accepted

WAITING = ("ready", "sending", "handing")
NOT_SENT = ("failed", "bounced", "expired", "cancelled")
TWICE = 2  # a statutory mail in doubt is handed over once more, and no oftener


@dataclass
class Verdict:
    """What was found. ``lost``, ``doubled`` and ``wrong`` must be empty.

    ``repeated``: statutory mails in doubt that arrived twice; ``held``: mails in doubt that wait
    for the admin; ``states``: how many mails ended in which state; ``accepted``: how many mails
    the server took.
    """

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    repeated: int = 0
    held: int = 0
    accepted: int = 0
    states: Counter[str] = field(default_factory=Counter)

    @property
    def sound(self) -> bool:
        return not (self.lost or self.doubled or self.wrong)


def check(
    engine: Engine,
    accepted: Sequence[Accepted],
    planned: Collection[Planned],
    *,
    document: str = "",
    own: Collection[str] = (),
) -> Verdict:
    """Return the verdict on a store in which nothing moves any more.

    ``document``: only its notices count, where others are in the store that nobody is told of.
    ``own``: the addresses that get the service's own mails, which speak of no notice; they count
    only as what must not arrive twice.
    """
    with store.reading(engine) as session:
        messages = {row.message_id: row for row in session.execute(select(MESSAGES))}
        notices = [one for one in session.execute(select(NOTICES)) if one.key.startswith(document)]
    found = Verdict(accepted=len(accepted))
    got = Counter(one.message_id for one in accepted)
    _mails(found, messages, accepted)
    for key, row in messages.items():
        if row.recipient in own:
            if got[key] > 1:
                found.doubled.append(f"message {row.id} to the admin, accepted {got[key]} times")
            continue
        found.states[row.state] += 1
        _message(found, row, got[key])
    _notices(found, {row.id: row for row in messages.values()}, notices, set(planned), got)
    _flood(found, {k: row for k, row in messages.items() if row.recipient not in own}, got)
    spoken = {notice.message_id for notice in notices}
    found.wrong += [
        f"message {row.id} to {row.recipient} speaks of nothing"
        for row in messages.values()
        if row.id not in spoken and row.state != "cancelled" and row.recipient not in own
    ]
    return found


def _mails(found: Verdict, messages: dict, accepted: Sequence[Accepted]) -> None:  # type: ignore[type-arg]
    """Each mail is one of ours, to whom it was meant, byte for byte."""
    for one in accepted:
        row = messages.get(one.message_id)
        if row is None:
            found.wrong.append(f"nobody knows {one.message_id} to {one.recipients}")
        elif one.recipients != (row.recipient,):
            found.wrong.append(f"message {row.id} for {row.recipient} went to {one.recipients}")
        elif one.sha256 != hashlib.sha256(row.body).hexdigest():
            found.wrong.append(f"message {row.id} is not what was stored")


def _message(found: Verdict, row, times: int) -> None:  # type: ignore[no-untyped-def]
    """Each message's state fits what the server has of it."""
    said = f"message {row.id} to {row.recipient}: {row.state}, accepted {times} times"
    said += f", handed {row.handed}, {'statutory' if row.statutory else 'ordinary'}, {row.reply}"
    if times > 1:
        if row.statutory and times == TWICE and row.handed == TWICE:
            found.repeated += 1
        else:
            found.doubled.append(said)
    if times and not row.handed:
        found.wrong.append(f"{said}: handed over without being said to be")
    if row.state == "sent" and not times:
        found.lost.append(said)
    elif row.state in WAITING:
        found.wrong.append(f"{said}: still on its way")
    elif row.state == "in_doubt":
        found.held += 1
        if row.next_try_at is not None:
            found.wrong.append(f"{said}: still to be repeated")
        if row.statutory and row.handed < TWICE:
            found.wrong.append(f"{said}: statutory, and not repeated")
    elif row.state in NOT_SENT and times:
        found.wrong.append(f"{said}: said not to be sent")
    elif row.state not in ("sent", *NOT_SENT):
        found.wrong.append(f"{said}: no such state")


def _notices(found, messages, notices, planned: set[Planned], got) -> None:  # type: ignore[no-untyped-def]
    """What had to be planned was, once, and is in exactly one state."""
    there = Counter(Planned(n.key, n.rung, n.due, n.recipient) for n in notices)
    found.lost += [f"never planned: {one}" for one in sorted(planned - there.keys())]
    found.wrong += [f"nobody asked for {one}" for one in sorted(there.keys() - planned)]
    found.doubled += [f"planned {n} times: {one}" for one, n in there.items() if n > 1]
    for notice in notices:
        said = f"notice {notice.id} {notice.key} {notice.rung} to {notice.recipient}"
        if notice.message_id is None:
            found.lost.append(f"{said}: in no mail, {notice.reason or 'and nothing says why'}")
        elif notice.reason is not None:
            found.wrong.append(f"{said}: in a mail, and not sent because {notice.reason}")
        elif notice.message_id not in messages:
            found.lost.append(f"{said}: its mail does not exist")
        elif messages[notice.message_id].recipient != notice.recipient:
            found.wrong.append(f"{said}: in a mail to somebody else")
        else:
            message = messages[notice.message_id]
            refused = notice.recipient.startswith("gone@")
            if message.state in NOT_SENT and not (refused and message.state == "failed"):
                found.lost.append(f"{said}: {message.state}, {message.reply}")
            if message.state == "sent" and refused:
                found.wrong.append(f"{said}: nobody is there")


def _flood(found: Verdict, messages: dict, got: Counter[str]) -> None:  # type: ignore[type-arg]
    """A mailbox gets one digest a day and role."""
    of = defaultdict(list)
    for key in got:
        if key in messages:
            row = messages[key]
            of[row.recipient, row.role, row.day].append(row.id)
    found.doubled += [f"{who}: several mails {ids}" for who, ids in of.items() if len(ids) > 1]
