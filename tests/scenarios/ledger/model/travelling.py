"""The model's points on their way between two wallets: gifts, shared wallets, merges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from network.ledger.values import Claim, Posted
from tests.scenarios.ledger.model.books import Lot, Reference, Refused
from tests.scenarios.ledger.model.call import (
    LOTS_PER_ENTRY,
    Call,
    check_count,
    named_in,
    share_out,
    where,
)
from tests.scenarios.ledger.model.promising import bring
from tests.scenarios.ledger.model.returns import Returns

Pair = Callable[[Call, Call], dict[str, Any]]


class Travelling(Returns):
    """A ledger whose wallets give to each other, or become one."""

    def post_pair(
        self, rule: Pair, *, first: UUID, second: UUID, now: datetime, wall: datetime, claim: Claim
    ) -> Posted:
        """Apply a rule to copies of two wallets and keep both or neither; the answer is first's."""
        if first == second:
            raise Refused("same_wallet")
        known = self.known(claim, first)
        mine, other = self.begin(first, now, wall), self.begin(second, now, wall)
        if known:
            return known
        result = rule(mine, other)
        self.finish(other, {}, None)
        return self.finish(mine, result, claim)

    def transfer(
        self,
        *,
        now: datetime,
        wall: datetime,
        claim: Claim,
        member_id: UUID,
        taker: UUID,
        points: int,
    ) -> Posted:
        """Give unlocked, spendable points; they keep issuer, terms and expiry."""

        def rule(giver: Call, receiver: Call) -> dict[str, Any]:
            check_count(points)
            if receiver.wallet.status == "closed":
                raise Refused("wallet_closed")
            _retire(giver, receiver)
            given = _spendable(giver, points)
            _begin(giver, receiver, "transfer", "transfer", points, "member")
            _hand_over(giver, receiver, given)
            return {
                "points": points,
                "taker_sequence": len(receiver.wallet.entries),
                "repaid": receiver.wallet.repaid(),
            }

        return self.post_pair(rule, first=member_id, second=taker, now=now, wall=wall, claim=claim)

    def join_pool(
        self, *, now: datetime, wall: datetime, claim: Claim, member_id: UUID, pool: UUID
    ) -> Posted:
        """Move a person's whole wallet into a shared one."""
        return self.post_pair(
            _moves("join", "member"),
            first=member_id,
            second=pool,
            now=now,
            wall=wall,
            claim=claim,
        )

    def merge(
        self,
        *,
        now: datetime,
        wall: datetime,
        claim: Claim,
        member_id: UUID,
        into: UUID,
        actor: str,
    ) -> Posted:
        """Move a member's whole wallet into another's for good."""
        return self.post_pair(
            _moves("merge", actor), first=member_id, second=into, now=now, wall=wall, claim=claim
        )

    def leave_pool(
        self,
        *,
        now: datetime,
        wall: datetime,
        claim: Claim,
        member_id: UUID,
        pool: UUID,
        points: int,
    ) -> Posted:
        """Give a person a wallet of their own again; debts stay with the pool.

        Who was merged has no way back; a pool that was merged is left where its points are.
        """

        def rule(person: Call, shared: Call) -> dict[str, Any]:
            if not person.wallet.joined() or self.home(member_id) != pool:
                raise Refused("not_in_pool")
            _retire(person, shared)
            given = []
            if points:
                check_count(points)
                given = _spendable(shared, points)
            _begin(shared, person, "leave", "leave", points, "member")
            _hand_over(shared, person, given)
            _keep_references(shared, person)
            person.wallet.codes |= shared.wallet.codes
            person.wallet.status = "spend_locked" if person.wallet.locked_there else "active"
            person.wallet.moved_to = None
            return {
                "points": points,
                "giver_sequence": len(shared.wallet.entries),
                "repaid": person.wallet.repaid(),
            }

        return self.post_pair(rule, first=member_id, second=pool, now=now, wall=wall, claim=claim)

    def forward(self, *, now: datetime, wall: datetime, member_id: UUID) -> Posted | None:
        """Take along what refunds left in a wallet that had moved."""
        home = self.home(member_id)
        if home == member_id or self.wallet(home).status == "closed":
            return None
        old, new = self.begin(member_id, now, wall), self.begin(home, now, wall)
        _retire(old)
        figures = old.wallet.figures()
        points = figures["available"] + figures["pending"]
        if points + figures["debt"] == 0:
            self.finish(old, {}, None)
            return None
        _retire(new)
        _begin(old, new, "transfer", "forward", points, "system")
        _hand_over(old, new, [(lot, lot.remaining) for lot in old.wallet.open_lots()])
        _move_debts(old, new)
        self.finish(new, {}, None)
        return self.finish(old, {"points": points}, None)


