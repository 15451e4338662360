"""What a purchase earns at this till, campaigns included, and its posting.

A price that depends on what the member has had before can turn stale between reading and posting,
and a budget can run out in between; the ledger then says so and the purchase is priced again: after
three stale prices under the wallet's lock, where nothing moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway.gateway import Call
from merchant_gateway.posting import Working, today
from network.campaigns import queries as campaigns
from network.campaigns.grants import Prices, grants_of, left_out, network_price, takings_of
from network.clearing.parties import NETWORK_PARTY
from network.ledger import operations
from network.ledger.calling import savepoint
from network.ledger.errors import CampaignExhausted, CampaignPaused, IssuerSuspended, Stale
from network.ledger.operations_campaigns import lock_wallet
from network.ledger.values import Event, Evidence, Posted
from network.programme.campaign_pricing import price_with_campaigns
from network.programme.campaigns import CampaignQuote, Reason, Standing
from network.programme.explain import explanation_json
from network.programme.rules import Line, Purchase

STALE_PRICES = 3
"""So often a purchase is priced without the wallet's lock before it is priced under it."""


def price(
    call: Call,
    data: dict[str, Any],
    *,
    now: datetime,
    standing: Standing | None = None,
    gone: Mapping[UUID, Reason] | None = None,
) -> CampaignQuote:
    """Return what a basket earns: by the terms of the day it was bought, posted today."""
    day = today(now)
    bought = min(today(data["occurred_at"]), day)
    return price_with_campaigns(
        purchase=Purchase(
            amount=data["amount"], lines=tuple(Line(**line) for line in data.get("lines", ()))
        ),
        terms=call.gateway.terms.earning(merchant_id=call.merchant_id, day=bought),
        day=day,
        channel=data.get("channel", "in_store"),
        campaigns=call.gateway.terms.campaigns(merchant_id=call.merchant_id, day=bought),
        standing=standing,
        gone=gone,
    )


def standing_of(
    work: Working, call: Call, data: dict[str, Any], *, now: datetime, member_id: UUID
) -> Standing | None:
    """Return a member's tier and history where a campaign of this purchase asks for them."""
    bought = min(today(data["occurred_at"]), today(now))
    running = call.gateway.terms.campaigns(merchant_id=call.merchant_id, day=bought)
    if not any(each.tiers or each.capped for each in running):
        return None
    return campaigns.standing(work.connection, member_id=member_id)


@dataclass(slots=True, kw_only=True)
class Earning:
    """A purchase on its way into the ledger; ``quote`` is its price, at last the one posted."""

    call: Call
    data: dict[str, Any]
    now: datetime
    member_id: UUID
    event: Event
    evidence: Evidence
    quote: CampaignQuote
    gone: dict[UUID, Reason] = field(default_factory=dict)

    def post(self, work: Working) -> Posted:
        """Price and post until the ledger takes the price; raises the ledger's refusals."""
        for _ in range(STALE_PRICES):
            try:
                return self._while_budgets_last(work)
            except Stale:
                continue
        if isinstance(work.connection, Session):
            lock_wallet(work.connection, member_id=self.member_id)
            return self._while_budgets_last(work)
        with self.call.gateway.services.database.unit_of_work() as locked:
            lock_wallet(locked, member_id=self.member_id)
            return self._while_budgets_last(work.within(locked))

    def _while_budgets_last(self, work: Working) -> Posted:
        """Price again without each campaign that turns out to give nothing any more."""
        while True:
            try:
                with savepoint(work.connection):
                    return self._once(work)
            except (CampaignExhausted, CampaignPaused, IssuerSuspended) as error:
                self.gone |= left_out(error, quote=self.quote, merchant_id=self.call.merchant_id)

    def _once(self, work: Working) -> Posted:
        call, data, now = self.call, self.data, self.now
        standing = standing_of(work, call, data, now=now, member_id=self.member_id)
        if standing is not None or self.gone:
            self.quote = price(call, data, now=now, standing=standing, gone=self.gone)
        return operations.earn(
            work.connection,
            now=now,
            claim=call.claim(),
            member_id=self.member_id,
            event=self.event,
            grants=grants_of(self.quote, merchant_id=call.merchant_id, prices=self._prices),
            explanation=explanation_json(self.quote.explanation),
            evidence=self.evidence,
            takings=takings_of(self.quote),
            follow=True,
        )

    def _prices(self, party: UUID) -> Prices:
        terms, day = self.call.gateway.terms, today(self.now)
        if party == NETWORK_PARTY:
            return Prices(terms_id=party, price=network_price(terms.face_value(day=day)))
        agreement = terms.agreement(merchant_id=party, day=day)
        return Prices(terms_id=agreement.agreement_id, price=agreement.issue_price)
