"""What a worker of batches holds for as long as it lives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from merchant_gateway.network_keys import NetworkKeys
from merchant_gateway.terms import Terms
from merchant_gateway.tokens import MemberTokens
from network.batches.queries import BatchView
from network.campaigns.grants import Prices, grants_of, network_price
from network.clearing.parties import NETWORK_PARTY
from network.clock import local_date
from network.database.installation import ProgrammeClock
from network.ledger.values import AlikeGrants, Event, GrantKind, MixedGrants
from network.programme.campaign_pricing import decided_by_purchase, price_with_campaigns
from network.programme.campaigns import Campaign, Standing
from network.programme.explain import explanation_json
from network.programme.plain_campaigns import PlainCampaignQuote, PlainCampaigns
from network.programme.plain_pricing import PlainPricing
from network.programme.rules import EarningTerms, Line, Purchase
from network.services import Services
from network.settings import PROGRAMME_ZONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Services, clock, terms and tokens, as in a process of the gateway."""

    services: Services
    clock: ProgrammeClock
    terms: Terms
    tokens: MemberTokens


@lru_cache(maxsize=4)
def bench_of(services: Services) -> Bench:
    """Return the bench of a process, built once; a worker of sandboxes has one for each."""
    keys = NetworkKeys(database=services.database, vault=services.vault)
    return Bench(
        services=services,
        clock=ProgrammeClock(services.database),
        terms=Terms(services),
        tokens=MemberTokens(vault=services.vault, issuer=services.settings.gateway_url, keys=keys),
    )


def event_of(bench: Bench, batch: BatchView, data: dict[str, Any]) -> Event:
    """Return the event that a line reports, whose time was checked when it was read.

    Raises InvalidRequestError for an unknown store or till.
    """
    terms, merchant_id = bench.terms, batch.merchant_id
    store_id = terms.store(merchant_id=merchant_id, code=data.get("store"))
    terms.check_terminal(store_id=store_id, code=data.get("terminal"))
    return Event(
        merchant_id=merchant_id,
        merchant_ref=data["merchant_ref"],
        effective_at=data["occurred_at"],
        store_id=store_id,
        terminal=data.get("terminal"),
        receipt=data.get("receipt"),
        channel=data.get("channel", "in_store"),
        amount=data.get("amount"),
        base=data.get("amount"),
        currency=data.get("currency"),
    )


