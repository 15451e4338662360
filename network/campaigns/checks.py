"""What a campaign's terms must be like before anybody is asked to approve them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.campaigns.errors import CampaignDataError
from network.clearing.parties import NETWORK_PARTY
from network.members.models import Tier
from network.merchants.models import Merchant
from network.merchants.queries import SPONSOR
from network.programme.campaigns import WHOLE

if TYPE_CHECKING:
    from network.campaigns.service import CampaignTerms

FEWEST_SLICES, MOST_SLICES = 16, 64
MOST_POINTS = 10**15
MOST_NAMES = 50
LONGEST_NAME = 120
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_CODE = 40
_MOST_FACTOR = 100


def check_terms(session: Session, *, terms: CampaignTerms, today: date) -> None:
    """Raise CampaignDataError naming the first field that a campaign cannot have."""
    _require(bool(_CODE.fullmatch(terms.code)) and len(terms.code) <= _LONGEST_CODE, "code")
    for field, name in (("name_fa", terms.name_fa), ("name_en", terms.name_en)):
        _require(0 < len(name.strip()) <= LONGEST_NAME, field)
    _require(terms.kind in {"multiplier", "bonus"}, "kind")
    _require(_is_value(terms), "value")
    _require(terms.first_day >= today, "first_day")
    _require(terms.last_day >= terms.first_day, "last_day")
    _require(FEWEST_SLICES <= terms.slices <= MOST_SLICES, "slices")
    _require(terms.slices <= terms.budget <= MOST_POINTS, "budget")
    _require(0 <= terms.minimum_amount <= MOST_POINTS, "minimum_amount")
    for field, cap in (("person_cap", terms.person_cap), ("day_cap", terms.day_cap)):
        _require(cap is None or 1 <= cap <= MOST_POINTS, field)
    for field, names in (("channels", terms.channels), ("categories", terms.categories)):
        _require(_are_names(names), field)
    _check_shares(terms)
    _check_parties(session, terms)


def _require(holds: bool, field: str) -> None:  # noqa: FBT001 - the condition is the argument
    if not holds:
        raise CampaignDataError(f"a campaign cannot have this {field}", field=field)


def _is_value(terms: CampaignTerms) -> bool:
    if terms.kind == "bonus":
        return terms.value.denominator == 1 and 1 <= terms.value <= MOST_POINTS
    fine = terms.value.denominator <= MOST_POINTS
    return fine and Fraction(1) < terms.value <= _MOST_FACTOR


def _are_names(names: Sequence[str]) -> bool:
    return (
        len(names) <= MOST_NAMES
        and len(set(names)) == len(names)
        and all(name.strip() and len(name) <= LONGEST_NAME for name in names)
    )


def _check_shares(terms: CampaignTerms) -> None:
    shares = [funder.share for funder in terms.funders]
    parties = {funder.party_id for funder in terms.funders}
    _require(bool(shares) and min(shares) > 0 and sum(shares) == WHOLE, "funders")
    _require(len(parties) == len(shares), "funders")


def _check_parties(session: Session, terms: CampaignTerms) -> None:
    """Refuse merchants and tiers that are not there, and a shop's campaign at another shop."""
    funders = {funder.party_id for funder in terms.funders}
    named = {terms.owner_id, *terms.merchants, *funders} - {NETWORK_PARTY}
    rows = session.execute(
        select(Merchant.merchant_id, Merchant.kind).where(Merchant.merchant_id.in_(named))
    )
    known: dict[UUID, str] = {row.merchant_id: row.kind for row in rows}
    _require(named <= known.keys(), "merchants")
    # A sponsor pays, and has no purchases to give points for.
    _require(all(known[each] != SPONSOR for each in terms.merchants), "merchants")
    _require(NETWORK_PARTY not in terms.merchants, "merchants")
    _require(terms.owner_id == NETWORK_PARTY or list(terms.merchants) == [terms.owner_id], "owner")
    tiers: set[str] = set(session.scalars(select(Tier.code).where(Tier.code.in_(terms.tiers))))
    _require(set(terms.tiers) == tiers, "tiers")
    _require(len(set[UUID](terms.merchants)) == len(terms.merchants), "merchants")
