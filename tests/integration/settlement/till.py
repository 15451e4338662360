"""Calls the ledger as the gateway and the console do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

from network.clock import wall_now
from network.database.connection import Database
from network.ledger import operations, operations_members
from network.ledger.values import Approval, Claim, Event, Grant, Posted
from tests.integration.settlement.coalition import PRICES, TERMS, Coalition


@dataclass(kw_only=True)
class Till:
    """Calls the ledger as the gateway does, each call a new request."""

    database: Database
    coalition: Coalition
    calls: int = field(default=0)

    def earn(self, points: int, *, by: UUID, issuer: UUID, active: date, expires: date) -> Posted:
        grant = Grant(
            issuer_id=issuer,
            terms_id=TERMS[issuer],
            price=Decimal(PRICES[issuer][0]),
            points=points,
            base=points * 100,
            active_from=active,
            expires_on=expires,
            line=0,
        )
        with self.database.ledger() as connection:
            return operations.earn(
                connection,
                now=self.coalition.programme.now(),
                claim=self._claim(issuer),
                member_id=by,
                event=self._event(issuer, amount=points * 100),
                grants=[grant],
                explanation=[],
                evidence=None,
            )

    def redeem(self, points: int, *, by: UUID, acceptor: UUID) -> Posted:
        with self.database.ledger() as connection:
            return operations.redeem(
                connection,
                now=self.coalition.programme.now(),
                wall=wall_now(),
                claim=self._claim(acceptor),
                member_id=by,
                event=self._event(acceptor),
                points=points,
                consent=None,
                evidence=None,
            )

    def refund(self, points: int, *, by: UUID, acceptor: UUID, original: int) -> Posted:
        with self.database.ledger() as connection:
            return operations.refund_redeem(
                connection,
                now=self.coalition.programme.now(),
                claim=self._claim(acceptor),
                member_id=by,
                original=original,
                event=self._event(acceptor),
                points=points,
                grace_days=30,
                evidence=None,
            )

    def _claim(self, client: UUID) -> Claim:
        self.calls += 1
        key = f"call-{self.calls}"
        return Claim(client_id=client, key=key, fingerprint=sha256(key.encode()).digest())

    def _event(self, merchant: UUID, *, amount: int | None = None) -> Event:
        return Event(
            merchant_id=merchant,
            merchant_ref=f"till-{self.calls}",
            effective_at=self.coalition.programme.now(),
            amount=amount,
            base=amount,
            currency=None if amount is None else "IRR",
        )

    def refund_purchase(self, amount: int, *, by: UUID, merchant: UUID, original: int) -> Posted:
        """Refund a purchase by an amount; ``earn`` has 100 rials of it for each point."""
        with self.database.ledger() as connection:
            return operations.refund_earn(
                connection,
                now=self.coalition.programme.now(),
                claim=self._claim(merchant),
                member_id=by,
                original=original,
                event=self._event(merchant, amount=amount),
                amount=amount,
                lines=None,
                evidence=None,
            )

    def adjust(self, points: int, *, by: UUID, issuer: UUID, expires: date) -> Posted:
        """Give points on two people's word, or take them away below zero."""
        approval = Approval(proposer=UUID(int=1), approver=UUID(int=2), reason="a test")
        now = self.coalition.programme.now()
        with self.database.ledger() as connection:
            if points < 0:
                return operations_members.adjust_down(
                    connection,
                    now=now,
                    claim=self._claim(issuer),
                    member_id=by,
                    issuer_id=issuer,
                    points=-points,
                    approval=approval,
                )
            return operations_members.adjust_up(
                connection,
                now=now,
                claim=self._claim(issuer),
                member_id=by,
                issuer_id=issuer,
                terms_id=TERMS[issuer],
                price=Decimal(PRICES[issuer][0]),
                points=points,
                active_from=now.date(),
                expires_on=expires,
                approval=approval,
            )
