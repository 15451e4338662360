"""Hands on merchants: registered, and agreed with by two people."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from network.ids import uuid7
from network.merchants import service
from network.merchants.queries import AgreementView

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
TODAY = date(2026, 11, 22)
TOMORROW = TODAY + timedelta(days=1)
ANNA, BEHZAD = uuid7(), uuid7()


def register(session: Session, code: str = "mahtab") -> UUID:
    return service.register_merchant(
        session, code=code, name_fa="مهتاب", name_en="Mahtab", kind="grocery", now=NOW
    )


def propose(session: Session, merchant_id: UUID, **changes: Any) -> AgreementView:
    facts: dict[str, Any] = {
        "effective_from": TOMORROW,
        "issue_price": Decimal("987.6543210987"),
        "acceptance_fee": Decimal("0.025"),
        "today": TODAY,
        "now": NOW,
        "proposed_by": ANNA,
    }
    return service.propose_agreement(session, merchant_id=merchant_id, **facts | changes)


def approve(
    session: Session, agreement_id: UUID, *, by: UUID | None = BEHZAD, today: date = TODAY
) -> AgreementView:
    return service.approve_agreement(
        session, agreement_id=agreement_id, today=today, now=NOW, approved_by=by
    )
