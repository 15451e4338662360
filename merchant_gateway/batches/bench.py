"""What a worker of batches holds for as long as it lives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from merchant_gateway.gateway import Terms
from merchant_gateway.network_keys import NetworkKeys
from merchant_gateway.schemas.load import check_time
from merchant_gateway.tokens import MemberTokens
from network.batches.queries import BatchView
from network.clock import local_date
from network.database.installation import ProgrammeClock
from network.ledger.values import Event, Grant
from network.programme.explain import explanation_json
from network.programme.rules import Line, Purchase, Quote, price_purchase
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
    """Return the event that a line reports.

    Raises InvalidRequestError for a time out of bounds, and for an unknown store or till.
    """
    check_time(data["occurred_at"], now=batch.programme_at)
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


def price(
    bench: Bench, *, merchant_id: UUID, data: dict[str, Any], now: datetime
) -> tuple[list[Grant], list[dict[str, Any]]]:
    """Return the grants and the explanation of a purchase, as the single call comes to them.

    By the terms of the day it was made, posted on the day of ``now``. Raises what
    ``price_purchase`` raises, NoEarningTermsError and NoAgreementError.
    """
    day = local_date(now, zone=PROGRAMME_ZONE)
    quote = price_purchase(
        purchase=purchase_of(data),
        terms=bench.terms.earning(merchant_id=merchant_id, day=bought_on(data, now=now)),
        day=day,
    )
    return _grants(bench, quote, merchant_id=merchant_id, day=day), explanation_json(
        quote.explanation
    )


def purchase_of(data: dict[str, Any]) -> Purchase:
    """Return the basket of a line."""
    return Purchase(
        amount=data["amount"], lines=tuple(Line(**line) for line in data.get("lines", ()))
    )


def bought_on(data: dict[str, Any], *, now: datetime) -> date:
    """Return the day by whose terms a purchase earns."""
    return local_date(min(data["occurred_at"], now), zone=PROGRAMME_ZONE)


def _grants(bench: Bench, quote: Quote, *, merchant_id: UUID, day: date) -> list[Grant]:
    agreement = bench.terms.agreement(merchant_id=merchant_id, day=day)
    return [
        Grant(
            issuer_id=merchant_id,
            terms_id=agreement.agreement_id,
            price=agreement.issue_price,
            points=line.points,
            base=line.amount,
            active_from=quote.active_from,
            expires_on=quote.expires_on,
            line=line.line,
        )
        for line in quote.lines
    ]
