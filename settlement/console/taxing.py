"""Why VAT falls on a margin or not, and on what of it, in whole sentences. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from network.clearing.facts import Agreement
from network.language import format_decimal, format_percent
from network.language import gettext as _
from settlement.pricing import AcceptorPrice, acceptance_tax

Why = Literal["whole", "less", "floored", "no_margin", "acceptor", "untaxed", "own"]
_PLACES, _RATE_PLACES = 10, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginTax:
    """How VAT meets the margin of points: minor units per point.

    ``apart`` is what the acceptor is taxed for, so that it is not taxed twice; ``rate`` is what the
    issuer's terms ask for. ``own`` points are funded by the network and have no margin.
    """

    why: Why
    margin: Decimal = Decimal(0)
    apart: Decimal = Decimal(0)
    rate: Decimal = Decimal(0)

    @property
    def taxed(self) -> Decimal:
        """Return the fee per point that VAT falls on; nothing where none does."""
        return self.margin - self.apart if self.why in {"whole", "less"} else Decimal(0)


OWN = MarginTax(why="own")


def margin_tax(*, issuer: Agreement, acceptor: AcceptorPrice) -> MarginTax:
    """Return how VAT meets the margin between two parties' terms, as ``pricing.taxes`` reckons."""
    margin, apart = issuer.issue_price - acceptor.price, acceptance_tax(acceptor).fee
    rate = issuer.vat_rate if issuer.vat_on == "margin" else Decimal(0)
    return MarginTax(
        why=_why(margin=margin, apart=apart, rate=rate), margin=margin, apart=apart, rate=rate
    )


def _why(*, margin: Decimal, apart: Decimal, rate: Decimal) -> Why:
    if not rate:
        return "acceptor" if apart else "untaxed"
    if margin <= 0:
        return "no_margin"
    if margin <= apart:
        return "floored"
    return "less" if apart else "whole"


def sentence(found: MarginTax) -> str:
    """Return whether VAT falls on the margin, on what of it, and why not where it does not."""
    margin, apart, left = (
        format_decimal(each, places=_PLACES)
        for each in (found.margin, found.apart, found.margin - found.apart)
    )
    rate = format_percent(found.rate, places=_RATE_PLACES)
    return {
        "whole": _(
            "%(rate)s on the whole margin of %(margin)s rials a point: nothing of it is taxed at "
            "the acceptor.",
            rate=rate,
            margin=margin,
        ),
        "less": _(
            "%(rate)s on the margin less what is taxed at the acceptor: %(margin)s − %(apart)s = "
            "%(left)s rials a point.",
            rate=rate,
            margin=margin,
            apart=apart,
            left=left,
        ),
        "floored": _(
            "None: the margin of %(margin)s rials a point, less the %(apart)s that are taxed at "
            "the acceptor, leaves nothing, and no fee is taxed twice.",
            margin=margin,
            apart=apart,
        ),
        "no_margin": _(
            "None: the margin is %(margin)s rials a point, so the network keeps no fee that could "
            "be taxed.",
            margin=margin,
        ),
        "acceptor": _(
            "None on the margin: the issuer's terms tax no margin. The acceptor pays VAT on its "
            "acceptance fee of %(apart)s rials a point.",
            apart=apart,
        ),
        "untaxed": _("None: the agreements ask for none."),
        "own": _(
            "None: the network funds these points itself and pays what the acceptor is paid; there "
            "is no margin, and no fee that could be taxed."
        ),
    }[found.why]
