"""Partners: who gives and takes points, at what rate, and where their stores are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from uuid import UUID

from flask import Blueprint, abort, render_template, request

from network.clock import local_date
from network.language import (
    current_locale,
    format_number,
    gettext,
    ngettext,
    normalise,
    sort_key,
)
from network.merchants import queries as merchants
from network.merchants.queries import MerchantView, StoreView
from network.programme import queries as programme
from network.programme.rules import EarningTerms
from network.settings import PROGRAMME_ZONE
from wallet import access

blueprint = Blueprint("partners", __name__, url_prefix="/partners")
CITIES_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """A merchant with what its purchases earn; rates come back as a share of the money paid."""

    merchant: MerchantView
    terms: EarningTerms | None
    stores: list[StoreView]
    face_value: Fraction

    @property
    def share_back(self) -> Fraction | None:
        """Return what one unit of money earns, at face value."""
        return self.terms.base_rate * self.face_value if self.terms else None

    @property
    def best_share_back(self) -> Fraction | None:
        """Return the highest share of any category."""
        if self.terms is None:
            return None
        return max([self.terms.base_rate, *self.terms.category_rates.values()]) * self.face_value

    @property
    def amount_per_point(self) -> int | None:
        """Return the money, in minor units, that earns one point at the base rate."""
        if self.terms is None or not self.terms.base_rate:
            return None
        return -int(-1 // self.terms.base_rate)

    @property
    def cities(self) -> list[tuple[str, list[StoreView]]]:
        """Return the stores by city, both in the reader's alphabet."""
        by_city: dict[str, list[StoreView]] = {}
        for store in sorted(self.stores, key=lambda store: sort_key(store.name(current_locale()))):
            by_city.setdefault(store.city(current_locale()), []).append(store)
        return sorted(by_city.items(), key=lambda pair: sort_key(pair[0]))

    @property
    def places(self) -> str:
        """Return the cities in a line, the rest as a count."""
        names = [name for name, _ in self.cities]
        shown = gettext(", ").join(names[:CITIES_SHOWN])
        more = len(names) - CITIES_SHOWN
        if more <= 0:
            return shown
        return ngettext(
            "%(cities)s and %(number)s more city",
            "%(cities)s and %(number)s more cities",
            more,
            cities=shown,
            number=format_number(more),
        )


@blueprint.get("")
def show() -> str:
    """Show all partners, or those that match the words and the city asked for."""
    words = normalise(request.args.get("q", ""))
    city = normalise(request.args.get("city", ""))
    found = _partners()
    cities = sorted({name for partner in found for name, _ in partner.cities}, key=sort_key)
    return render_template(
        "partners.html",
        partners=[partner for partner in found if _matches(partner, words=words, city=city)],
        cities=[(name, name) for name in cities],
        words=words,
        city=city,
        face_value=found[0].face_value if found else None,
    )


@blueprint.get("/<code>")
def detail(code: str) -> str:
    """Show one partner."""
    partner = next((found for found in _partners() if found.merchant.code == code), None)
    if partner is None:
        abort(404)
    rates = [
        (category, rate * partner.face_value)
        for category, rate in (partner.terms.category_rates.items() if partner.terms else ())
    ]
    return render_template(
        "partner.html",
        partner=partner,
        takes_points=_takes_points(partner.merchant),
        rates=sorted(rates, key=lambda pair: (-pair[1], sort_key(pair[0]))),
    )


def _takes_points(merchant: MerchantView) -> bool:
    today = local_date(access.now(), zone=PROGRAMME_ZONE)
    with access.reading() as session:
        try:
            merchants.agreement_on(session, merchant_id=merchant.merchant_id, day=today)
        except merchants.NoAgreementError:
            return False
    return True


def _partners() -> list[Partner]:
    today = local_date(access.now(), zone=PROGRAMME_ZONE)
    with access.reading() as session:
        face_value = programme.face_value_on(session, day=today)
        terms = programme.terms_by_merchant(session, day=today)
        stores = merchants.stores(session)
        active = merchants.all_merchants(session, active_only=True)
        found = [each for each in active if each.sells]
    places: dict[UUID, list[StoreView]] = {}
    for store in stores:
        places.setdefault(store.merchant_id, []).append(store)
    partners = [
        Partner(
            merchant=merchant,
            terms=terms.get(merchant.merchant_id),
            stores=places.get(merchant.merchant_id, []),
            face_value=face_value,
        )
        for merchant in found
    ]
    return sorted(partners, key=lambda partner: sort_key(partner.merchant.name(current_locale())))


def _matches(partner: Partner, *, words: str, city: str) -> bool:
    if city and city not in {name for name, _ in partner.cities}:
        return False
    texts = _searched(partner)
    return all(any(sort_key(word) in text for text in texts) for word in words.split())


def _searched(partner: Partner) -> list[str]:
    merchant = partner.merchant
    names: Iterable[str | None] = (
        merchant.name_fa,
        merchant.name_en,
        merchant.directory_fa,
        merchant.directory_en,
        *(store.name_fa for store in partner.stores),
        *(store.name_en for store in partner.stores),
    )
    return [sort_key(name) for name in names if name]