def _moves(kind: str, actor: str) -> Pair:
    """Return the rule by which a whole wallet goes into another."""

    def rule(old: Call, new: Call) -> dict[str, Any]:
        if "closed" in {old.wallet.status, new.wallet.status}:
            raise Refused("wallet_closed")
        _retire(old, new)
        figures = old.wallet.figures()
        if figures["held"]:
            raise Refused("open_holds", held=figures["held"])
        points = figures["available"] + figures["pending"]
        _begin(old, new, kind, kind, points, actor)
        _hand_over(old, new, [(lot, lot.remaining) for lot in old.wallet.open_lots()])
        repaid = new.wallet.repaid()  # by the points that came; not the debts that come after them
        _move_debts(old, new)
        _move_references(old, new)
        new.wallet.codes |= old.wallet.codes
        if kind == "merge":
            bring(old, new)
        old.wallet.locked_there = old.wallet.status == "spend_locked"
        old.wallet.status, old.wallet.moved_to = "closed", new.member_id
        return {
            "points": points,
            "debt": figures["debt"],
            "taker_sequence": len(new.wallet.entries),
            "repaid": repaid,
        }

    return rule


def _retire(*calls: Call) -> None:
    """End what is due in a wallet before anything else is counted."""
    for call in calls:
        call.release_lapsed()
        call.mature()


def _spendable(call: Call, points: int) -> list[tuple[Lot, int]]:
    """Return the slices that a wallet may give away: unlocked ones, as far as debts let it."""
    if call.wallet.status != "active":
        raise Refused("wallet_closed" if call.wallet.status == "closed" else call.wallet.status)
    return share_out(call.spendable(points, None), points)


def _begin(giver: Call, taker: Call, kind: str, rule: str, points: int, actor: str) -> None:
    """Begin the two halves of a movement; each names the other."""
    halves = giver.write(kind, actor=actor), taker.write(kind, actor=actor)
    for entry, reason, other, of in (
        (halves[0], "given", taker, halves[1]),
        (halves[1], "received", giver, halves[0]),
    ):
        facts = {"member_id": str(other.member_id), "sequence": of.sequence}
        entry.explanation = [explained(rule, points, reason, facts)]


def explained(rule: str, points: int, reason: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Return one step of an entry's explanation, as the entry keeps it."""
    return {"rule": rule, "fired": True, "points": points, "reason": reason, "facts": facts}


def _hand_over(giver: Call, taker: Call, slices: list[tuple[Lot, int]]) -> None:
    """Let slices go on as lots of the taker's, alike in all but what they hold."""
    for place, (lot, points) in enumerate(slices, start=1):
        child = replace(
            lot,
            lot_id=len(taker.wallet.entries) * LOTS_PER_ENTRY + place,
            parent_lot_id=None,
            granted=0,
            remaining=0,
            held=0,
            redeemed=0,
            expired=0,
            clawed_back=0,
            moved=0,
        )
        taker.wallet.lots[child.lot_id] = child
        giver.wallet.move(where(lot), "transfer", points, lot)
        taker.wallet.move("transfer", where(child), points, child)


def _move_debts(old: Call, new: Call) -> None:
    for issuer, points in sorted(old.wallet.debts.items()):
        if points:
            old.wallet.owe(issuer, -points)
            new.wallet.owe(issuer, points)


def _move_references(old: Call, new: Call) -> None:
    """Let no reference be used again under the new wallet, unless a void has freed it."""
    for key, named in old.wallet.references.items():
        known = new.wallet.references.get(key)
        back = named.moved_from == new.member_id
        if named.state == "free" or back or (known and known.state != "free"):
            continue
        barred = named.state == "barred"
        new.wallet.references[key] = Reference(
            state="barred" if barred else "moved",
            sequence=len(new.wallet.entries),
            moved_from=None if barred else named.moved_from or old.member_id,
        )


def _keep_references(shared: Call, person: Call) -> None:
    """Let what the person's calls in a shared wallet were called stay taken where they go."""
    for key, named in shared.wallet.references.items():
        own = named_in(shared.wallet.entries[named.sequence - 1]) == person.member_id
        known = person.wallet.references.get(key)
        if not own or named.state not in {"used", "barred"} or (known and known.state != "free"):
            continue
        barred = named.state == "barred"
        person.wallet.references[key] = Reference(
            state="barred" if barred else "moved",
            sequence=len(person.wallet.entries),
            moved_from=None if barred else shared.member_id,
        )
