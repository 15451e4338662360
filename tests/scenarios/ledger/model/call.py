"""One call on one wallet: the rules that several operations share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from network.ledger.values import Consent, Event, Grant
from tests.scenarios.ledger.model.books import (
    Consumed,
    Entry,
    Hold,
    Lot,
    Reference,
    Refused,
    Wallet,
)

MOST = 10**15
LOTS_PER_ENTRY = 1_000_000
"""A lot's number tells the entry that made it (from the schema, not the page)."""


def check_count(points: int) -> None:
    """Refuse a count below one or beyond what one call may carry (a bound of the contract)."""
    if not 1 <= points <= MOST:
        raise Refused("points_out_of_range")


@dataclass(kw_only=True)
class Call:
    """A wallet with the days that count in this call; the wallet is a copy until all is well."""

    member_id: UUID
    wallet: Wallet
    business_date: date
    today: date
    wall: datetime | None = None
    suspended: frozenset[UUID] = frozenset()
    person: UUID | None = None
    person_locked: bool = False
    """Which of a shared wallet's people asks, if one does, and whether they locked spending."""

    # ---------------------------------------------------------------- entries and references

    def write(
        self,
        kind: str,
        event: Event | None = None,
        *,
        original: int | None = None,
        actor: str = "system",
    ) -> Entry:
        """Begin an entry, which takes the movements that follow."""
        of = self.wallet.entry(original) if original is not None else None
        person = self.person or (named_in(of) if of else None)
        if event:
            actor = f"merchant:{event.merchant_id}" + (f" member:{person}" if person else "")
        entry = Entry(
            sequence=len(self.wallet.entries) + 1,
            business_date=self.business_date,
            kind=kind,
            actor=actor,
            original_sequence=original,
            original_date=of.business_date if of else None,
        )
        if event:
            entry.merchant_id = event.merchant_id
            entry.merchant_ref = event.merchant_ref or None
            entry.amount, entry.base = event.amount, event.base
        self.wallet.entries.append(entry)
        return entry

    def claim_reference(self, kind: str, event: Event) -> None:
        """Take the merchant's reference for the newest entry: unique for good unless voided."""
        key = (event.merchant_id, kind, event.merchant_ref)
        known = self.wallet.references.get(key)
        if known and known.state == "barred":
            raise Refused("reference_barred")
        if known and known.state in {"used", "moved"}:
            named = {"sequence": known.sequence} if known.state == "used" else {}
            raise Refused("duplicate_reference", **named)
        sequence = len(self.wallet.entries)
        self.wallet.references[key] = Reference(state="used", sequence=sequence)

    # ---------------------------------------------------------------- time

    def mature(self) -> None:
        """Retire the lots that have lapsed, then activate those whose day has come.

        A pending lot that was taken back whole has nothing left and stays as it is.
        """
        lapsed = [t for t in self.wallet.open_lots() if t.expires_on <= self.today]
        if lapsed:
            self.write("expiry")
        for lot in lapsed:
            self.wallet.move(where(lot), "expiry", lot.remaining, lot)
        waiting = [
            t for t in self.wallet.open_lots() if not t.active and t.active_from <= self.today
        ]
        if waiting:
            self.write("activation")
        for lot in waiting:
            self.wallet.move("pending", "available", lot.remaining, lot)

    def release_lapsed(self, *, keep: Hold | None = None) -> None:
        """End the holds whose life ran out (wall time), but for the one about to be settled.

        The page says that a hold runs out; that each call that spends or settles ends the others
        first, in their order and before lots lapse, was decided by the SQL.
        """
        for hold in self.wallet.holds.values():
            if hold.state == "authorised" and hold is not keep and hold.hold_until <= _set(self):
                self.write("release", original=hold.sequence)
                self.end_hold(hold, "released")

    # ---------------------------------------------------------------- taking and giving back

    def begin_spending(self, event: Event, points: int, consent: Consent | None, kind: str) -> None:
        """Check everything but the balance; the order of refusals was decided by the SQL."""
        check_count(points)
        if self.wallet.status != "active":
            raise Refused("wallet_closed" if self.wallet.status == "closed" else self.wallet.status)
        self.release_lapsed()
        self.mature()
        if self.person_locked:
            raise Refused("spend_locked")
        self.write(kind, event)
        self.claim_reference("redemption", event)
        if consent is None:
            return
        if consent.digest in self.wallet.codes:
            raise Refused("code_used")
        if consent.expires_at <= _set(self):
            raise Refused("code_expired")
        if points > consent.limit:
            raise Refused("code_limit", limit=consent.limit)
        self.wallet.codes.add(consent.digest)

    def take(
        self, target: str, points: int, acceptor: UUID, refusal: str = "insufficient_points"
    ) -> list[tuple[Lot, int]]:
        """Take points in the taking order and return the slices.

        Spendable = max(0, eligible lots - all debt); credit locked to this acceptor comes first.
        """
        eligible = self.spendable(points, None, acceptor, refusal=refusal)
        slices = share_out(sorted(eligible, key=lambda lot: lot.locked_to is None), points)
        for lot, taken in slices:
            if target == "held":
                self.wallet.move("available", "held", taken, lot)
            else:
                self.pay("available", taken, lot, acceptor)
        return slices

    def spendable(
        self, points: int, *locks: UUID | None, refusal: str = "insufficient_points"
    ) -> list[Lot]:
        """Return the available lots that are locked to one of these, None for unlocked ones.

        Without suspended ones. Refuses what goes beyond them less all debt.
        """
        lots = [lot for lot in self.wallet.open_lots() if lot.active and lot.locked_to in locks]
        eligible = [lot for lot in lots if lot.issuer_id not in self.suspended]
        left = sum(lot.remaining for lot in eligible) - self.wallet.figures()["debt"]
        if points > left:
            suspended = sum(lot.remaining for lot in lots) - sum(lot.remaining for lot in eligible)
            if left + suspended >= points:
                raise Refused("points_suspended", spendable=max(0, left), suspended=suspended)
            raise Refused(refusal, spendable=max(0, left))
        return eligible

    def new_lot(self, grant: Grant, place: int) -> Lot:
        """Return the lot of a grant, empty; what has lapsed already is not granted."""
        if grant.expires_on <= self.today:
            raise Refused("grant_lapsed")
        if grant.issuer_id in self.suspended:
            raise Refused("issuer_suspended")
        return Lot(
            lot_id=len(self.wallet.entries) * LOTS_PER_ENTRY + place,
            issuer_id=grant.issuer_id,
            terms_id=grant.terms_id,
            price=str(grant.price),
            campaign_id=grant.campaign_id,
            locked_to=grant.locked_to,
            active=grant.active_from <= self.today,
            active_from=grant.active_from,
            expires_on=grant.expires_on,
        )

    def pay(self, source: str, points: int, lot: Lot, acceptor: UUID) -> None:
        """Redeem points of a lot at an acceptor, at the price of the open day."""
        day = self.business_date
        self.wallet.move(source, "redemption", points, lot, acceptor=acceptor, priced_on=day)
        self.wallet.consumed.setdefault(len(self.wallet.entries), []).append(
            Consumed(lot_id=lot.lot_id, acceptor_id=acceptor, business_date=day, points=points)
        )

    def release(self, lot: Lot, points: int) -> None:
        """Let held points go: back to available, or to expiry where the lot has lapsed."""
        lapsed = lot.expires_on <= self.today
        self.wallet.move("held", "expiry" if lapsed else "available", points, lot)

    def end_hold(self, hold: Hold, state: str) -> None:
        """End a hold without a capture; one that was released before only changes its state."""
        if hold.state == "authorised":
            for piece in hold.slices:
                self.release(self.wallet.lots[piece.lot_id], piece.points)
        hold.state = state
        hold.ended_sequence = len(self.wallet.entries)

    def claw_back(self, issuer: UUID, first: int | None, points: int) -> None:
        """Take an issuer's points back: the earned lot first, then its other lots, then debt."""
        lots = [lot for lot in self.wallet.open_lots() if lot.issuer_id == issuer]
        for lot in sorted(lots, key=lambda lot: lot.lot_id != first):
            taken = min(points, lot.remaining)
            if taken:
                self.wallet.move(where(lot), "clawback", taken, lot)
                points -= taken
        if points:
            self.wallet.owe(issuer, points)

    def redeposit(self, paying: int, points: int, grace_days: int) -> None:
        """Give points of a redemption back, walking its consumption backwards.

        An expired lot gets a child lot with the grace period, one per slice. The price is that of
        the original capture's day.
        """
        refundable = sum(c.points - c.refunded for c in self.wallet.consumed[paying])
        if points > refundable:
            raise Refused("refund_exceeds_original", refundable=refundable)
        children = 0
        for consumed in reversed(self.wallet.consumed[paying]):
            back = min(points, consumed.points - consumed.refunded)
            if not back:
                continue
            points -= back
            consumed.refunded += back
            lot, child = self.wallet.lots[consumed.lot_id], None
            if lot.expires_on <= self.today:
                children += 1
                child = self._child(lot, children, grace_days)
            self.wallet.move(
                "redemption",
                "available",
                back,
                lot,
                acceptor=consumed.acceptor_id,
                priced_on=consumed.business_date,
                child=child,
            )

    def _child(self, lot: Lot, place: int, grace_days: int) -> Lot:
        child = Lot(
            lot_id=len(self.wallet.entries) * LOTS_PER_ENTRY + place,
            parent_lot_id=lot.lot_id,
            issuer_id=lot.issuer_id,
            terms_id=lot.terms_id,
            campaign_id=lot.campaign_id,
            locked_to=lot.locked_to,
            price=lot.price,
            active=True,
            active_from=self.today,
            expires_on=self.today + timedelta(days=grace_days),
        )
        self.wallet.lots[child.lot_id] = child
        return child


def share_out(lots: Iterable[Lot], points: int) -> list[tuple[Lot, int]]:
    """Return what each lot gives until the points are reached."""
    slices = []
    for lot in lots:
        taken = min(points, lot.remaining)
        if taken:
            slices.append((lot, taken))
            points -= taken
    return slices


def named_in(entry: Entry) -> UUID | None:
    """Return the person of a shared wallet whom an entry names."""
    _, _, person = entry.actor.partition(" member:")
    return UUID(person) if person else None


def where(lot: Lot) -> str:
    return "available" if lot.active else "pending"


def _set(call: Call) -> datetime:
    if call.wall is None:
        raise TypeError("this operation needs the wall time")
    return call.wall
