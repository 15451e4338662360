"""Longer stories for the machine: sequences that chance alone would seldom put together."""

from __future__ import annotations

from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.scenarios.ledger.choices import members, merchants
from tests.scenarios.ledger.frame import NO_ENTRY
from tests.scenarios.ledger.machine import Machine
from tests.scenarios.ledger.stand import MERCHANTS


class Stories(Machine):
    """The machine with its single steps and, among them, these."""

    @rule(
        member=members,
        points=st.integers(1, 30),
        minutes=st.sampled_from((1, 16, 16, 20 * 60, 25 * 60)),
        meanwhile=st.sampled_from(("", "night", "night", "locked", "night and locked")),
        settled=st.sampled_from((None, None, 1, 40)),
    )
    def hold_a_while(
        self,
        member: int,
        points: int,
        minutes: int,
        meanwhile: str,
        settled: int | None,
    ) -> None:
        """Hold points for a quarter of an hour and capture in time, late or too late."""
        merchant, lock = MERCHANTS[points % 3], {"member_id": self.members[member]}
        self.authorise(member, merchant, None, points, None, 15)
        self.clocks_differ(minutes)
        if "night" in meanwhile:
            self.night(member)
        if "locked" in meanwhile:
            self.play("set_wallet_status", **lock, status="spend_locked")
        merchant, hold = self._hold(member, 0)
        self.post("capture", member, merchant, "", authorisation=hold, points=settled)
        if "locked" in meanwhile:
            self.play("set_wallet_status", **lock, status="active")

    @rule(
        member=members,
        points=st.integers(1, 12),
        minutes=st.sampled_from((1, 1, 16, 25 * 60)),
        night=st.booleans(),
        reversed_=st.booleans(),
    )
    def think_better_of_it(
        self, member: int, points: int, minutes: int, *, night: bool, reversed_: bool
    ) -> None:
        """Hold a few points and void the hold, or reverse it, in time or when its life is over."""
        self.authorise(member, MERCHANTS[points % 3], None, points, None, 15)
        self.clocks_differ(minutes)
        if night:
            self.night(member)
        if reversed_:
            held = self.calls[-1][1]["event"]
            self.post("reverse", member, held.merchant_id, held.merchant_ref)
            return
        merchant, hold = self._hold(member, 0)
        self.post("void", member, merchant, None, authorisation=hold)

    @rule(
        member=members,
        merchant=merchants,
        points=st.integers(1, 90),
        days=st.sampled_from((0, 1, 1, 3)),
        back=st.lists(st.integers(1, 60), min_size=1, max_size=3),
    )
    def spend_and_return(
        self, member: int, merchant: UUID, points: int, days: int, back: list[int]
    ) -> None:
        """Redeem, let some of it lapse, take a purchase back too, then give back in parts."""
        self.redeem(member, merchant, None, points, None)
        if points % 3 == 0:
            self.refund_purchase(member, points % 13, None, 40)
        self.programme_passes(24 * days, 0)
        for part in back:
            self.give_back(member, 0, None, part, 2)

    @rule(
        member=members,
        merchant=merchants,
        weights=st.lists(
            st.lists(st.sampled_from((1, 2, 3, 3, 20)), min_size=1, max_size=3),
            min_size=1,
            max_size=2,
        ),
        returns=st.lists(
            st.tuples(st.sampled_from((None, 0, 1)), st.integers(1, 80)), min_size=1, max_size=4
        ),
    )
    def buy_and_return(
        self,
        member: int,
        merchant: UUID,
        weights: list[list[int]],
        returns: list[tuple[int | None, int]],
    ) -> None:
        """Buy things that several merchants fund in small shares; return them bit by bit."""
        purchase = [
            (100, [(MERCHANTS[n], 0, points, 0, 365) for n, points in enumerate(shares)])
            for shares in weights
        ]
        self.earn(member, merchant, None, purchase, 0)
        bought = len(self._entries(member)) or NO_ENTRY
        for line, amount in returns:
            parts = None if line is None else [{"line": line, "amount": amount}]
            self.post(
                "refund_earn",
                member,
                merchant,
                None,
                original=bought,
                amount=amount if line is None else None,
                lines=parts,
            )

    @rule(
        member=members,
        merchant=merchants,
        points=st.integers(5, 60),
        waits=st.sampled_from((0, 1)),
        other=st.booleans(),
    )
    def owe(self, member: int, merchant: UUID, points: int, waits: int, *, other: bool) -> None:
        """Spend points, return what earned them, and earn again, now or from tomorrow on."""
        self.earn(member, merchant, None, [(100, [(merchant, 0, points, 0, 1)])], 0)
        bought = len(self._entries(member)) or NO_ENTRY
        self.redeem(member, merchant, None, points, None)
        self.post("refund_earn", member, merchant, None, original=bought, amount=100, lines=None)
        issuer = MERCHANTS[points % 3] if other else merchant
        self.earn(member, merchant, None, [(50, [(issuer, 1, points // 2 + 3, waits, 8)])], 0)
        if waits:
            self.programme_passes(24, 1)
            self.night(member)
