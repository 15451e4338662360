"""A merchant that takes part through the portal alone: no key, no program of its own.

What a signed test call shows of a till (its engineers read our answers) there is nobody to show. In
its place stand what two people have let come into force: an agreement, earning terms, and what a
point is worth. So every booking of the portal finds its prices, and one approver's word is enough.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from network.merchants import access_epoch
from network.merchants.errors import MerchantStateError
from network.merchants.locking import locked_merchant
from network.merchants.queries import agreement_on
from network.programme.queries import face_value_on, terms_on


def admit(session: Session, *, merchant_id: UUID, day: date, now: datetime) -> None:
    """Let an approved merchant take part on ``day`` (the calendar's) without a key of its own.

    It may have keys later, by the usual way. Raises MerchantStateError for one that is not
    approved or takes part already, NoAgreementError, NoEarningTermsError and NoFaceValueError.
    After the commit ``access_epoch.announce`` has every process notice.
    """
    merchant = locked_merchant(session, merchant_id)
    if merchant.status != "approved":
        raise MerchantStateError("it is not just approved", facts={"status": merchant.status})
    agreement_on(session, merchant_id=merchant_id, day=day)
    terms_on(session, merchant_id=merchant_id, day=day)
    face_value_on(session, day=day)
    merchant.status, merchant.portal_since = "active", now
    session.flush()
    access_epoch.note_change(session, merchant_id=merchant_id)
