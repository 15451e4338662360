"""Made-up members of a sandbox, and what they do beside the merchant's own tills."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from network.clock import local_date
from network.ids import uuid7
from network.ledger import operations
from network.ledger.values import Claim, Event, Grant, Posted
from network.members import queries as members
from network.members.enrolment import MEMBERSHIP, enrol
from network.members.models import Member
from network.members.tiers import set_tier
from network.merchants import queries as merchants
from network.sandboxes.furnishing import EXPIRY_DAYS, RIALS_PER_EARNED_POINT, partner_of
from network.settings import CURRENCY, PROGRAMME_ZONE
from network.vault import Vault

MOST_MEMBERS = 9_999
_FIRST_PHONE = 9_990_000_000
"""Phones count up from 0999 000 0001: a number is a number of this sandbox alone."""

_LOCK = 0x7065_6F70


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUp:
    """A member as a person would know themselves."""

    member_id: UUID
    phone: str
    card: str


def make_member(
    session: Session,
    vault: Vault,
    *,
    name: str | None,
    locale: str,
    points: int,
    now: datetime,
    tier: str | None = None,
) -> MadeUp | None:
    """Have a made-up person join; the partner gives them ``points`` to begin with.

    ``None`` where the sandbox has MOST_MEMBERS already. Raises InvalidMemberDataError, of the field
    ``tier`` where there is no such.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    number = 1 + (session.scalar(select(func.count()).select_from(Member)) or 0)
    if number > MOST_MEMBERS:
        return None
    phone = f"0{_FIRST_PHONE + number}"
    default = f"عضو آزمایشی {number}" if locale == "fa" else f"Test Member {number}"
    member_id = enrol(
        session,
        vault,
        phone=phone,
        consents=[MEMBERSHIP],
        locale=locale,
        name=name or default,
        now=now,
    )
    if tier is not None:
        set_tier(session, member_id=member_id, tier=tier, now=now)
    card = members.cards(session, member_id=member_id)[0].card_number
    if points:
        _earn_elsewhere(session, member_id=member_id, points=points, now=now)
    return MadeUp(member_id=member_id, phone=phone, card=card)


def spend_elsewhere(
    session: Session, *, member_id: UUID, points: int, now: datetime, wall: datetime
) -> Posted:
    """Have a member spend points at the partner; raises the ledger's refusals."""
    partner = partner_of(session)
    return operations.redeem(
        session,
        now=now,
        wall=wall,
        claim=_claim(partner.merchant_id),
        member_id=member_id,
        event=_event(partner.merchant_id, now=now),
        points=points,
        consent=None,
        evidence=None,
    )


def _earn_elsewhere(session: Session, *, member_id: UUID, points: int, now: datetime) -> None:
    partner = partner_of(session)
    today = local_date(now, zone=PROGRAMME_ZONE)
    agreement = merchants.agreement_on(session, merchant_id=partner.merchant_id, day=today)
    amount = points * RIALS_PER_EARNED_POINT
    grant = Grant(
        issuer_id=partner.merchant_id,
        terms_id=agreement.agreement_id,
        price=agreement.issue_price,
        points=points,
        base=amount,
        active_from=today,
        expires_on=today + timedelta(days=EXPIRY_DAYS),
        line=0,
    )
    operations.earn(
        session,
        now=now,
        claim=_claim(partner.merchant_id),
        member_id=member_id,
        event=_event(partner.merchant_id, now=now, amount=amount),
        grants=[grant],
        explanation=[],
        evidence=None,
    )


def _event(partner_id: UUID, *, now: datetime, amount: int | None = None) -> Event:
    return Event(
        merchant_id=partner_id,
        merchant_ref=uuid7().hex,
        effective_at=now,
        amount=amount,
        currency=None if amount is None else CURRENCY,
    )


def _claim(partner_id: UUID) -> Claim:
    key = uuid7().hex
    return Claim(client_id=partner_id, key=key, fingerprint=sha256(key.encode()).digest())
