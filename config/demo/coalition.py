"""The demo's coalition as data: partners, their terms, and names for members and stores.

Every name is invented. Terms are dated by the day of the fortnight they begin on, so that the same
coalition can be played on any dates; `as_json` writes it down with real dates for whoever wants to
recompute the demo.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from config.demo.names import Name
from network.merchants.agreements import Funding

CURRENCY = "IRR"
TIME_ZONE = "Asia/Tehran"
RIALS_PER_CENT = 6_000
FACE_VALUE = Fraction(1_000)  # rials that one point is worth at every till


@dataclass(frozen=True, slots=True)
class Terms:
    """What a partner agreed to from one day on.

    `base_rate` and `category_rates` are points per rial; a category's rate stands in the place of
    the base rate for lines of that category. Points earned on day d can be spent from day
    d + `pending_days` on, and lapse on day d + `pending_days` + `expiry_days`, the first day on
    which they can't be used. `price` is what the partner pays for each of its points when somebody
    accepts it, in rials per point; `fee` is the share of the face value that it gives up as an
    acceptor. `funding` says when the price is paid, and which VAT falls on the network's fee.
    """

    version: int
    from_day: int
    base_rate: Fraction
    category_rates: tuple[tuple[str, Fraction], ...]
    pending_days: int
    expiry_days: int
    price: Decimal
    fee: Decimal
    funding: Funding = Funding()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class Partner:
    """A merchant of the coalition: one department of the data."""

    slug: str
    department: str
    name: Name
    terms: tuple[Terms, ...]
    named: bool = False

    def terms_on(self, day: int) -> Terms:
        """Return the terms in force on a day of the fortnight, counted from 0."""
        return max(
            (terms for terms in self.terms if terms.from_day <= day),
            key=lambda terms: terms.from_day,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sponsor:
    """A brand without a till: it pays ``price`` for its points of campaigns, and takes none."""

    slug: str
    name: Name
    price: Decimal
    funding: Funding


def _percent(percent: str) -> Fraction:
    """Return points per rial for a percentage of the money that comes back at face value."""
    return Fraction(percent) / 100 / FACE_VALUE


_TENTH = Decimal("0.1")
_VAT_ON_MARGIN = Funding(vat_rate=_TENTH)

PARTNERS = (
    Partner(
        slug="mahtab",
        department="GROCERY",
        name=Name(fa="فروشگاه مهتاب", en="Mahtab Market"),
        named=True,
        terms=(
            Terms(
                version=1,
                from_day=0,
                base_rate=_percent("1"),
                category_rates=(
                    ("BAKED BREAD/BUNS/ROLLS", _percent("2")),
                    ("FLUID MILK PRODUCTS", _percent("1.5")),
                    ("SOFT DRINKS", _percent("0.5")),
                ),
                pending_days=0,
                expiry_days=365,
                price=Decimal("987.6543210987"),
                fee=Decimal("0.025"),
                funding=_VAT_ON_MARGIN,
            ),
            Terms(
                version=2,
                from_day=7,
                base_rate=_percent("1.25"),
                category_rates=(
                    ("BAKED BREAD/BUNS/ROLLS", _percent("2")),
                    ("FLUID MILK PRODUCTS", _percent("1.75")),
                    ("YOGURT", _percent("3")),
                ),
                pending_days=0,
                expiry_days=365,
                price=Decimal("991.2345678901"),
                fee=Decimal("0.0225"),
                funding=_VAT_ON_MARGIN,
            ),
        ),
    ),
    Partner(
        slug="sepand",
        department="DRUG GM",
        name=Name(fa="داروکدهٔ سپند", en="Sepand Drugstore"),
        terms=(
            Terms(
                version=1,
                from_day=0,
                base_rate=Fraction(1, 45_000),
                category_rates=(
                    ("BABY FOODS", _percent("4")),
                    ("CIGARETTES", Fraction(0)),
                    ("ORAL HYGIENE PRODUCTS", _percent("3.5")),
                ),
                pending_days=3,
                expiry_days=270,
                price=Decimal("1012.3456789"),
                fee=Decimal("0.03"),
                funding=Funding(model="prefunded", vat_rate=_TENTH),
            ),
        ),
    ),
    Partner(
        slug="bostan",
        department="PRODUCE",
        name=Name(fa="میوه‌سرای بوستان", en="Bostan Greengrocer"),
        named=True,
        terms=(
            Terms(
                version=1,
                from_day=0,
                base_rate=_percent("2"),
                category_rates=(("APPLES", _percent("5")), ("SALAD MIX", _percent("3"))),
                pending_days=0,
                expiry_days=180,
                price=Decimal("975.5"),
                fee=Decimal("0.02"),
                funding=Funding(vat_rate=_TENTH, vat_on="acceptance_fee"),
            ),
        ),
    ),
    Partner(
        slug="dasht",
        department="MEAT",
        name=Name(fa="گوشت دشت سبز", en="Green Plain Butchers"),
        named=True,
        terms=(
            Terms(
                version=1,
                from_day=0,
                base_rate=Fraction(1, 70_000),
                category_rates=(("CHICKEN", Fraction(1, 55_000)),),
                pending_days=2,
                expiry_days=240,
                price=Decimal("998.0000000001"),
                fee=Decimal("0.0175"),
            ),
        ),
    ),
    Partner(
        slug="sarvin",
        department="MEAT-PCKGD",
        name=Name(fa="فرآورده‌های سروین", en="Sarvin Fine Meats"),
        terms=(
            Terms(
                version=1,
                from_day=0,
                base_rate=_percent("1.5"),
                category_rates=(("LUNCHMEAT", _percent("2.25")),),
                pending_days=0,
                expiry_days=300,
                price=Decimal("983.3333333333"),
                fee=Decimal("0.0275"),
            ),
        ),
    ),
    Partner(
        slug="narenj",
        department="DELI",
        name=Name(fa="آشپزخانهٔ نارنج", en="Narenj Kitchen"),
        terms=(
            Terms(
                version=1,
                from_day=0,
                base_rate=_percent("3"),
                category_rates=(("CHEESES", _percent("4")),),
                pending_days=0,
                expiry_days=200,
                price=Decimal("979.0140845"),
                fee=Decimal("0.035"),
            ),
            Terms(
                version=2,
                from_day=9,
                base_rate=_percent("3"),
                category_rates=(("CHEESES", _percent("4")), ("PREPARED FOOD", _percent("5"))),
                pending_days=1,
                expiry_days=200,
                price=Decimal("984.6666666667"),
                fee=Decimal("0.0333"),
                funding=Funding(model="on_issue"),
            ),
        ),
    ),
    Partner(
        slug="ghandoon",
        department="PASTRY",
        name=Name(fa="شیرینی‌سرای قندون", en="Ghandoon Pastry"),
        terms=(
            Terms(
                version=1,
                from_day=0,
                base_rate=_percent("5"),
                category_rates=(("BREAD", _percent("2")),),
                pending_days=0,
                expiry_days=5,
                price=Decimal("950.1234567891"),
                fee=Decimal("0.04"),
                funding=Funding(model="on_issue", breakage_beneficiary="issuer"),
            ),
        ),
    ),
    Partner(
        slug="tandis",
        department="NUTRITION",
        name=Name(fa="خانهٔ سلامت تندیس", en="Tandis Health Foods"),
        terms=(
            Terms(
                version=1,
                from_day=0,
                base_rate=_percent("2.5"),
                category_rates=(("DRIED FRUIT", _percent("4.5")),),
                pending_days=4,
                expiry_days=365,
                price=Decimal("1001.0000000003"),
                fee=Decimal("0.0225"),
            ),
        ),
    ),
    Partner(
        slug="parisa",
        department="COSMETICS",
        name=Name(fa="آرایه‌سرای پریسا", en="Parisa Beauty"),
        terms=(
            Terms(
                version=1,
                from_day=0,
                base_rate=_percent("4"),
                category_rates=(),
                pending_days=7,
                expiry_days=365,
                price=Decimal("1025.75"),
                fee=Decimal("0.0425"),
                funding=Funding(model="on_issue", vat_rate=_TENTH),
            ),
        ),
    ),
    Partner(
        slug="yas",
        department="FLORAL",
        name=Name(fa="گل‌خانهٔ یاس", en="Yas Flowers"),
        terms=(
            Terms(
                version=1,
                from_day=0,
                base_rate=_percent("4"),
                category_rates=(),
                pending_days=0,
                expiry_days=180,
                price=Decimal("965.4320987654"),
                fee=Decimal("0.0375"),
            ),
        ),
    ),
)


SPONSORS = (
    Sponsor(
        slug="noosh",
        name=Name(fa="نوشیدنی‌های نوش", en="Noosh Drinks"),
        price=Decimal("1004.25"),
        funding=_VAT_ON_MARGIN,
    ),
)


def partner_of_department() -> dict[str, Partner]:
    """Return the partners by the department of the data that they play."""
    return {partner.department: partner for partner in PARTNERS}


def acceptor_price(terms: Terms) -> Fraction:
    """Return q, the rials per point that an acceptor gets: the face value less its fee."""
    return FACE_VALUE * (1 - Fraction(terms.fee))


def as_json(*, first_day: date, partners: tuple[Partner, ...] = PARTNERS) -> dict[str, Any]:
    """Return the coalition with real dates as plain JSON values; fractions are written `"n/d"`."""
    return {
        "currency": CURRENCY,
        "time_zone": TIME_ZONE,
        "face_value": str(FACE_VALUE),
        "redeposit_grace_days": 30,
        "partners": [
            {
                "merchant": partner.slug,
                "terms": [
                    {
                        "id": f"{partner.slug}-{terms.version}",
                        "from": (first_day + timedelta(days=terms.from_day)).isoformat(),
                        "base_rate": str(terms.base_rate),
                        "category_rates": {name: str(r) for name, r in terms.category_rates},
                        "pending_days": terms.pending_days,
                        "expiry_days": terms.expiry_days,
                        "fee": str(terms.fee),
                        **_paid(terms.price, terms.funding),
                    }
                    for terms in partner.terms
                ],
            }
            for partner in partners
        ]
        + [
            {
                "merchant": sponsor.slug,
                "terms": [
                    {
                        "id": f"{sponsor.slug}-1",
                        "from": first_day.isoformat(),
                        **_SELLS_NOTHING,
                        **_paid(sponsor.price, sponsor.funding),
                    }
                ],
            }
            for sponsor in SPONSORS
        ],
    }


_SELLS_NOTHING = {
    "base_rate": "0",
    "category_rates": {},
    "pending_days": 0,
    "expiry_days": 1,
    "fee": "0",
}


def _paid(price: Decimal, funding: Funding) -> dict[str, str]:
    return {
        "price": str(price),
        "funding": funding.model,
        "breakage_beneficiary": funding.breakage_beneficiary,
        "vat_rate": str(funding.vat_rate),
        "vat_on": funding.vat_on,
    }
