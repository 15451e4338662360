"""What a purchase earns at this till, campaigns included, and its posting.

A price that depends on what the member has had before can turn stale between reading and posting,
and a budget can run out in between; the ledger then says so and the purchase is priced again: after
three stale prices under the wallet's lock, where nothing moves. Where no campaign runs, none of
that can happen: such a purchase is priced and explained at once, as those of batches are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway.explaining import explained, spoken
from merchant_gateway.gateway import Call
from merchant_gateway.posting import Working, today
from network.campaigns import queries as campaigns
from network.campaigns.grants import Prices, grants_of, left_out, network_price, takings_of
from network.clearing.parties import NETWORK_PARTY
from network.lean import lean
from network.ledger import operations
from network.ledger.arguments import LARGEST_GRANT
from network.ledger.calling import savepoint
from network.ledger.errors import CampaignExhausted, CampaignPaused, IssuerSuspended, Stale
from network.ledger.operations_campaigns import lock_wallet
from network.ledger.values import AlikeGrants, Event, Evidence, Grant, Posted, Takings
from network.programme.campaign_pricing import price_with_campaigns
from network.programme.campaigns import CampaignQuote, Reason, Standing
from network.programme.explain import explanation_json
from network.programme.rules import Line, Purchase, price_purchase

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
        purchase=_purchase_of(data),
        terms=call.gateway.terms.earning(merchant_id=call.merchant_id, day=bought),
        day=day,
        channel=data.get("channel", "in_store"),
        campaigns=call.gateway.terms.campaigns(merchant_id=call.merchant_id, day=bought),
        standing=standing,
        gone=gone,
    )


def check_price(call: Call, data: dict[str, Any], *, now: datetime) -> None:
    """Refuse what cannot be priced: campaigns, which may ask who buys, only ever add to a price."""
    day = today(now)
    bought = min(today(data["occurred_at"]), day)
    terms = call.gateway.terms.earning(merchant_id=call.merchant_id, day=bought)
    price_purchase(purchase=_purchase_of(data), terms=terms, day=day)


def _purchase_of(data: dict[str, Any]) -> Purchase:
    lines = tuple(Line(**line) for line in data.get("lines", ()))
    return Purchase(amount=data["amount"], lines=lines)


@lean
@dataclass(frozen=True, slots=True)
class PlainQuote:
    """What is granted for a purchase that no campaign touches, and each step of why, as JSON."""

    grants: AlikeGrants
    steps: list[str]


def price_plainly(call: Call, data: dict[str, Any], *, now: datetime) -> PlainQuote | None:
    """Return what ``price`` would say, ``None`` where a campaign runs or ``price`` may refuse."""
    day, terms = today(now), call.gateway.terms
    bought = min(today(data["occurred_at"]), day)
    if terms.campaigns(merchant_id=call.merchant_id, day=bought):
        return None
    plain = terms.plain(merchant_id=call.merchant_id, bought=bought, day=day)
    found = plain.pricing.price(amount=data["amount"], lines=data.get("lines", ()))
    if found is None or max(found.points) > LARGEST_GRANT:
        return None
    return PlainQuote(AlikeGrants(plain.kind, found.points, found.bases), found.steps)


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
class _Purchase:
    """A purchase on its way into the ledger."""

    call: Call
    data: dict[str, Any]
    now: datetime
    member_id: UUID
    event: Event
    evidence: Evidence

    def _earn(
        self,
        work: Working,
        *,
        grants: Sequence[Grant] | AlikeGrants,
        explanation: list[dict[str, Any]] | str,
        takings: Takings | None = None,
    ) -> Posted:
        return operations.earn(
            work.connection,
            now=self.now,
            claim=self.call.claim(),
            member_id=self.member_id,
            event=self.event,
            grants=grants,
            explanation=explanation,
            evidence=self.evidence,
            takings=takings,
            follow=True,
        )


@dataclass(slots=True, kw_only=True)
class PlainEarning(_Purchase):
    """A purchase that no campaign touches: its price stands."""

    quote: PlainQuote

    def post(self, work: Working) -> Posted:
        """Post it; raises the ledger's refusals."""
        explanation = f"[{','.join(self.quote.steps)}]"
        return self._earn(work, grants=self.quote.grants, explanation=explanation)

    def explained(self) -> list[dict[str, Any]]:
        """Return the explanation of what was posted, with its words."""
        return spoken(self.quote.steps)


@dataclass(slots=True, kw_only=True)
class Earning(_Purchase):
    """A purchase where campaigns run; ``quote`` is its price, at last the one posted."""

    quote: CampaignQuote = field(init=False)
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
        self.quote = price(call, data, now=now, standing=standing, gone=self.gone)
        return self._earn(
            work,
            grants=grants_of(self.quote, merchant_id=call.merchant_id, prices=self._prices),
            explanation=explanation_json(self.quote.explanation),
            takings=takings_of(self.quote),
        )

    def explained(self) -> list[dict[str, Any]]:
        """Return the explanation of what was posted, with its words."""
        return explained(explanation_json(self.quote.explanation))

    def _prices(self, party: UUID) -> Prices:
        terms, day = self.call.gateway.terms, today(self.now)
        if party == NETWORK_PARTY:
            return Prices(terms_id=party, price=network_price(terms.face_value(day=day)))
        agreement = terms.agreement(merchant_id=party, day=day)
        return Prices(terms_id=agreement.agreement_id, price=agreement.issue_price)


def earning_of(quote: PlainQuote | None, **purchase: Any) -> PlainEarning | Earning:
    """Return a purchase ready to be posted, without ``quote`` to be priced then."""
    return Earning(**purchase) if quote is None else PlainEarning(quote=quote, **purchase)
