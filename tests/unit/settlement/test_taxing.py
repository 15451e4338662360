"""Why VAT falls on a margin or not: the same as the night reckons, said in words."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from network.clearing.facts import Agreement, FaceValue
from network.language import use_locale
from settlement.console.taxing import OWN, margin_tax, sentence
from settlement.pricing import PriceBook, taxes

DAY = date(2026, 3, 22)
VALUES = [FaceValue(effective_from=DAY, numerator=1000, denominator=1, currency="IRR")]


def agreement(number: int, **said: object) -> Agreement:
    return Agreement(
        **{
            "agreement_id": UUID(int=number),
            "merchant_id": UUID(int=number),
            "effective_from": DAY,
            "issue_price": Decimal(1000),
            "acceptance_fee": Decimal("0.02"),
            "currency": "IRR",
            **said,  # type: ignore[arg-type]
        }
    )


@pytest.mark.parametrize(
    ("price", "rate", "accepting", "why", "words"),
    [
        (1010, "0.1", "0", "whole", "10% on the whole margin of 30 rials a point"),
        (1010, "0.1", "0.09", "less", "30 − 20 = 10 rials a point"),
        (1000, "0.1", "0.09", "floored", "the margin of 20 rials a point, less the 20"),
        (990, "0.1", "0.09", "floored", "the margin of 10 rials a point, less the 20"),
        (980, "0.1", "0", "no_margin", "the margin is 0 rials a point"),
        (970, "0.1", "0.09", "no_margin", "the margin is −10 rials a point"),
        (1010, "0", "0.09", "acceptor", "on its acceptance fee of 20 rials a point"),
        (1010, "0", "0", "untaxed", "the agreements ask for none"),
    ],
)
def test_the_reason_is_that_of_the_night(
    price: int, rate: str, accepting: str, why: str, words: str
) -> None:
    issuer = agreement(1, issue_price=Decimal(price), vat_rate=Decimal(rate))
    acceptor = agreement(2, vat_rate=Decimal(accepting), vat_on="acceptance_fee")
    book = PriceBook(agreements=[issuer, acceptor], face_values=VALUES)
    quoted = book.acceptor_price(merchant_id=acceptor.merchant_id, day=DAY)
    found = margin_tax(issuer=issuer, acceptor=quoted)
    reckoned, _accepting = taxes(issuer=issuer, acceptor=quoted)
    assert found.why == why
    assert (found.taxed, bool(found.taxed)) == (reckoned.fee, reckoned.price > 0)
    with use_locale("en"):
        assert words in sentence(found)
        assert sentence(found).startswith("None") == (not found.taxed)


def test_points_that_the_network_funds_have_no_margin_to_tax() -> None:
    assert OWN.taxed == 0
    with use_locale("en"):
        assert "the network funds these points itself" in sentence(OWN)
