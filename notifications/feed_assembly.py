"""A feed put together from its events as they are remembered.

All variants come from the same events, and so agree on their stamps. Pure: values in, values out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date

from notifications import feed
from notifications.feed import DEFAULT, Owner, Variant
from notifications.feed_changes import Shown

_STATES = 1 << 128


def assembled(
    owner: Owner, events: Iterable[Shown], today: date, variant: Variant = DEFAULT
) -> bytes:
    """Return the bytes of a variant of a feed: by date, then key."""
    chosen = [one for one in events if _stands(one, today, variant)]
    chosen.sort(key=lambda one: (one.due, one.key))
    fragments = [
        feed.with_alarms(one.body) if variant.alarms and one.alarms else one.body for one in chosen
    ]
    return feed.assemble(owner, fragments, today, narrow=variant.narrow)


def _stands(one: Shown, today: date, variant: Variant = DEFAULT) -> bool:
    """Return whether an event stands in a variant of a feed."""
    first, last = feed.window(today)
    if not one.body or not first <= one.due <= last:
        return False
    return variant.wants(one.key.partition("/")[0], one.kind, one.frequent)


def spliced(
    body: bytes, before: Mapping[str, Shown], after: Mapping[str, Shown], today: date
) -> bytes | None:
    """Return a feed in its usual form with some events changed in their places.

    None where one comes, goes, or moves to another place.
    """
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        stood, stands = (one is not None and _stands(one, today) for one in (old, new))
        if old == new or not (stood or stands):
            continue
        if old is None or new is None or not (stood and stands) or old.due != new.due:
            return None
        found = body.count(old.body)
        if found != 1:
            return None
        body = body.replace(old.body, new.body)
    return body


def state(events: Iterable[Shown]) -> str:
    """Return a digest of what is shown; another one whenever some variant has other events.

    A sum, so that it is known after a change without looking at all the rest.
    """
    return f"{sum(map(_weight, events)) % _STATES:032x}"


def moved_state(known: str, before: Mapping[str, Shown], after: Mapping[str, Shown]) -> str:
    """Return the digest of what is shown after some of the events became others."""
    moved = sum(map(_weight, after.values())) - sum(map(_weight, before.values()))
    return f"{(int(known, 16) + moved) % _STATES:032x}"


def _weight(one: Shown) -> int:
    known = repr((one.uid, one.sequence, one.hash, str(one.modified_at)))
    return int.from_bytes(hashlib.sha256(known.encode()).digest()[:16], "big")
