"""Whose feed it is, as one word: an institution's id, a region, a pairing, or a whole document.

``region:<authority>`` is what concerns every institution below an authority in the line of
authority of the applied rosters, and itself; ``pairing:<document>/<pairing>`` what two hospitals
owe about their pairing; ``document:<document>`` everything that a document demands.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping

from config.roster import Institution
from notifications.feed import Owner
from scheduler.occurrences import Occurrence
from scheduler.refusals import Refused
from scheduler.world import World

REGION, PAIRING, DOCUMENT = "region:", "pairing:", "document:"
WORDS = {"": "单位", "region": "辖区", "pairing": "一对结对", "document": "整份文件"}


def owner(text: str, world: World) -> Owner:
    """Return an owner with the name that its feed bears, by the applied documents and rosters."""
    kind, _, rest = text.rpartition(":")
    if kind == "region":
        found = institution(rest, world)
        area = (found.county or found.city or found.name) if found else rest
        return Owner(text, f"{area}（辖区）")
    if kind == "pairing":
        pair = sides(text, world)
        known_here = world.rosters[rest.partition("/")[0]].institutions if pair else {}
        names = [known_here[one].name for one in pair]
        return Owner(text, "—".join(names) or rest)
    if kind == "document":
        known = world.documents.get(rest)
        return Owner(text, (known.number or known.title) if known else rest)
    return Owner(text, _name(text, world))


def institution(number: str, world: World) -> Institution | None:
    """Return an institution of the applied rosters, or None."""
    rosters = world.rosters.values()
    return next((r.institutions[number] for r in rosters if number in r.institutions), None)


def _name(number: str, world: World) -> str:
    found = institution(number, world)
    return found.name if found else number


def members(authority: str, world: World) -> frozenset[str]:
    """Return the ids of an authority and of all below it in any applied roster."""
    below = {
        one
        for roster in world.rosters.values()
        for one in roster.institutions
        if authority in roster.above(one)
    }
    return frozenset(below | {authority})


def sides(text: str, world: World) -> tuple[str, ...]:
    """Return supporter and recipient of a pairing's owner, nothing where it is not applied."""
    name, _, number = text.removeprefix(PAIRING).partition("/")
    roster = world.rosters.get(name)
    found = (one for one in (roster.pairings if roster else ()) if one.id == number)
    return next(((one.supporter, one.recipient) for one in found), ())


def about(one: Occurrence, pair: tuple[str, ...], number: str) -> bool:
    """Return whether an occurrence is the pairing's: its subject, or owed by a side about it."""
    if one.key.split("/")[2] == number:
        return True
    owing = {one.responsible.id, *(party.id for party in one.assisting)}
    return bool(owing.intersection(pair)) and any(
        (supporter.id, recipient.id) == pair for supporter, recipient in one.pairings
    )


def belongs(text: str, world: World) -> Callable[[Occurrence, Container[str]], bool]:
    """Return what tells whether an occurrence, touching some institutions, is the owner's."""
    kind, _, rest = text.rpartition(":")
    if kind == "document":
        return lambda one, _touched: one.document == rest
    if kind == "pairing":
        name, _, number = rest.partition("/")
        pair = sides(text, world)
        return lambda one, _touched: one.document == name and about(one, pair, number)
    ids = members(rest, world) if kind == "region" else {text}
    return lambda _one, touched: any(institution in touched for institution in ids)


def asked(
    world: World,
    institution: str = "",
    *,
    region: bool = False,
    document: str = "",
    supporter: str = "",
    recipient: str = "",
) -> str:
    """Return the owner that somebody asks for, by names, aliases or ids; raises Refused.

    Either an institution, or ``region``: with all below it; or a document, or a pairing of one.
    """
    if not institution:
        return _of_document(world, document, supporter, recipient)
    if document or supporter or recipient:
        raise Refused("单位的日历里各份文件都有，不能再选文件和结对", "只写单位，或只写文件")
    found = next((i for r in world.rosters.values() if (i := r.find(institution))), None)
    if found is None:
        raise Refused(f"已应用的名册里没有“{institution}”", "核对名称，或用机构编号")
    if region and len(members(found.id, world)) == 1:
        raise Refused(f"名册里没有归“{found.name}”管的单位", "不选辖区，就是它自己的日历")
    return REGION + found.id if region else found.id


def _of_document(world: World, name: str, supporter: str, recipient: str) -> str:
    if not name:
        raise Refused("没有写明是谁的日历", "写上单位；或选一份文件，一对结对再写上支援和受援医院")
    if name not in world.documents:
        raise Refused(f"没有应用过文件“{name}”", "文件编号见 duban documents")
    if not supporter and not recipient:
        return DOCUMENT + name
    roster = world.rosters[name]
    one, other = roster.find(supporter), roster.find(recipient)
    for pair in roster.pairings:
        if one and other and (pair.supporter, pair.recipient) == (one.id, other.id):
            return f"{PAIRING}{name}/{pair.id}"
    raise Refused(
        f"{name} 里没有“{supporter}”支援“{recipient}”的结对", "两家医院都要写，照名册里的名称"
    )


def concerned(
    owners: Iterable[str], touched: Mapping[str, Iterable[str]], world: World
) -> set[str]:
    """Return the owners whose feed may show one of the keys; ``touched``: the institutions of each."""
    institutions = {one for several in touched.values() for one in several}
    documents: dict[str, list[set[str]]] = {}
    for key, several in touched.items():
        documents.setdefault(key.partition("/")[0], []).append(set(several))
    rosters = {name: world.rosters[name] for name in documents if name in world.rosters}
    pairs = {
        f"{PAIRING}{name}/{one.id}": {one.supporter, one.recipient}
        for name, roster in rosters.items()
        for one in roster.pairings
    }
    found: set[str] = set()
    for text in owners:
        kind, _, rest = text.rpartition(":")
        hit = text in institutions
        if kind == "region":
            hit = not institutions.isdisjoint(members(rest, world))
        elif kind == "pairing":  # what is about both of its sides; of whom nobody knows: perhaps
            both, keys = pairs.get(text, set()), documents.get(rest.partition("/")[0], [])
            hit = any(not one or both <= one for one in keys)
        elif kind == "document":
            hit = rest in documents
        if hit:
            found.add(text)
    return found
