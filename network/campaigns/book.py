"""The campaigns of all merchants, read at once: where each runs, who pays, and what is left of it.

A process of the gateway has one such book and reads another when campaigns have another edition
(``network/database/editions.py``). What is left of budgets moves with every purchase, without an
edition; it only ever falls, the ledger checks it again, and it is read anew every two seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import text

from network.database.driver import Channel, rows_of
from network.programme.campaigns import Campaign, Funder

# As ``queries.running`` says it: approved or paused, and no funder who left or may give nothing.
_BOOK = text("""
    SELECT c.campaign_id, c.code, c.name_fa, c.name_en, c.kind, c.numerator, c.denominator,
           c.first_day, c.last_day, c.budget, c.state, c.minimum_amount, c.tiers, c.channels,
           c.categories, c.person_cap, c.day_cap, CAST(c.merchants AS text) AS merchants,
           (SELECT json_agg(json_build_array(f.party_id, f.share) ORDER BY f.place)
            FROM network.campaign_funder AS f WHERE f.campaign_id = c.campaign_id) AS funders
    FROM network.campaign AS c
    WHERE c.state IN ('approved', 'paused') AND c.last_day >= CAST(:first_day AS date)
      AND NOT EXISTS (
          SELECT FROM network.campaign_funder AS f
          JOIN network.merchant AS m ON m.merchant_id = f.party_id
          WHERE f.campaign_id = c.campaign_id
            AND (m.status = 'left' OR m.issuing <> 'open'
                 OR m.leaves_on <= (SELECT d.business_date FROM ledger.business_day AS d
                                    WHERE d.flipped_at IS NULL)))
    ORDER BY c.campaign_id
""")
_TAKEN = text("""
    SELECT s.campaign_id, CAST(sum(s.taken) AS bigint) AS taken
    FROM ledger.campaign_slice AS s
    WHERE s.campaign_id = ANY (CAST(:campaigns AS uuid[]))
    GROUP BY s.campaign_id
""")
_EVERYWHERE = "{}"
_MOST_FOUND = 10_000
"""So many pairs of a merchant and a day are kept in a book; then they are looked up again."""


@dataclass(frozen=True, slots=True)
class _Running:
    """A campaign with its whole budget, and the merchants where it runs as one text."""

    campaign: Campaign
    merchants: str

    def at(self, merchant: str) -> bool:
        return self.merchants == _EVERYWHERE or merchant in self.merchants


@dataclass(slots=True, kw_only=True)
class CampaignBook:
    """The campaigns for purchases from a day on; earlier ones are not in it."""

    first_day: date
    running: tuple[_Running, ...]
    taken: Mapping[UUID, int]
    _found: dict[tuple[UUID, date], tuple[Campaign, ...]] = field(default_factory=dict)

    def at(self, *, merchant_id: UUID, day: date) -> tuple[Campaign, ...]:
        """Return the campaigns for purchases made at a merchant on ``day``."""
        if not self.running:
            return ()
        found = self._found.get((merchant_id, day))
        if found is None:
            if len(self._found) >= _MOST_FOUND:
                self._found.clear()
            found = self._found[merchant_id, day] = self._look(str(merchant_id), day)
        return found

    def _look(self, merchant: str, day: date) -> tuple[Campaign, ...]:
        taken = self.taken
        return tuple(
            replace(each, left=each.left - taken.get(each.campaign_id, 0))
            for each, where in ((one.campaign, one) for one in self.running)
            if each.first_day <= day <= each.last_day and where.at(merchant)
        )

    def renewed(self, connection: Channel) -> CampaignBook:
        """Return the book with what is left of its campaigns now."""
        if not self.running:
            return self
        taken = _taken(connection, self.running)
        return self if taken == self.taken else replace(self, taken=taken, _found={})


def read_book(connection: Channel, *, first_day: date) -> CampaignBook:
    """Return the campaigns that run on ``first_day`` or later, at all merchants."""
    running = tuple(
        _Running(campaign_of(row, funders=_funders(row), left=row.budget), row.merchants)
        for row in rows_of(connection, _BOOK, {"first_day": first_day})
    )
    taken = _taken(connection, running) if running else {}
    return CampaignBook(first_day=first_day, running=running, taken=taken)


def _taken(connection: Channel, running: tuple[_Running, ...]) -> dict[UUID, int]:
    ids = ",".join(str(each.campaign.campaign_id) for each in running)
    rows = rows_of(connection, _TAKEN, {"campaigns": f"{{{ids}}}"})
    return {row.campaign_id: row.taken for row in rows}


def _funders(row: Any) -> tuple[Funder, ...]:
    return tuple(Funder(party_id=UUID(party), share=share) for party, share in row.funders)


def campaign_of(row: Any, *, funders: tuple[Funder, ...], left: int) -> Campaign:
    """Return a campaign as purchases are priced by it; ``row`` has the columns of its table."""
    return Campaign(
        campaign_id=row.campaign_id,
        code=row.code,
        name_fa=row.name_fa,
        name_en=row.name_en,
        kind="multiplier" if row.kind == "multiplier" else "bonus",
        value=Fraction(row.numerator, row.denominator),
        first_day=row.first_day,
        last_day=row.last_day,
        funders=funders,
        left=left,
        running=row.state == "approved",
        minimum_amount=row.minimum_amount,
        tiers=frozenset(row.tiers),
        channels=frozenset(row.channels),
        categories=frozenset(row.categories),
        person_cap=row.person_cap,
        day_cap=row.day_cap,
    )
