"""Whose feed a verb speaks of: an institution, a region, a pairing or a document."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scheduler.world import World


def sides(parser: argparse.ArgumentParser) -> None:
    """Add what names a scope beside an institution."""
    parser.add_argument("--region", action="store_true", help="INSTITUTION 和它下面所有单位的")
    parser.add_argument("--supporter", metavar="N", help="一对结对的支援医院；与 --document 同用")
    parser.add_argument("--recipient", metavar="N", help="一对结对的受援医院；与 --document 同用")


def owner(
    world: World,
    institution: str | None,
    *,
    region: bool = False,
    document: str | None = None,
    supporter: str | None = None,
    recipient: str | None = None,
) -> str:
    """Return the owner that the flags mean, by the applied rosters; raises Failure."""
    from cli.failure import Failure
    from notifications import feed_scopes

    if institution:
        if supporter or recipient:
            raise Failure(
                "单位和 --supporter、--recipient 只能选一样", "一对结对要用 --document 指明文件"
            )
        rosters = world.rosters.values()
        found = next((i for r in rosters if (i := r.find(institution))), None)
        if found is None:
            raise Failure(f"已应用的名册里没有“{institution}”", "核对名称，或用机构编号")
        if region and len(feed_scopes.members(found.id, world)) == 1:
            raise Failure(f"名册里没有归“{found.name}”管的单位", "不用 --region，就是它自己的日历")
        return feed_scopes.region(found.id) if region else found.id
    if region or not document:
        raise Failure(
            "没有写明是谁的日历",
            "写上单位；或用 --document ID，一对结对再加 --supporter 和 --recipient",
        )
    if document not in world.documents:
        raise Failure(f"没有应用过文件“{document}”", "文件编号见 duban documents")
    if not supporter and not recipient:
        return feed_scopes.document(document)
    if not (supporter and recipient):
        raise Failure("--supporter 和 --recipient 要同用", "写明结对的两家医院")
    pairs = feed_scopes.pairings_of(document, supporter, recipient, world)
    if not pairs:
        raise Failure(
            f"{document} 里没有“{supporter}”支援“{recipient}”的结对", "结对见名册的 pairings.csv"
        )
    return feed_scopes.pairing(document, pairs[0].id)
