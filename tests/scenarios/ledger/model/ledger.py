"""A small pure model of the ledger's rules, to check by eye against the ledger's design page.

Here: the frame of every call, wallets and days, earning; ``spending.py`` and ``returns.py`` add the
other operations, ``call.py`` has what they share, ``books.py`` the rows and how points move.

The methods are those of ``network.ledger.operations``, with the same arguments but for the
connection, the evidence and the explanation, which move no point. Nothing here knows the SQL, its
tables' triggers or its short cuts: figures are sums, and a call works on a copy that is dropped on
a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from network.clock import local_date
from network.ledger.values import Claim, Event, Grant, Posted
from network.settings import PROGRAMME_ZONE
from tests.scenarios.ledger.model.books import Earned, Lot, Refused, Wallet
from tests.scenarios.ledger.model.call import LOTS_PER_ENTRY, Call, check_count

Rule = Callable[[Call], dict[str, Any]]


@dataclass(kw_only=True)
class Ledger:
    """All wallets, the open day, and the answers given."""

    day: date
    wallets: dict[UUID, Wallet] = field(default_factory=dict)
    answers: dict[tuple[UUID, str], tuple[bytes, Posted]] = field(default_factory=dict)

    # ---------------------------------------------------------------- the frame of every call

    def post(
        self,
        rule: Rule,
        *,
        member_id: UUID,
        now: datetime,
        claim: Claim | None,
        wall: datetime | None = None,
    ) -> Posted:
        """Answer a key that is known; else apply the rule to a copy and keep it if all is well."""
        if claim and (known := self.answers.get((claim.client_id, claim.key))):
            fingerprint, posted = known
            if (fingerprint, posted.member_id) != (claim.fingerprint, member_id):
                raise Refused("idempotency_conflict")
            return replace(posted, replayed=True)
        wallet = deepcopy(self.wallet(member_id))
        today = max(self.day, local_date(now, zone=PROGRAMME_ZONE))
        result = rule(Call(wallet=wallet, business_date=self.day, today=today, wall=wall))
        self.wallets[member_id] = wallet
        posted = Posted(
            member_id=member_id,
            sequence=len(wallet.entries),
            business_date=self.day,
            replayed=False,
            result=result | {"balance": wallet.figures()},
        )
        if claim:
            self.answers[claim.client_id, claim.key] = claim.fingerprint, posted
        return posted

    def wallet(self, member_id: UUID) -> Wallet:
        """Return a member's wallet."""
        if member_id not in self.wallets:
            raise Refused("unknown_wallet")
        return self.wallets[member_id]

    # ---------------------------------------------------------------- wallets and days

    def open_wallet(self, *, member_id: UUID) -> bool:
        """Open a wallet once."""
        if member_id in self.wallets:
            return False
        self.wallets[member_id] = Wallet()
        return True

    def set_wallet_status(self, *, member_id: UUID, status: str) -> str:
        """Set the status; a closed wallet stays closed."""
        wallet = self.wallet(member_id)
        before, closed = wallet.status, "closed"
        if before == closed != status:
            raise Refused("wallet_closed")
        wallet.status = status
        return before

    def flip_day(self, *, now: datetime) -> date | None:
        """Open the next day if the open one's cut-off (midnight) has passed, one at a time."""
        before = self.day
        if local_date(now, zone=PROGRAMME_ZONE) <= before:
            return None
        self.day += timedelta(days=1)
        return before

    def mature(self, *, now: datetime, wall: datetime, member_id: UUID) -> Posted | None:
        """Do what is due; nothing due posts nothing."""
        before = len(self.wallet(member_id).entries)

        def rule(call: Call) -> dict[str, Any]:
            call.release_lapsed()
            call.mature()
            return {"entries": len(call.wallet.entries) - before}

        posted = self.post(rule, member_id=member_id, now=now, claim=None, wall=wall)
        return posted if posted.result["entries"] else None

    # ---------------------------------------------------------------- earning

    def earn(
        self,
        *,
        now: datetime,
        claim: Claim,
        member_id: UUID,
        event: Event,
        grants: Sequence[Grant],
    ) -> Posted:
        """Grant one lot per (issuer, terms, price, life); remember what a refund may take back."""

        def rule(call: Call) -> dict[str, Any]:
            if call.wallet.status == "closed":
                raise Refused("wallet_closed")
            call.mature()
            entry = call.write("issuance", event)
            call.claim_reference("issuance", event)
            paying = [grant for grant in grants if grant.points]
            for grant in paying:
                check_count(grant.points)
            lots: dict[object, Lot] = {}
            granted: dict[int, int] = {}
            rows = []
            for grant in grants:
                lot_id = None
                if grant.points:
                    alike = replace(grant, points=0, base=0, line=0)
                    lot = lots.setdefault(alike, _new_lot(call, grant, len(lots) + 1))
                    lot_id = lot.lot_id
                    granted[lot_id] = granted.get(lot_id, 0) + grant.points
                rows.append(
                    Earned(
                        line=grant.line,
                        issuer_id=grant.issuer_id,
                        lot_id=lot_id,
                        base=grant.base,
                        points=grant.points,
                    )
                )
            for lot in lots.values():
                call.wallet.lots[lot.lot_id] = lot
                target = "available" if lot.active else "pending"
                call.wallet.move("issuance", target, granted[lot.lot_id], lot)
            rest = _base(event) - sum({row.line: row.base for row in rows}.values())
            if rest > 0:
                rows.append(
                    Earned(line=-1, issuer_id=event.merchant_id, lot_id=None, base=rest, points=0)
                )
            call.wallet.earned[entry.sequence] = rows
            starts = max((grant.active_from for grant in paying), default=None)
            ends = min((grant.expires_on for grant in paying), default=None)
            return {
                "points": sum(granted.values()),
                "state": "pending" if starts and starts > call.today else "available",
                "active_from": starts and starts.isoformat(),
                "expires_on": ends and ends.isoformat(),
                "repaid": call.wallet.repaid(),
            }

        return self.post(rule, member_id=member_id, now=now, claim=claim)


def _new_lot(call: Call, grant: Grant, place: int) -> Lot:
    return Lot(
        lot_id=len(call.wallet.entries) * LOTS_PER_ENTRY + place,
        issuer_id=grant.issuer_id,
        terms_id=grant.terms_id,
        price=str(grant.price),
        active=grant.active_from <= call.today,
        active_from=grant.active_from,
        expires_on=grant.expires_on,
    )


def _base(event: Event) -> int:
    return event.base if event.base is not None else event.amount or 0
