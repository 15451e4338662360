"""The model's way back: reversals, refunds of purchases, refunds of redemptions."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from network.ledger.values import Claim, Event, Posted
from tests.scenarios.ledger.model.books import Earned, Refused, Wallet
from tests.scenarios.ledger.model.call import Call, check_count
from tests.scenarios.ledger.model.shares import refund, refundable
from tests.scenarios.ledger.model.spending import Spending

REFUNDS = ("refund_issuance", "refund_redemption")


class Returns(Spending):
    """A ledger that takes back what was bought or paid for."""

    def reverse(
        self,
        *,
        now: datetime,
        wall: datetime,
        claim: Claim,
        member_id: UUID,
        event: Event,
        grace_days: int = 30,
        follow: bool = False,
    ) -> Posted:
        """Void, refund or bar what the reference did; afterwards no call with it succeeds.

        A reference that came from another wallet is reversed there.
        """
        home = self.whereabouts(member_id)[0] if follow else member_id
        owner = self._user(claim, home, event)
        if owner:
            return self.reverse(
                now=now,
                wall=wall,
                claim=claim,
                member_id=owner,
                event=event,
                grace_days=grace_days,
            )

        def rule(call: Call) -> dict[str, Any]:
            wallet, key = call.wallet, (event.merchant_id, "redemption", event.merchant_ref)
            named = wallet.references.get(key)
            hold = wallet.holds.get(named.sequence) if named else None
            call.release_lapsed(keep=hold)
            call.mature()
            paying = _paying(wallet, named.sequence) if named else 0
            state, points = "barred", 0
            if hold and hold.state in {"authorised", "released"}:
                state, points = "voided", hold.points
                call.write("void", event, original=hold.sequence)
                call.end_hold(hold, "voided")
            elif hold and hold.state == "voided":
                state = "voided"
                call.write("void", event)
            elif paying in wallet.consumed:
                state = "refunded"
                points = sum(c.points - c.refunded for c in wallet.consumed[paying])
                call.write("refund_redemption", event, original=paying)
                call.redeposit(paying, points, grace_days)
            else:
                call.write("void", event)
            if named is None:
                call.claim_reference("redemption", event)
            wallet.references[key].state = "barred"
            return {"state": state, "points": points}

        return self.post(rule, member_id=member_id, now=now, claim=claim, wall=wall, follow=follow)

    def _user(self, claim: Claim, member_id: UUID, event: Event) -> UUID | None:
        """Return the wallet that used a reference before it moved into the one that is asked."""
        if self.known(claim, member_id):
            return None
        key = (event.merchant_id, "redemption", event.merchant_ref)
        named = self.wallet(member_id).references.get(key)
        return named.moved_from if named else None

    def refund_earn(
        self,
        *,
        now: datetime,
        claim: Claim,
        member_id: UUID,
        original: int,
        event: Event,
        amount: int | None,
        lines: list[dict[str, int]] | None,
    ) -> Posted:
        """Take back what a refunded part of a purchase had earned."""

        def rule(call: Call) -> dict[str, Any]:
            wallet = call.wallet
            bought = wallet.entry(original)
            if bought is None or bought.merchant_id != event.merchant_id:
                raise Refused("unknown_original")
            if bought.kind != "issuance":
                raise Refused("refund_of_refund" if bought.kind in REFUNDS else "not_refundable")
            call.mature()
            entry = call.write("refund_issuance", event, original=original)
            call.claim_reference("refund_issuance", event)
            rows = wallet.earned[original]
            if not rows:  # a purchase of nothing
                raise Refused("not_refundable")
            owed = wallet.figures()["debt"]
            if amount is not None:
                check_count(amount)
                shares = refund(rows, amount)
            else:
                shares = _refund_lines(rows, lines or [])
            entry.amount = amount or sum(line["amount"] for line in lines or []) or None
            total: dict[tuple[UUID, int | None], int] = {}
            for row, part in shares:
                if part:
                    lot = row.issuer_id, row.lot_id
                    total[lot] = total.get(lot, 0) + part
            for (issuer, lot_id), points in sorted(total.items()):
                call.claw_back(issuer, lot_id, points)
            debt = wallet.figures()["debt"] - owed
            return {"points": sum(total.values()) - debt, "debt": debt}

        return self.post(rule, member_id=member_id, now=now, claim=claim)

    def refund_redeem(
        self,
        *,
        now: datetime,
        claim: Claim,
        member_id: UUID,
        original: int,
        event: Event,
        points: int,
        grace_days: int,
    ) -> Posted:
        """Give points of a redemption back; an authorisation stands for its capture."""

        def rule(call: Call) -> dict[str, Any]:
            check_count(points)
            paying = _paying(call.wallet, original)
            consumed = call.wallet.consumed.get(paying)
            named = call.wallet.entry(original)
            if named is None or named.merchant_id != event.merchant_id:
                raise Refused("unknown_original")
            if not consumed:
                raise Refused("refund_of_refund" if named.kind in REFUNDS else "not_refundable")
            call.mature()
            call.write("refund_redemption", event, original=paying)
            call.claim_reference("refund_redemption", event)
            call.redeposit(paying, points, grace_days)
            return {"points": points, "repaid": call.wallet.repaid()}

        return self.post(rule, member_id=member_id, now=now, claim=claim)


def _paying(wallet: Wallet, sequence: int) -> int:
    """Return the entry that paid the acceptor: a hold's capture, or the entry itself."""
    hold = wallet.holds.get(sequence)
    return (hold.capture_sequence if hold else None) or sequence


def _refund_lines(rows: list[Earned], lines: list[dict[str, int]]) -> list[tuple[Earned, int]]:
    """Refund line by line, each against its own base; a line that earned nothing is line -1.

    Whatever came before, the refund of all that was left takes back all points that are left.
    """
    known = {row.line for row in rows}
    wanted: dict[int, list[int]] = {}
    for line in lines:
        wanted.setdefault(line["line"] if line["line"] in known else -1, []).append(line["amount"])
    shares = []
    for number, amounts in sorted(wanted.items()):
        check_count(min(amounts))
        mine = [row for row in rows if row.line == number]
        if not mine:
            raise Refused("refund_exceeds_original", refundable=0)
        shares += refund(mine, sum(amounts))
    if not refundable(rows):
        shares += [(row, row.points - row.clawed_back) for row in rows]
        for row in rows:
            row.clawed_back = row.points
    return shares
