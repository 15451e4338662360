"""Home: what the member has, what it is worth, what expires next, what happened last."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from uuid import UUID

from flask import Blueprint, render_template

from network.clock import local_date
from network.ledger import queries as ledger
from network.ledger.suspending import suspended_issuers
from network.ledger.views import LotView
from network.notices import queries as notices
from network.points import worth
from network.pools import queries as pools
from network.programme import queries as programme
from network.settings import PROGRAMME_ZONE
from network.spend_requests import queries as spend_requests
from wallet import access
from wallet.listing import directory, listed, next_to_expire, next_to_open, people_of
from wallet.movements import Directory
from wallet.own import place, wallet_of

blueprint = Blueprint("home", __name__)
LAST_MOVEMENTS = 6
SOON = timedelta(days=30)


@blueprint.get("/")
def show() -> str:
    """Show the home page."""
    today = local_date(access.now(), zone=PROGRAMME_ZONE)
    member_id = access.member().member_id
    with access.reading() as session:
        where = place(session)
        wallet = wallet_of(session, where)
        lots = ledger.lots(session, member_id=where.wallet_id)
        face_value = programme.face_value_on(session, day=today)
        entries = ledger.entries(
            session, member_id=where.wallet_id, first=where.first, limit=LAST_MOVEMENTS
        )
        people = people_of(session, where)
        invited = where.stay is None and pools.invited(
            session, access.services().vault, phone=access.member().phone, wall=access.wall()
        )
        suspended = suspended_issuers(session)
        names = directory(
            session, entries, issuers={each.issuer_id for each in lots} & {*suspended}
        )
        asked = spend_requests.waiting_for(session, member_id=member_id, wall=access.wall())
        unread = notices.unread(session, member_id=member_id)
    points = wallet.available - wallet.suspended if wallet else 0
    expiring = next_to_expire((t for t in lots if t.issuer_id not in suspended), today=today)
    return render_template(
        "home.html",
        wallet=wallet,
        asked=len(asked),
        unread=unread,
        points=points,
        worth=worth(points=points, face_value=face_value),
        expiring=expiring,
        expires_soon=expiring is not None and expiring[0] - today <= SOON,
        waiting=next_to_open(lots, today=today),
        suspended_by=_suspended_by(lots, {*suspended}, names),
        movements=listed(entries, directory=names, people=people),
        shared=where.stay is not None,
        invited=invited,
    )


def _suspended_by(
    lots: Iterable[LotView], suspended: Collection[UUID], names: Directory
) -> list[str]:
    """Return the names of the issuers whose points can't be spent."""
    issuers = {lot.issuer_id for lot in lots if lot.issuer_id in suspended}
    return sorted({names.merchant_name(each) for each in issuers})
