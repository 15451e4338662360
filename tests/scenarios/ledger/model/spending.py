"""The model's spending: hold and capture, or both at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from network.ledger.values import Claim, Consent, Event, Posted
from tests.scenarios.ledger.model.books import Hold, Refused, Slice
from tests.scenarios.ledger.model.call import Call, check_count, named_in
from tests.scenarios.ledger.model.ledger import Ledger

LATE = timedelta(hours=24)


class Spending(Ledger):
    """A ledger whose points can be held, captured, let go and redeemed."""

    def authorise(
        self,
        *,
        now: datetime,
        wall: datetime,
        claim: Claim,
        member_id: UUID,
        event: Event,
        points: int,
        hold_until: datetime,
        consent: Consent | None,
        follow: bool = False,
    ) -> Posted:
        """Move available points to held."""

        def rule(call: Call) -> dict[str, Any]:
            call.begin_spending(event, points, consent, "authorisation")
            slices = call.take("held", points, event.merchant_id)
            sequence = len(call.wallet.entries)
            call.wallet.holds[sequence] = Hold(
                sequence=sequence,
                merchant_id=event.merchant_id,
                merchant_ref=event.merchant_ref,
                points=points,
                hold_until=hold_until,
                slices=[Slice(lot_id=lot.lot_id, points=taken) for lot, taken in slices],
            )
            return {"state": "authorised", "points": points, "hold_until": hold_until.isoformat()}

        return self.post(rule, member_id=member_id, now=now, claim=claim, wall=wall, follow=follow)

    def redeem(
        self,
        *,
        now: datetime,
        wall: datetime,
        claim: Claim,
        member_id: UUID,
        event: Event,
        points: int,
        consent: Consent | None,
        follow: bool = False,
    ) -> Posted:
        """Move available points to the acceptor's redemption."""

        def rule(call: Call) -> dict[str, Any]:
            call.begin_spending(event, points, consent, "redemption")
            call.take("redemption", points, event.merchant_id)
            return {"state": "captured", "points": points}

        return self.post(rule, member_id=member_id, now=now, claim=claim, wall=wall, follow=follow)

    def capture(
        self,
        *,
        now: datetime,
        wall: datetime,
        claim: Claim,
        member_id: UUID,
        authorisation: int,
        points: int | None,
        event: Event,
    ) -> Posted:
        """Pay with the held slices in the order taken, let the rest go.

        Late within 24 hours: the slices if they are still held, else the points taken anew if
        they are there (and the wallet is not locked or closed meanwhile, says the SQL).
        """

        def rule(call: Call) -> dict[str, Any]:
            hold = _settled(call, event, authorisation)
            settled = hold.points if points is None else points
            check_count(settled)
            if settled > hold.points:
                raise Refused("capture_exceeds_hold", held=hold.points)
            if wall >= hold.hold_until + LATE:
                raise Refused("hold_expired")
            call.release_lapsed(keep=hold)
            call.mature()
            entry = call.write("capture", _known(event, hold), original=hold.sequence)
            released = 0
            if hold.state == "released":
                if call.wallet.status != "active":
                    raise Refused("hold_expired")
                self._check_late(call, hold)
                call.take("redemption", settled, event.merchant_id, "hold_expired")
            else:
                released = hold.points - settled
                left = settled
                for piece in hold.slices:
                    lot = call.wallet.lots[piece.lot_id]
                    piece.captured = min(left, piece.points)
                    left -= piece.captured
                    if piece.captured:
                        call.pay("held", piece.captured, lot, event.merchant_id)
                    if piece.captured < piece.points:
                        call.release(lot, piece.points - piece.captured)
            hold.state, hold.captured = "captured", settled
            hold.capture_sequence = entry.sequence
            return {
                "state": "captured",
                "authorisation": authorisation,
                "points": settled,
                "released": released,
            }

        return self.post(rule, member_id=member_id, now=now, claim=claim, wall=wall)

    def _check_late(self, call: Call, hold: Hold) -> None:
        """Refuse to take points anew for a person who has left, or has locked spending."""
        made = call.wallet.entry(hold.sequence)
        person = named_in(made) if made else None
        if person and self.whereabouts(person)[0] != call.member_id:
            raise Refused("hold_expired")
        if person and self.wallets[person].locked_there:
            raise Refused("spend_locked")

    def void(
        self,
        *,
        now: datetime,
        wall: datetime,
        claim: Claim,
        member_id: UUID,
        authorisation: int,
        event: Event,
    ) -> Posted:
        """Let a hold go and free its reference; one that ran out can be voided too."""

        def rule(call: Call) -> dict[str, Any]:
            hold = _settled(call, event, authorisation)
            call.release_lapsed(keep=hold)
            call.mature()
            call.write("void", _known(event, hold), original=hold.sequence)
            call.end_hold(hold, "voided")
            named = call.wallet.references[hold.merchant_id, "redemption", hold.merchant_ref]
            named.state = "free"
            return {"state": "voided", "authorisation": authorisation, "points": hold.points}

        return self.post(rule, member_id=member_id, now=now, claim=claim, wall=wall)


def _known(event: Event, hold: Hold) -> Event:
    """What ends a hold and names no reference has that of the authorisation."""
    return replace(event, merchant_ref=event.merchant_ref or hold.merchant_ref)


def _settled(call: Call, event: Event, authorisation: int) -> Hold:
    """Return the hold that a capture or void names, if it is this merchant's and not ended."""
    hold = call.wallet.holds.get(authorisation)
    if hold is None:
        paid = call.wallet.consumed.get(authorisation)
        if paid and paid[0].acceptor_id == event.merchant_id:
            raise Refused("already_captured")  # a redemption: authorised and captured at once
        raise Refused("unknown_original")
    if hold.merchant_id != event.merchant_id:
        raise Refused("unknown_original")
    if hold.state in {"captured", "voided"}:
        raise Refused(f"already_{hold.state}")
    return hold
