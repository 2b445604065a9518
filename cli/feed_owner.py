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


def owner(world: World, args: argparse.Namespace, document: str | None) -> str:
    """Return the owner that the flags mean, by the applied rosters; raises Failure."""
    from cli.failure import Failure
    from notifications import feed_scopes
    from scheduler.refusals import Refused

    try:
        return feed_scopes.asked(
            world,
            args.institution or "",
            region=args.region,
            document=document or "",
            supporter=args.supporter or "",
            recipient=args.recipient or "",
        )
    except Refused as refused:
        raise Failure(refused.message, refused.hint) from None
