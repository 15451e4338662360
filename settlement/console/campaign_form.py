"""From the fields of a form to a campaign's terms, and back to what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from uuid import UUID

from sqlalchemy.orm import Session

from network.campaigns.service import CampaignTerms
from network.clearing.parties import NETWORK_NAME, NETWORK_PARTY
from network.language import (
    LazyText,
    ascii_digits,
    parse_decimal,
    parse_whole_number,
)
from network.language import lazy_gettext as _l
from network.merchants import queries as merchants
from network.programme.campaigns import WHOLE, Funder
from settlement.console.form_reader import FormReader

FIELDS: dict[str, LazyText] = {
    "code": _l("Give a code of small letters, digits and hyphens that no other campaign has."),
    "name_fa": _l("Give a name in Persian."),
    "name_en": _l("Give a name in English."),
    "kind": _l("Choose a multiplier or a bonus."),
    "value": _l("Give a factor above 1, as 2 or 1.5, or a bonus in whole points."),
    "first_day": _l("Give a day from the open business day on."),
    "last_day": _l("Give a day that is not before the first one."),
    "merchants": _l("Give codes of merchants; leave it empty for all of them."),
    "owner": _l("A merchant's own campaign is for its own purchases alone."),
    "tiers": _l("Give codes of tiers; leave it empty for all of them."),
    "channels": _l("Give channels, separated by commas."),
    "categories": _l("Give categories, separated by commas."),
    "minimum_amount": _l("Give an amount in rials."),
    "person_cap": _l("Give whole points, or nothing."),
    "day_cap": _l("Give whole points, or nothing."),
    "budget": _l("Give the points that may be given in all, as many as there are slices or more."),
    "slices": _l("Give a number from 16 to 64."),
    "funders": _l("Name who pays with shares that add up to 100 %, as: bakery 60, network 40"),
}
_MOST_BELOW = 999_999
"""The largest number below the stroke of a fraction."""


@dataclass(slots=True)
class Reader(FormReader):
    """Reads a campaign's form; knows the parties by their codes."""

    WORDS = FIELDS

    codes: Mapping[str, UUID] = field(kw_only=True)

    def exact(self, name: str) -> Fraction:
        """Return an exact number, which may also be written as a fraction."""
        return self._needed(name, _exact) or Fraction(0)

    def terms(self) -> CampaignTerms | None:
        """Return the campaign's terms, None where something is wrong."""
        parties = self.parties("merchants")
        owner = self.parties("owner")
        made = CampaignTerms(
            code=self.text("code"),
            name_fa=self.text("name_fa"),
            name_en=self.text("name_en"),
            owner_id=owner[0] if owner else NETWORK_PARTY,
            kind=self.text("kind"),
            value=self.exact("value"),
            first_day=self.day("first_day"),
            last_day=self.day("last_day"),
            funders=self.funders(),
            budget=self.whole_or_none("budget") or 0,
            slices=self.whole_or_none("slices") or 0,
            minimum_amount=self.whole_or_none("minimum_amount") or 0,
            merchants=parties,
            tiers=self.names("tiers"),
            channels=self.names("channels"),
            categories=self.names("categories"),
            person_cap=self.whole_or_none("person_cap"),
            day_cap=self.whole_or_none("day_cap"),
        )
        return None if self.wrong else made

    def names(self, name: str) -> tuple[str, ...]:
        """Return the names between a field's commas."""
        given = ascii_digits(self.text(name)).replace("،", ",").split(",")
        return tuple(each.strip() for each in given if each.strip())

    def parties(self, name: str) -> tuple[UUID, ...]:
        """Return parties by their codes."""
        return tuple(self._party(code, name) for code in self.names(name))

    def funders(self) -> tuple[Funder, ...]:
        """Return who pays how much, from ``code percent`` between commas."""
        found = []
        for each in self.names("funders"):
            code, _, percent = each.rpartition(" ")
            share = (_exact(percent) or Fraction(0)) * WHOLE / 100
            if share.denominator != 1:
                share = Fraction(0)
            found.append(Funder(party_id=self._party(code.strip(), "funders"), share=int(share)))
        return tuple(found)

    def _party(self, code: str, name: str) -> UUID:
        found = self.codes.get(code)
        if found is None:
            self.refuse(name)
        return found or NETWORK_PARTY


def _exact(given: str) -> Fraction | None:
    """Return a short number, as 2, 1.5 or 3/2, exactly; None for anything else."""
    above, stroke, below = given.partition("/")
    number = parse_decimal(above)
    divisor = parse_whole_number(below, most=_MOST_BELOW) if stroke else 1
    return Fraction(number) / divisor if number is not None and divisor else None


def reader(session: Session, form: Mapping[str, str]) -> Reader:
    """Return a reader of a form that knows the parties' codes."""
    codes = {each.code: each.merchant_id for each in merchants.all_merchants(session)}
    return Reader(form=form, codes={**codes, NETWORK_NAME: NETWORK_PARTY})
