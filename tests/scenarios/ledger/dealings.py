"""What the machine does beside the till: gifts, shared wallets, corrections, batches, nights."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from network.clock import local_date
from network.ids import uuid7
from network.ledger.batch_arguments import BatchEarning
from network.ledger.operations_batch import earn_batch, expire_due
from network.ledger.values import Approval, Posted
from network.settings import PROGRAMME_ZONE
from tests.scenarios.ledger import comparison
from tests.scenarios.ledger.choices import (
    aims,
    counts,
    lines,
    members,
    merchants,
    mostly,
    some_names,
)
from tests.scenarios.ledger.frame import NO_ENTRY, POOL, PRICE, granted
from tests.scenarios.ledger.model.books import Wallet
from tests.scenarios.ledger.stand import MERCHANTS, PEOPLE, TERMS
from tests.scenarios.ledger.stories import Stories

ACTORS = 4
"""How many members act; those after them left their places to others."""

people = mostly(st.just(PEOPLE), st.just((PEOPLE[0], PEOPLE[0])))
purchases_of_many = st.lists(
    st.tuples(
        mostly(members, st.just(2)),
        some_names,
        lines,
        st.sampled_from(("", "", "", "again", "known", "keyless")),
    ),
    min_size=1,
    max_size=6,
)


class Dealings(Stories):
    """The machine with everything that members and operators do."""

    def wallet(self, member: int) -> Wallet:
        """Return the model's wallet of a member, an empty one where there is none."""
        return self.model.wallets.get(self.members[member], Wallet())

    def approval(self, people: tuple[UUID, UUID]) -> Approval:
        """Return who proposed and who approved a correction."""
        return Approval(proposer=people[0], approver=people[1], reason="the machine asks for it")

    # ---------------------------------------------------------------- between wallets

    @rule(member=members, taker=members, points=counts)
    def give(self, member: int, taker: int, points: int) -> None:
        """Give points to another member."""
        self.ask("transfer", member, taker=self.members[taker], points=points)

    @rule(member=members, pool=mostly(st.just(POOL), members), anew=st.booleans())
    def join(self, member: int, pool: int, *, anew: bool) -> None:
        """Join a shared wallet."""
        self.ask("join_pool", member, pool=self.members[pool])
        if anew:
            self.come_anew(member)

    @rule(member=members, points=mostly(st.integers(0, 15), counts), lost=st.integers(0, 11))
    def leave(self, member: int, points: int, lost: int) -> None:
        """Leave the shared wallet, or one that is not shared with this member."""
        pool = self.members[lost % ACTORS]
        if lost >= ACTORS:
            pool = self.model.home(self.members[member])
        self.ask("leave_pool", member, pool=pool, points=points)

    @rule(member=members, into=members, anew=mostly(st.just(value=True), st.just(value=False)))
    def merge(self, member: int, into: int, *, anew: bool) -> None:
        """Find out that two members are one."""
        self.ask("merge", member, into=self.members[into], actor="operator:x")
        if anew:
            self.come_anew(member)

    @rule(aim=aims)
    def forward(self, aim: int) -> None:
        """Let what refunds left in a wallet follow it."""
        member = self.members[aim % len(self.members)]
        self.play("forward", member_id=member, now=self.now, wall=self.wall)

    def _moved(self) -> list[int]:
        return [n for n in range(len(self.members)) if self.wallet(n).moved_to]

    @precondition(lambda self: self._moved())
    @rule(
        aim=aims,
        how=st.sampled_from(("purchase", "purchase", "redemption", "reference", "reference")),
        amount=st.integers(1, 120),
        follows=st.booleans(),
    )
    def take_back_after_a_move(self, aim: int, how: str, amount: int, *, follows: bool) -> None:
        """Refund what a wallet did before it moved, or reverse it where its points are now."""
        moved = self._moved()
        member = moved[aim % len(moved)]
        if how == "purchase":
            self.refund_purchase(member, aim % 11, None, amount)
        elif how == "redemption":
            self.give_back(member, aim % 11, None, amount % 30 + 1, 3)
        else:
            named = [key for key in self.wallet(member).references if key[1] == "redemption"]
            if named:
                merchant, _, ref = named[aim % len(named)]
                home = self.members.index(self.model.home(self.members[member]))
                self.post("reverse", home, merchant, ref)
                if amount % 3 == 0:
                    self.redeem(home, merchant, ref, 1, None)
        if follows:
            self.play("forward", member_id=self.members[member], now=self.now, wall=self.wall)

    @rule(member=members, points=st.integers(0, 12), spent=st.integers(1, 20), ref=some_names)
    def share_a_while(self, member: int, points: int, spent: int, ref: str | None) -> None:
        """Redeem, join the shared wallet, spend there, leave it again."""
        merchant = MERCHANTS[spent % 3]
        self.redeem(member, merchant, ref, spent % 7 + 1, None)
        paid = self.calls[-1][1]["event"].merchant_ref
        self.join(member, POOL, anew=False)
        self.redeem(POOL, merchant, ref, spent, None)
        if spent % 2:
            self.post("reverse", POOL, merchant, paid)
        if spent % 4:
            self.ask("leave_pool", member, pool=self.members[POOL], points=points)

    @rule(taker=members, merchant=merchants, points=st.integers(5, 40), back=st.booleans())
    def give_to_a_debtor(self, taker: int, merchant: UUID, points: int, *, back: bool) -> None:
        """Let a member owe an issuer and get a gift, or company, of that issuer's points."""
        giver = (taker + 1) % ACTORS
        purchase = [(100, [(merchant, 0, points, 0, 365)])]
        self.earn(taker, merchant, None, purchase, 0)
        bought = len(self._entries(taker)) or NO_ENTRY
        self.redeem(taker, merchant, None, points, None)
        self.post("refund_earn", taker, merchant, None, original=bought, amount=100, lines=None)
        self.earn(giver, merchant, None, [(100, [(merchant, 1, points + 7, 0, 4)])], 0)
        if back:
            self.ask("transfer", giver, taker=self.members[taker], points=points // 2)
        else:
            self.merge(taker, giver, anew=True)

    @rule(member=members)
    def come_anew(self, member: int) -> None:
        """Let somebody new take the place of a member whose wallet was closed."""
        if self.wallet(member).status == "closed":
            self.members.append(self.members[member])
            self.members[member] = uuid7()
            self.open_wallet(member)
            self.earn(member, MERCHANTS[0], None, [(100, [(MERCHANTS[0], 0, 50, 0, 8)])], 0)

    # ---------------------------------------------------------------- decisions

    @rule(
        member=members,
        aim=aims,
        points=st.one_of(st.none(), counts),
        days=st.sampled_from((30, 400, 400, 1, 0)),
    )
    def extend(self, member: int, aim: int, points: int | None, days: int) -> None:
        """Let a lot live longer, mostly one that is open."""
        wallet = self.wallet(member)
        lots = wallet.open_lots() if aim < 13 else list(wallet.lots.values())
        lot = lots[aim % len(lots)] if lots else None
        self.ask(
            "extend",
            member,
            lot=lot.lot_id if lot else 7,
            points=points,
            expires_on=(lot.expires_on if lot else self.model.day) + timedelta(days=days),
            actor="member",
        )

    @rule(
        member=members,
        issuer=merchants,
        points=counts,
        people=people,
        waits=st.sampled_from((0, 0, 0, 2)),
    )
    def correct_upwards(
        self, member: int, issuer: UUID, points: int, people: tuple[UUID, UUID], waits: int
    ) -> None:
        """Grant points that no purchase earned."""
        today = local_date(self.now, zone=PROGRAMME_ZONE)
        self.ask(
            "adjust_up",
            member,
            issuer_id=issuer,
            terms_id=TERMS[issuer][0],
            price=PRICE,
            points=points,
            active_from=today + timedelta(days=waits),
            expires_on=today + timedelta(days=waits + 3),
            approval=self.approval(people),
        )

    @rule(member=members, aim=aims, points=counts, people=people)
    def correct_downwards(
        self, member: int, aim: int, points: int, people: tuple[UUID, UUID]
    ) -> None:
        """Take points of one issuer away, mostly of one who has some there."""
        issuers = [lot.issuer_id for lot in self.wallet(member).open_lots()] or list(MERCHANTS)
        self.ask(
            "adjust_down",
            member,
            issuer_id=issuers[aim % len(issuers)],
            points=points,
            approval=self.approval(people),
        )

    @rule(member=members, aim=aims, points=st.integers(1, 90), people=people, owed=st.booleans())
    def write_off(
        self, member: int, aim: int, points: int, people: tuple[UUID, UUID], *, owed: bool
    ) -> None:
        """Forgive a debt in part or whole, mostly one that there is."""
        debts = {k: v for k, v in self.wallet(member).debts.items() if v}
        issuer = sorted(debts)[aim % len(debts)] if debts else MERCHANTS[aim % 3]
        most = debts.get(issuer, points)
        self.ask(
            "write_off",
            member,
            issuer_id=issuer,
            points=min(points, most) if owed else points,
            approval=self.approval(people),
        )

    @rule(member=members, issuer=merchants, points=st.integers(5, 40), forgiven=st.integers(1, 45))
    def forgive(self, member: int, issuer: UUID, points: int, forgiven: int) -> None:
        """Let a member owe an issuer, forgive some of it, and grant points that repay the rest."""
        self.earn(member, issuer, None, [(100, [(issuer, 0, points, 0, 365)])], 0)
        bought = len(self._entries(member)) or NO_ENTRY
        self.redeem(member, issuer, None, points, None)
        self.post("refund_earn", member, issuer, None, original=bought, amount=100, lines=None)
        self.ask(
            "write_off",
            member,
            issuer_id=issuer,
            points=forgiven,
            approval=self.approval(PEOPLE),
        )
        if points % 2:
            self.correct_upwards(member, issuer, points, PEOPLE, 0)

    @rule(member=members, settled=st.booleans())
    def close_account(self, member: int, *, settled: bool) -> None:
        """Close a wallet for good, perhaps after its debts were written off."""
        if settled:
            for issuer, points in sorted(self.wallet(member).debts.items()):
                self.ask(
                    "write_off",
                    member,
                    issuer_id=issuer,
                    points=points or 1,
                    approval=self.approval(PEOPLE),
                )
        self.ask("close_account", member)
        self.come_anew(member)

    # ---------------------------------------------------------------- many at once

    @rule(merchant=merchants, purchases=purchases_of_many)
    def buy_together(self, merchant: UUID, purchases: list[Any]) -> None:
        """Let purchases of several members arrive in one batch, some of them known or twice."""
        today = max(self.model.day, local_date(self.now, zone=PROGRAMME_ZONE))
        known = [
            arguments
            for name, arguments in self.calls
            if name == "earn"
            and arguments["claim"].client_id == merchant
            and not arguments.get("takings")  # purchases of campaigns go by themselves
        ]
        earnings: list[BatchEarning] = []
        for member, ref, purchase, twist in purchases:
            item: dict[str, Any] = {
                "member_id": self.members[member],
                "event": self.event(merchant, ref, amount=purchase[0]),
                "grants": granted([purchase], today),
            }
            item["claim"] = self.claim(merchant, repr(item))
            if twist == "keyless":
                item["claim"] = None
            if twist == "known" and known:
                item = {name: known[-1][name] for name in item}
            earnings.append(BatchEarning(**item, explanation=[]))
            if twist == "again":
                earnings.append(earnings[-1])
        self._post_together(earnings)

    def _post_together(self, earnings: list[BatchEarning]) -> None:
        """Play a batch. Rows of one wallet may post in any order: the model takes the ledger's.

        A row that is refused may have been asked before the others or behind them.
        """
        self.stand.steps += 1
        self.agreed = False
        done = earn_batch(self.connection, now=self.now, earnings=earnings)
        refused_first = {
            place
            for place, earning in enumerate(earnings)
            if (refusal := self.model.refusal(now=self.now, earning=earning))
            and comparison.agree(done[place], refusal)
        }
        order = sorted(
            range(len(done)),
            key=lambda place: (place not in refused_first, *_order(done[place], place)),
        )
        expected = self.model.earn_batch(now=self.now, earnings=earnings, order=order)
        for found, wanted in zip(done, expected, strict=True):
            self.stand.seen["earn_batch", comparison.word(wanted)] += 1
            note(f"earn_batch: {wanted}")
            assert comparison.agree(found, wanted), f"ledger: {found}\n  model:  {wanted}"
        for member in {item.member_id for item in earnings}:
            self.compare(member)
        self.agreed = True

    @rule()
    def night_for_all(self) -> None:
        """Expire and activate whatever is due, set by set; the end of a run looks at everybody."""
        self.stand.steps += 1
        self.agreed = False
        while expire_due(self.connection, now=self.now, limit=1000):
            pass
        before = {member: len(wallet.entries) for member, wallet in self.model.wallets.items()}
        self.model.expire_due(now=self.now)
        for member, wallet in self.model.wallets.items():
            if len(wallet.entries) > before[member]:
                self.compare(member)
        self.agreed = True


def _order(outcome: Any, place: int) -> tuple[bool, int]:
    """Sort the rows that were posted by their entries' numbers, the others behind them."""
    fresh = isinstance(outcome, Posted) and not outcome.replayed
    return (not fresh, outcome.sequence if fresh else place)
