"""The part of an agreement's form that says how points are funded and what VAT falls on."""

from __future__ import annotations

from collections.abc import Mapping

from network.language import LazyText, parse_decimal
from network.language import lazy_gettext as _l
from network.merchants.agreements import BENEFICIARIES, MODELS, TAXED_FEES, Funding

WRONG: Mapping[str, LazyText] = {
    "funding": _l("Choose one of the ways to fund points."),
    "breakage_beneficiary": _l("Say who keeps the money of points that lapse."),
    "vat_rate": _l("Give a rate from 0 % to under 100 %."),
    "vat_on": _l("Say which fee the VAT falls on."),
}
"""What is said of each field where its value is not one of those that can be."""


def read(given: Mapping[str, str]) -> tuple[Funding, dict[str, str]]:
    """Return what the form says and, by field, what is wrong with it; missing fields are usual."""
    usual = Funding()
    rate = parse_decimal(given.get("vat_rate", "").strip() or "0")
    funding = Funding(
        model=given.get("funding", usual.model),
        breakage_beneficiary=given.get("breakage_beneficiary", usual.breakage_beneficiary),
        vat_rate=usual.vat_rate if rate is None else rate / 100,
        vat_on=given.get("vat_on", usual.vat_on),
    )
    found = {
        "funding": funding.model in MODELS,
        "breakage_beneficiary": funding.breakage_beneficiary in BENEFICIARIES,
        "vat_rate": rate is not None,
        "vat_on": funding.vat_on in TAXED_FEES,
    }
    return funding, {name: str(WRONG[name]) for name, right in found.items() if not right}
