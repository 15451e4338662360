"""The coalition as the oracle reads it: plain JSON values in, exact fractions out."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from tests.scenarios.oracle.campaigns import Campaigns


@dataclass(frozen=True)
class Terms:
    """What a merchant agreed to from a day on; rates and prices are exact.

    `base_rate` and `category_rates` are points per minor unit, `price` (p) is minor units per
    point that the merchant pays as an issuer, `fee` the share of the face value it gives up as an
    acceptor. `funding` says when it pays for its points (on_redemption, on_issue, prefunded),
    `beneficiary` who gets the money of points that lapse after they were paid for (network,
    issuer), `vat_on` on which fee of the network VAT falls (margin, acceptance_fee).
    """

    id: str
    since: date
    base_rate: Fraction
    category_rates: dict[str, Fraction]
    pending_days: int
    expiry_days: int
    price: Fraction
    fee: Fraction
    funding: str
    beneficiary: str
    vat_rate: Fraction
    vat_on: str


class Coalition:
    """Who takes part, on which terms, and what a point is worth.

    Expected form, numbers as strings so that nothing is lost on the way ("1/45000", "987.65"):

        {"face_value": "1000", "redeposit_grace_days": 30,
         "partners": [{"merchant": "m", "terms": [
            {"id": "m-1", "from": "2026-01-01", "base_rate": "1/100000",
             "category_rates": {"BREAD": "1/50000"}, "pending_days": 0, "expiry_days": 365,
             "price": "987.6543210987", "fee": "0.025"}]}]}

    Terms may also have "funding", "breakage_beneficiary", "vat_rate" and "vat_on"; without them
    points are paid for when they are taken, and there is no VAT.
    """

    def __init__(self, plain: dict[str, Any]) -> None:
        self.face_value = Fraction(plain["face_value"])
        self.grace_days = int(plain["redeposit_grace_days"])
        self.campaigns = Campaigns(plain)
        self._terms: dict[str, list[Terms]] = {}
        for partner in plain["partners"]:
            terms = [_terms(each) for each in partner["terms"]]
            self._terms[partner["merchant"]] = sorted(terms, key=lambda each: each.since)

    @property
    def merchants(self) -> list[str]:
        """Return every merchant, sorted."""
        return sorted(self._terms)

    @property
    def joined(self) -> list[str]:
        """Return every merchant, in the order of joining."""
        return list(self._terms)

    def terms(self, merchant: str, day: date) -> Terms:
        """Return the merchant's terms in force on a business day."""
        return [each for each in self._terms[merchant] if each.since <= day][-1]

    def acceptor_price(self, merchant: str, day: date) -> Fraction:
        """Return q: what the merchant is paid for a point that it accepts on a business day."""
        return self.face_value * (1 - self.terms(merchant, day).fee)


def _terms(plain: dict[str, Any]) -> Terms:
    return Terms(
        id=plain["id"],
        since=date.fromisoformat(plain["from"]),
        base_rate=Fraction(plain["base_rate"]),
        category_rates={key: Fraction(rate) for key, rate in plain["category_rates"].items()},
        pending_days=int(plain["pending_days"]),
        expiry_days=int(plain["expiry_days"]),
        price=Fraction(plain["price"]),
        fee=Fraction(plain["fee"]),
        funding=plain.get("funding", "on_redemption"),
        beneficiary=plain.get("breakage_beneficiary", "network"),
        vat_rate=Fraction(plain.get("vat_rate", "0")),
        vat_on=plain.get("vat_on", "margin"),
    )
