"""What the machine does with campaigns: budgets, caps per person, pauses, prices gone stale."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule
from sqlalchemy import text

from network.clock import local_date
from network.ids import uuid7
from network.ledger.values import Takings
from network.settings import PROGRAMME_ZONE
from tests.scenarios.ledger.choices import aims, members, merchants, mostly, some_names
from tests.scenarios.ledger.dealings import Dealings
from tests.scenarios.ledger.frame import POOL, granted
from tests.scenarios.ledger.stand import MERCHANTS

SLICES = 16
_LEFT = text(
    "SELECT sum(budget - taken) FROM ledger.campaign_slice WHERE campaign_id = :campaign_id"
)


class Promotions(Dealings):
    """The machine with campaigns."""

    @rule(
        budget=st.sampled_from((16, 60, 60, 500)),
        person_cap=st.sampled_from((None, 20, 45)),
        day_cap=st.sampled_from((None, None, 12)),
    )
    def open_campaign(self, budget: int, person_cap: int | None, day_cap: int | None) -> None:
        """Begin a campaign."""
        self.play(
            "open_campaign",
            campaign_id=uuid7(),
            budget=budget,
            slices=SLICES,
            person_cap=person_cap,
            day_cap=day_cap,
        )

    def _campaign(self, aim: int) -> UUID:
        """Choose a campaign, mostly one that there is."""
        there = list(self.model.budgets)
        return there[-1 - aim % len(there)] if there and aim else uuid7()

    @rule(aim=aims, running=mostly(st.just(value=True), st.just(value=False)))
    def run_campaign(self, aim: int, *, running: bool) -> None:
        """Pause a campaign, or let it run on."""
        if self.model.budgets:
            self.play("run_campaign", campaign_id=self._campaign(aim or 1), running=running)

    @rule(
        member=members,
        merchant=merchants,
        ref=some_names,
        bonuses=st.lists(
            st.tuples(aims, merchants, st.sampled_from((1, 5, 6, 11, 30))), min_size=1, max_size=3
        ),
        seen=st.sampled_from((None, None, 0, 0, 0, -1)),
    )
    def promote(
        self,
        member: int,
        merchant: UUID,
        ref: str | None,
        bonuses: list[tuple[int, UUID, int]],
        seen: int | None,
    ) -> None:
        """Buy something with bonuses of campaigns; ``seen`` is how far the price is behind."""
        today = local_date(self.now, zone=PROGRAMME_ZONE)
        taken: dict[UUID, int] = {}
        grants = granted([(100, [(merchant, 0, 10, 0, 365)])], today)
        for aim, funder, points in bonuses:
            campaign = self._campaign(aim)
            taken[campaign] = taken.get(campaign, 0) + points
            bonus = granted([(100, [(funder, 0, points, 0, 365)])], today)[0]
            grants.append(replace(bonus, campaign_id=campaign))
        self.post(
            "earn",
            member,
            merchant,
            ref,
            grants=grants,
            explanation=[],
            event={"amount": 100},
            takings=Takings(
                sequence=None if seen is None else len(self._entries(member)) + seen,
                campaigns=taken,
            ),
        )
        for campaign in taken:
            left = self.connection.execute(_LEFT, {"campaign_id": campaign}).scalar()
            known = self.model.budgets.get(campaign)
            assert left == (known.left if known else None)

    @rule(member=members, points=st.sampled_from((4, 15, 19)), way=st.sampled_from((0, 1, 2, 3)))
    def bring_to_the_family(self, member: int, points: int, way: int) -> None:
        """Have a campaign's points, join a family or another member, have more there, leave."""
        self.open_campaign(500, 20, 12 if way == 2 else None)
        self.promote(member, MERCHANTS[0], None, [(1, MERCHANTS[1], points)], 0)
        self.promote(POOL, MERCHANTS[0], None, [(1, MERCHANTS[1], 5)], 0)
        if way == 3:
            self.merge(member, POOL, anew=True)
        else:
            self.join(member, POOL, anew=False)
        self.promote(POOL, MERCHANTS[0], None, [(1, MERCHANTS[1], 3)], 0)
        if way:
            self.ask("leave_pool", member, pool=self.members[POOL], points=0)
            self.promote(member, MERCHANTS[0], None, [(1, MERCHANTS[1], 1)], None)
