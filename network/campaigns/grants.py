"""From a priced purchase to what the ledger posts: grants and takings, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from network.clearing.parties import NETWORK_PARTY
from network.ledger.errors import CampaignExhausted, CampaignPaused, IssuerSuspended
from network.ledger.values import Grant, Takings
from network.points import round_half_even
from network.programme.campaigns import CampaignQuote, Reason, split

_PLACES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """By which terms a party pays for its points, and how much for one, in minor units."""

    terms_id: UUID
    price: Decimal


def network_price(face_value: Fraction) -> Decimal:
    """Return what the network's own points stand at: the face value, to ten places."""
    return Decimal(round_half_even(face_value * 10**_PLACES)).scaleb(-_PLACES)


def grants_of(
    quote: CampaignQuote, *, merchant_id: UUID, prices: Callable[[UUID], Prices]
) -> list[Grant]:
    """Return what a purchase at ``merchant_id`` grants.

    The shop has a grant per line, of no points too: a refund by lines counts against its line. The
    terms of the network's points are the campaign that it approved. ``prices`` is asked for a party
    once; for the network only ``price`` counts.
    """
    own = prices(merchant_id)
    dates = (quote.own.active_from, quote.own.expires_on)
    grants = [
        _grant(merchant_id, own, line.points, line.amount, line.line, dates)
        for line in quote.own.lines
    ]
    known: dict[UUID, Prices] = {merchant_id: own}
    for award in quote.awards:
        campaign_id = award.campaign.campaign_id
        for part in split(award):
            party = part.party_id
            if party not in known:
                known[party] = prices(party)
            found = known[party]
            if party == NETWORK_PARTY:
                found = Prices(terms_id=campaign_id, price=found.price)
            grants += [
                _grant(party, found, points, line.amount, line.line, dates, campaign_id)
                for line, points in zip(quote.own.lines, part.lines, strict=True)
                if points
            ]
    return grants


def takings_of(quote: CampaignQuote) -> Takings | None:
    """Return what a purchase takes out of budgets, None where it takes nothing."""
    if not quote.awards:
        return None
    campaigns = {award.campaign.campaign_id: award.points for award in quote.awards}
    return Takings(sequence=quote.sequence, campaigns=campaigns)


def left_out(
    error: CampaignExhausted | CampaignPaused | IssuerSuspended,
    *,
    quote: CampaignQuote,
    merchant_id: UUID,
) -> dict[UUID, Reason]:
    """Return which campaigns of ``quote`` the ledger's refusal ends, and why; price without them.

    Where a funder's points are suspended, its campaigns rest. Raises the refusal again where it is
    about the points of ``merchant_id`` itself.
    """
    if isinstance(error, CampaignExhausted):
        return {UUID(str(error.facts["campaign_id"])): "exhausted"}
    if isinstance(error, CampaignPaused):
        return {UUID(str(error.facts["campaign_id"])): "paused"}
    issuer = UUID(str(error.facts["issuer_id"]))
    resting = {
        award.campaign.campaign_id
        for award in quote.awards
        if any(funder.party_id == issuer for funder in award.campaign.funders)
    }
    if issuer == merchant_id or not resting:
        raise error
    return dict.fromkeys(resting, "paused")


def _grant(
    party: UUID,
    prices: Prices,
    points: int,
    base: int,
    line: int,
    dates: tuple[date, date],
    campaign_id: UUID | None = None,
) -> Grant:
    active_from, expires_on = dates
    return Grant(
        issuer_id=party,
        terms_id=prices.terms_id,
        price=prices.price,
        points=points,
        base=base,
        active_from=active_from,
        expires_on=expires_on,
        line=line,
        campaign_id=campaign_id,
    )
