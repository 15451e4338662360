"""The model's operations beside the till: extensions, corrections, closing; and many at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from network.ledger.batch_arguments import BatchEarning
from network.ledger.values import Approval, Claim, Grant, Posted
from tests.scenarios.ledger.model.books import Lot, Refused
from tests.scenarios.ledger.model.call import LOTS_PER_ENTRY, Call, check_count, share_out, where
from tests.scenarios.ledger.model.travelling import Travelling, explained


class Model(Travelling):
    """The whole ledger: everything that ``network.ledger`` offers to post."""

    def extend(
        self,
        *,
        now: datetime,
        claim: Claim,
        member_id: UUID,
        lot: int,
        points: int | None,
        expires_on: date,
        actor: str,
    ) -> Posted:
        """Let points of a lot live longer, in a child lot."""

        def rule(call: Call) -> dict[str, Any]:
            if call.wallet.status == "closed":
                raise Refused("wallet_closed")
            call.mature()
            parent = call.wallet.lots.get(lot)
            if parent is None or not parent.active or not parent.remaining:
                raise Refused("unknown_lot")
            moved = parent.remaining if points is None else points
            check_count(moved)
            if moved > parent.remaining:
                raise Refused("insufficient_points", spendable=parent.remaining)
            if expires_on <= parent.expires_on:
                raise Refused("expiry_not_later")
            entry = call.write("extension", actor=actor)
            facts = {"from": parent.expires_on.isoformat(), "expires_on": expires_on.isoformat()}
            entry.explanation = [explained("extension", moved, "extended", facts)]
            child = Lot(
                lot_id=entry.sequence * LOTS_PER_ENTRY + 1,
                parent_lot_id=lot,
                issuer_id=parent.issuer_id,
                terms_id=parent.terms_id,
                price=parent.price,
                campaign_id=parent.campaign_id,
                locked_to=parent.locked_to,
                active=True,
                active_from=parent.active_from,
                expires_on=expires_on,
            )
            call.wallet.lots[child.lot_id] = child
            call.wallet.move("available", "available", moved, parent, child=child)
            return {"points": moved, "lot": child.lot_id, "expires_on": expires_on.isoformat()}

        return self.post(rule, member_id=member_id, now=now, claim=claim)

    def adjust_up(
        self,
        *,
        now: datetime,
        claim: Claim,
        member_id: UUID,
        issuer_id: UUID,
        terms_id: UUID,
        price: Decimal,
        points: int,
        active_from: date,
        expires_on: date,
        approval: Approval,
    ) -> Posted:
        """Grant points outside a purchase."""

        def rule(call: Call) -> dict[str, Any]:
            if call.wallet.status == "closed":
                raise Refused("wallet_closed")
            check_count(points)
            call.mature()
            grant = Grant(
                issuer_id=issuer_id,
                terms_id=terms_id,
                price=price,
                points=points,
                base=0,
                active_from=active_from,
                expires_on=expires_on,
                line=0,
            )
            _correct(call, "adjustment", "adjust_up", points, approval)
            lot = call.new_lot(grant, 1)
            call.wallet.lots[lot.lot_id] = lot
            call.wallet.move("adjustment", where(lot), points, lot)
            return {"points": points, "repaid": call.wallet.repaid()}

        self._check_people(claim, member_id, approval)
        return self.post(rule, member_id=member_id, now=now, claim=claim)

    def adjust_down(
        self,
        *,
        now: datetime,
        claim: Claim,
        member_id: UUID,
        issuer_id: UUID,
        points: int,
        approval: Approval,
    ) -> Posted:
        """Take available points of one issuer away, never into debt."""

        def rule(call: Call) -> dict[str, Any]:
            check_count(points)
            call.mature()
            lots = [t for t in call.wallet.open_lots() if t.active and t.issuer_id == issuer_id]
            there = sum(lot.remaining for lot in lots)
            if points > there:
                raise Refused("insufficient_points", spendable=there)
            _correct(call, "adjustment", "adjust_down", points, approval)
            for lot, taken in share_out(lots, points):
                call.wallet.move("available", "adjustment", taken, lot)
            return {"points": points}

        self._check_people(claim, member_id, approval)
        return self.post(rule, member_id=member_id, now=now, claim=claim)

    def write_off(
        self,
        *,
        now: datetime,
        claim: Claim,
        member_id: UUID,
        issuer_id: UUID,
        points: int,
        approval: Approval,
    ) -> Posted:
        """Forgive what a member owes an issuer."""

        def rule(call: Call) -> dict[str, Any]:
            check_count(points)
            call.mature()
            owed = call.wallet.debts.get(issuer_id, 0)
            if points > owed:
                raise Refused("write_off_exceeds_debt", debt=owed)
            _correct(call, "write_off", "write_off", points, approval)
            call.wallet.owe(issuer_id, -points)
            return {"points": points}

        self._check_people(claim, member_id, approval)
        return self.post(rule, member_id=member_id, now=now, claim=claim)

    def _check_people(self, claim: Claim, member_id: UUID, approval: Approval) -> None:
        """Refuse one person in both parts; a key's conflict and an unknown wallet come first."""
        self.known(claim, member_id)
        self.wallet(member_id)
        if approval.proposer == approval.approver:
            raise Refused("same_person")

    def close_account(
        self, *, now: datetime, wall: datetime, claim: Claim, member_id: UUID
    ) -> Posted:
        """Let what remains expire and close the wallet for good."""

        def rule(call: Call) -> dict[str, Any]:
            if call.wallet.status == "closed":
                raise Refused("wallet_closed")
            call.release_lapsed()
            call.mature()
            figures = call.wallet.figures()
            if figures["held"]:
                raise Refused("open_holds", held=figures["held"])
            if figures["debt"]:
                raise Refused("open_debt", debt=figures["debt"])
            points = figures["available"] + figures["pending"]
            entry = call.write("expiry", actor="member")
            entry.explanation = [explained("closure", points, "closed", {})]
            for lot in call.wallet.open_lots():
                call.wallet.move(where(lot), "expiry", lot.remaining, lot)
            call.wallet.status = "closed"
            return {"points": points}

        return self.post(rule, member_id=member_id, now=now, claim=claim, wall=wall)

    # ---------------------------------------------------------------- many at once

    def earn_batch(
        self, *, now: datetime, earnings: Sequence[BatchEarning], order: Sequence[int]
    ) -> list[Posted | Refused]:
        """Let each purchase of a batch earn, in ``order``; a refusal is its row's outcome alone.

        A row without a key whose reference was used is that purchase sent again: it is said before
        anything else, such as a wallet that has closed since.
        """
        outcomes: dict[int, Posted | Refused] = {}
        for place in order:
            item = earnings[place]
            wallet = self.wallets.get(item.member_id)
            names = (item.event.merchant_id, "issuance", item.event.merchant_ref)
            named = wallet.references.get(names) if wallet else None
            if item.claim is None and named and named.state == "used":
                outcomes[place] = Refused("duplicate_reference", sequence=named.sequence)
                continue
            try:
                outcomes[place] = self.earn(
                    now=now,
                    claim=item.claim,
                    member_id=item.member_id,
                    event=item.event,
                    grants=item.grants,
                )
            except Refused as refusal:
                outcomes[place] = refusal
        return [outcome for _, outcome in sorted(outcomes.items())]

    def refusal(self, *, now: datetime, earning: BatchEarning) -> Refused | None:
        """Return why a purchase would be refused now; nothing of it stays if it would not."""
        kept = dict(self.wallets), dict(self.answers)
        outcome = self.earn_batch(now=now, earnings=[earning], order=[0])[0]
        self.wallets, self.answers = kept
        return outcome if isinstance(outcome, Refused) else None

    def expire_due(self, *, now: datetime) -> None:
        """Expire and activate what is due everywhere; holds are not looked at."""
        for member_id in self.wallets:
            call = self.begin(member_id, now, None)
            call.mature()
            self.finish(call, {}, None)


def _correct(call: Call, kind: str, rule: str, points: int, approval: Approval) -> None:
    """Begin the entry of a correction, which names both people and the reason."""
    people = f"operator:{approval.proposer} operator:{approval.approver}"
    entry = call.write(kind, actor=people)
    entry.explanation = [explained(rule, points, "correction", {"words": approval.reason})]