class Pricing:
    """Prices the purchases of a chunk: what is the same for many of them is looked up once."""

    def __init__(self, bench: Bench, *, merchant_id: UUID, now: datetime) -> None:
        self._terms = bench.terms
        self._merchant_id = merchant_id
        self._now = now
        self._day = local_date(now, zone=PROGRAMME_ZONE)
        self._days: dict[date, _Day] = {}
        self._kinds: dict[tuple[date, date], GrantKind] = {}
        self._added: dict[tuple[UUID, UUID, tuple[date, date]], GrantKind] = {}

    def price(self, data: dict[str, Any]) -> tuple[AlikeGrants, list[dict[str, Any]] | str] | None:
        """Return the grants and the explanation of a purchase, as the single call comes to them.

        By the terms of the day it was made, posted on the day of ``now``. ``None`` where a campaign
        gives something, or may by who buys: such a purchase goes by itself. Raises what
        ``price_purchase`` raises, NoEarningTermsError and NoAgreementError.
        """
        day = self._day_of(bought_on(data, now=self._now))
        if not day.campaigns:
            plain = day.plain.price(amount=data["amount"], lines=data.get("lines", ()))
            if plain is not None:
                kind = self._kind(day.plain.active_from, day.plain.expires_on)
                return AlikeGrants(kind, plain.points, plain.bases), plain.explanation
        quote = price_with_campaigns(
            purchase=purchase_of(data),
            terms=day.own,
            day=self._day,
            channel=data["channel"],
            campaigns=day.campaigns,
            standing=None,
        )
        if not decided_by_purchase(quote):
            return None
        lines = quote.own.lines
        grants = AlikeGrants(
            self._kind(quote.own.active_from, quote.own.expires_on),
            [line.points for line in lines],
            [line.amount for line in lines],
        )
        return grants, explanation_json(quote.explanation)

    def price_for(
        self, data: dict[str, Any], standing: Standing
    ) -> tuple[MixedGrants, list[dict[str, Any]] | str, int | None]:
        """Return the grants and the explanation of a purchase with what campaigns add to it.

        The number is the wallet's sequence where the price depends on the history in ``standing``.
        Raises what ``price`` raises.
        """
        day = self._day_of(bought_on(data, now=self._now))
        quote = day.added.price(
            amount=data["amount"],
            lines=data.get("lines", ()),
            channel=data["channel"],
            standing=standing,
        )
        if quote is not None:
            expected = standing.sequence if quote.historic else None
            return self._granted(day, quote), quote.explanation, expected
        asked = price_with_campaigns(
            purchase=purchase_of(data),
            terms=day.own,
            day=self._day,
            channel=data["channel"],
            campaigns=day.campaigns,
            standing=standing,
        )
        grants = grants_of(asked, merchant_id=self._merchant_id, prices=self._prices)
        return MixedGrants.of(grants), explanation_json(asked.explanation), asked.sequence

    def _granted(self, day: _Day, quote: PlainCampaignQuote) -> MixedGrants:
        """Return what ``grants_of`` would, of a plain purchase."""
        kinds: list[GrantKind] = []
        parts: list[tuple[int, int, int, int]] = []
        dates = (day.plain.active_from, day.plain.expires_on)
        own = int(any(quote.points))
        if own:
            kinds.append(self._kind(*dates))
        for line, (base, points) in enumerate(zip(quote.bases, quote.points, strict=True)):
            parts.append((line, base, points, own if points else 0))
        for award in quote.awards:
            for party, shares in award.shares:
                if any(shares):
                    kinds.append(self._kind_of(party, award.campaign.campaign_id, dates))
                    place = len(kinds)
                    parts += [
                        (line, quote.bases[line], points, place)
                        for line, points in enumerate(shares)
                        if points
                    ]
        return MixedGrants(kinds, parts)

    def _kind_of(self, party: UUID, campaign_id: UUID, dates: tuple[date, date]) -> GrantKind:
        found = self._added.get((party, campaign_id, dates))
        if found is None:
            priced = self._prices(party)
            found = GrantKind(
                issuer_id=party,
                terms_id=campaign_id if party == NETWORK_PARTY else priced.terms_id,
                price=priced.price,
                active_from=dates[0],
                expires_on=dates[1],
                campaign_id=campaign_id,
            )
            self._added[party, campaign_id, dates] = found
        return found

    def _prices(self, party: UUID) -> Prices:
        return prices(self._terms, self._now, party)

    def _day_of(self, bought: date) -> _Day:
        found = self._days.get(bought)
        if found is None:
            own = self._terms.earning(merchant_id=self._merchant_id, day=bought)
            plain = PlainPricing(terms=own, day=self._day)
            running = self._terms.campaigns(merchant_id=self._merchant_id, day=bought)
            found = _Day(
                own=own,
                plain=plain,
                campaigns=running,
                added=PlainCampaigns(plain=plain, campaigns=running),
            )
            self._days[bought] = found
        return found

    def _kind(self, active_from: date, expires_on: date) -> GrantKind:
        found = self._kinds.get((active_from, expires_on))
        if found is None:
            agreement = self._terms.agreement(merchant_id=self._merchant_id, day=self._day)
            found = GrantKind(
                issuer_id=self._merchant_id,
                terms_id=agreement.agreement_id,
                price=agreement.issue_price,
                active_from=active_from,
                expires_on=expires_on,
            )
            self._kinds[active_from, expires_on] = found
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """By what purchases of a day are priced."""

    own: EarningTerms
    plain: PlainPricing
    campaigns: tuple[Campaign, ...]
    added: PlainCampaigns


def prices(terms: Terms, now: datetime, party: UUID) -> Prices:
    """Return by which terms a party pays for points that are given at ``now``."""
    day = local_date(now, zone=PROGRAMME_ZONE)
    if party == NETWORK_PARTY:
        return Prices(terms_id=party, price=network_price(terms.face_value(day=day)))
    agreement = terms.agreement(merchant_id=party, day=day)
    return Prices(terms_id=agreement.agreement_id, price=agreement.issue_price)


def purchase_of(data: dict[str, Any]) -> Purchase:
    """Return the basket of a line."""
    return Purchase(
        amount=data["amount"], lines=tuple(Line(**line) for line in data.get("lines", ()))
    )


def bought_on(data: dict[str, Any], *, now: datetime) -> date:
    """Return the day by whose terms a purchase earns."""
    return local_date(min(data["occurred_at"], now), zone=PROGRAMME_ZONE)
