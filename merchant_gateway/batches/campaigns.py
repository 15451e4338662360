"""A purchase by itself: priced under the wallet's lock where campaigns run, so never stale."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway.batches.bench import Bench, bought_on, prices, purchase_of
from network.campaigns.grants import grants_of, left_out, takings_of
from network.campaigns.queries import standing
from network.clock import local_date
from network.ledger import operations
from network.ledger.errors import CampaignExhausted, CampaignPaused, IssuerSuspended
from network.ledger.operations_campaigns import lock_wallet
from network.ledger.values import Posted
from network.programme.campaign_pricing import price_with_campaigns
from network.programme.campaigns import CampaignQuote, Reason
from network.programme.explain import explanation_json
from network.settings import PROGRAMME_ZONE


def earn_with_campaigns(
    session: Session, bench: Bench, data: dict[str, Any], common: dict[str, Any]
) -> Posted:
    """Price and post a purchase in the caller's transaction.

    A campaign that turns out to give nothing any more is left out, and the purchase priced again.
    ``common`` has the arguments that every operation takes. Raises the ledger's refusals.
    """
    merchant_id: UUID = common["event"].merchant_id
    now: datetime = common["now"]
    bought = bought_on(data, now=now)
    running = bench.terms.campaigns(merchant_id=merchant_id, day=bought)
    known = None
    if running:
        lock_wallet(session, member_id=common["member_id"])
        known = standing(session, member_id=common["member_id"])
    gone: dict[UUID, Reason] = {}
    while True:
        quote = price_with_campaigns(
            purchase=purchase_of(data),
            terms=bench.terms.earning(merchant_id=merchant_id, day=bought),
            day=local_date(now, zone=PROGRAMME_ZONE),
            channel=data["channel"],
            campaigns=running,
            standing=known,
            gone=gone,
        )
        try:
            with session.begin_nested():
                return _post(session, bench, quote, merchant_id=merchant_id, common=common)
        except (CampaignExhausted, CampaignPaused, IssuerSuspended) as error:
            gone |= left_out(error, quote=quote, merchant_id=merchant_id)


def _post(
    session: Session,
    bench: Bench,
    quote: CampaignQuote,
    *,
    merchant_id: UUID,
    common: dict[str, Any],
) -> Posted:
    return operations.earn(
        session,
        grants=grants_of(
            quote, merchant_id=merchant_id, prices=partial(prices, bench.terms, common["now"])
        ),
        explanation=explanation_json(quote.explanation),
        takings=takings_of(quote),
        follow=True,
        **common,
    )
