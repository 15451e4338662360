"""A lot: the points of one issuer with one expiry, and everything that was posted to it."""

from __future__ import annotations

from flask import Blueprint, abort, render_template

from config.web import listing
from network.ledger import lots as ledger
from network.ledger.figures import granted_by
from network.merchants import queries as merchants
from network.operators.roles import VIEWER
from settlement.console import access, lots

blueprint = Blueprint("lots", __name__)


@blueprint.get("/lots/<public_id>")
@access.access(VIEWER)
def show(public_id: str) -> str:
    """Show a lot as it is now, the entry that granted it, and its postings."""
    key = lots.decode(access.entry_ids(), public_id)
    with access.reading() as session:
        found = ledger.lot(session, member_id=key.member_id, lot_id=key.lot_id)
        if found is None:
            abort(404)
        postings = ledger.lot_postings(
            session,
            member_id=key.member_id,
            lot_id=key.lot_id,
            after=_after(),
            limit=listing.PAGE_ROWS + 1,
        )
        names = {each.merchant_id: each for each in merchants.all_merchants(session)}
    rows = postings[: listing.PAGE_ROWS]
    more = len(postings) > len(rows)
    return render_template(
        "lot.html",
        lot=found,
        public=public_id,
        granting=granted_by(key.lot_id),
        rows=rows,
        names=names,
        first=listing.address(after=None) if listing.argument("after") else None,
        more=listing.address(after=f"{rows[-1].sequence}.{rows[-1].line}") if more else None,
    )


def _after() -> tuple[int, int] | None:
    """Return the posting after which the page goes on; a key that is none begins anew."""
    parts = (listing.argument("after") or "").split(".")
    try:
        sequence, line = (int(part) for part in parts)
    except ValueError:
        return None
    return sequence, line
