"""One call that can be made again, word for word; as a program, a client that makes it."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

from sqlalchemy import Connection

from network.database.connection import Database
from network.ledger import operations
from network.ledger.values import Claim, Consent, Event, Evidence, Grant, Posted
from tests.integration.ledger_audit.history import BAKERY, FIRST, GROCER, TERMS, noon

WALL = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Call:
    """An earning or a redemption, everything about it following from the key.

    ``weight`` makes its evidence so many bytes long, none of which compresses.
    """

    kind: str
    member: UUID
    key: str
    points: int
    code: str = ""
    weight: int = 0

    def make(self, database: Database) -> Posted:
        """Send it on a connection of its own."""
        with database.ledger() as connection:
            return self.post(connection)

    def post(self, connection: Connection) -> Posted:
        """Send it on this connection."""
        evidence = Evidence(
            key_id="mk_live_x",
            signature_base=b"base",
            signature=b"sig",
            body=self.key.encode() + random.Random(self.key).randbytes(self.weight),  # noqa: S311
        )
        if self.kind == "earn":
            return operations.earn(
                connection,
                now=noon(FIRST),
                claim=self._claim(),
                member_id=self.member,
                event=self._event(BAKERY),
                grants=[self._grant()],
                explanation=[],
                evidence=evidence,
            )
        return operations.redeem(
            connection,
            now=noon(FIRST),
            wall=WALL,
            claim=self._claim(),
            member_id=self.member,
            event=self._event(GROCER),
            points=self.points,
            consent=self._consent(),
            evidence=evidence,
        )

    def _claim(self) -> Claim:
        return Claim(
            client_id=BAKERY, key=self.key, fingerprint=sha256(repr(self).encode()).digest()
        )

    def _event(self, merchant: UUID) -> Event:
        return Event(merchant_id=merchant, merchant_ref=self.key, effective_at=noon(FIRST))

    def _grant(self) -> Grant:
        return Grant(
            issuer_id=BAKERY,
            terms_id=TERMS[BAKERY],
            price=Decimal(12),
            points=self.points,
            base=100 * self.points,
            active_from=FIRST,
            expires_on=FIRST + timedelta(days=90),
            line=0,
        )

    def _consent(self) -> Consent | None:
        if not self.code:
            return None
        return Consent(
            digest=sha256(self.code.encode()).digest(),
            expires_at=WALL + timedelta(minutes=1),
            limit=1_000,
        )


if __name__ == "__main__":
    url, kind, member, key, points, code = sys.argv[1:]
    Call(kind=kind, member=UUID(member), key=key, points=int(points), code=code).make(Database(url))
