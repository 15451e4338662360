"""Changes of merchants and of what they may do."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from network.ids import uuid7
from network.ledger.figures import outstanding_of
from network.merchants import access_epoch
from network.merchants.agreements import approve_agreement, propose_agreement
from network.merchants.errors import (
    BalanceOpenError,
    KeyNeedsTwoError,
    MerchantDataError,
    MerchantStateError,
    PointsOutstandingError,
    TestCallMissingError,
)
from network.merchants.inserting import insert_row
from network.merchants.keys import (
    LIVE,
    TEST,
    NewKey,
    note_key_use,
    open_secret,
    register_key,
    revoke_all,
    revoke_key,
)
from network.merchants.locking import locked_merchant
from network.merchants.models import Merchant, MerchantKey
from network.merchants.places import add_store
from network.merchants.queries import APPLICANT_PREFIX, SPONSOR
from network.merchants.scopes import SCOPES
from network.money import queries as money
from network.vault import Vault

__all__ = [
    "NewKey",
    "add_store",
    "approve_agreement",
    "begin_exit",
    "complete_exit",
    "issue_key",
    "note_key_use",
    "open_secret",
    "propose_agreement",
    "register_key",
    "register_merchant",
    "resume",
    "revoke_key",
    "set_status",
    "suspend",
]

_MAY_BE_SUSPENDED = frozenset({"applied", "approved", "active", "leaving"})


def register_merchant(
    session: Session,
    *,
    code: str,
    name_fa: str,
    name_en: str,
    kind: str,
    now: datetime,
    status: str = "active",
    directory_fa: str | None = None,
    directory_en: str | None = None,
    directory_url: str | None = None,
) -> UUID:
    """Take a merchant into the network and return its id.

    ``code`` is a slug of at most 40 characters. ``status`` is ``active``, or ``approved`` for one
    that has yet to make its signed test call; a sponsor, which signs nothing, is active at once.
    Raises CodeTakenError or MerchantDataError.
    """
    if kind == SPONSOR and status != "active":
        raise MerchantDataError("a sponsor has no test to pass", field="status")
    if status not in {"applied", "approved", "active"}:
        raise MerchantDataError("a merchant begins as applied, approved or active", field="status")
    merchant = Merchant(
        merchant_id=uuid7(),
        code=code,
        name_fa=name_fa.strip(),
        name_en=name_en.strip(),
        kind=kind,
        status=status,
        joined_at=now,
        directory_fa=directory_fa,
        directory_en=directory_en,
        directory_url=directory_url,
    )
    insert_row(session, merchant)
    return merchant.merchant_id


def set_status(session: Session, *, merchant_id: UUID, status: str) -> None:
    """Suspend a merchant (``suspended``) or let it take part again (``active``)."""
    if status == "suspended":
        suspend(session, merchant_id=merchant_id)
    elif status == "active":
        resume(session, merchant_id=merchant_id)
    else:
        raise MerchantDataError("a merchant is active or suspended", field="status")


def suspend(session: Session, *, merchant_id: UUID) -> None:
    """Refuse every call of a merchant from now on; its points stay good at the others.

    Raises MerchantStateError where there is nothing to suspend. After the commit
    ``access_epoch.announce`` makes the very next request meet it.
    """
    merchant = locked_merchant(session, merchant_id)
    if merchant.status == "suspended":
        return
    if merchant.status not in _MAY_BE_SUSPENDED:
        raise MerchantStateError("nothing to suspend", facts={"status": merchant.status})
    merchant.status = "suspended"
    session.flush()
    access_epoch.note_change(session, merchant_id=merchant_id)


def resume(session: Session, *, merchant_id: UUID) -> None:
    """Let a suspended merchant go on from where it was: on its way in, taking part, or leaving."""
    merchant = locked_merchant(session, merchant_id)
    if merchant.status == "active":
        return
    if merchant.status != "suspended":
        raise MerchantStateError("it is not suspended", facts={"status": merchant.status})
    merchant.status = _before_suspension(session, merchant)
    session.flush()
    access_epoch.note_change(session, merchant_id=merchant_id)


def issue_key(
    session: Session,
    vault: Vault | None,
    *,
    merchant_id: UUID,
    environment: str,
    now: datetime,
    public_key: bytes | None = None,
    scopes: tuple[str, ...] = SCOPES,
    by_two: bool = False,
) -> NewKey:
    """Register a key as an operator does: a live one only after approval and a signed test call.

    An approved merchant's first live key makes it active; each further live one takes two people
    (``live_keys.py``). Raises MerchantStateError, TestCallMissingError, KeyNeedsTwoError, and what
    ``register_key`` raises.
    """
    merchant = check_key_wanted(session, merchant_id=merchant_id, environment=environment)
    if environment == LIVE:
        if merchant.status != "approved" and not by_two:
            raise KeyNeedsTwoError("a live key of who takes part needs a second person")
        _go_live(session, merchant)
    return register_key(
        session,
        vault,
        merchant_id=merchant_id,
        environment=environment,
        now=now,
        public_key=public_key,
        scopes=scopes,
    )


def check_key_wanted(session: Session, *, merchant_id: UUID, environment: str) -> Merchant:
    """Return the merchant, locked, if an operator may register such a key for it now.

    Its first live key follows a signed test call, also where it took part through the portal alone.
    Raises MerchantStateError and TestCallMissingError.
    """
    merchant = locked_merchant(session, merchant_id)
    if merchant.status in {"declined", "left", "suspended"} or (
        environment == LIVE and merchant.status == "applied"
    ):
        raise MerchantStateError("no key now", facts={"status": merchant.status})
    if environment != LIVE:
        return merchant
    has_one = _has_key(session, merchant_id, environment=LIVE, used=False)
    first = merchant.status == "approved" or (merchant.portal_since is not None and not has_one)
    if first and not _has_key(session, merchant_id, environment=TEST, used=True):
        raise TestCallMissingError("its test key has signed nothing yet")
    return merchant


def _go_live(session: Session, merchant: Merchant) -> None:
    if merchant.status == "approved":
        merchant.status = "active"
        session.flush()
        access_epoch.note_change(session, merchant_id=merchant.merchant_id)


def begin_exit(session: Session, *, merchant_id: UUID, leaves_on: date, today: date) -> None:
    """Have a merchant leave: from ``leaves_on`` on it neither gives nor takes points.

    Refunds, settlements and their statements go on; its points stay good at the others and are
    settled as before. A day that has passed stays: statements were paid by it. ``today`` is what
    ``money.today.open_business_day`` returned, which holds the day open: whoever leaves is paid
    whatever its cycle says, so an exit must not come between a night's reckoning and its payments.
    Raises MerchantDataError for a day before ``today``, MerchantStateError.
    """
    merchant = locked_merchant(session, merchant_id)
    if merchant.status not in {"active", "leaving"} or (
        merchant.leaves_on is not None and merchant.leaves_on < today
    ):
        raise MerchantStateError("it does not take part", facts={"status": merchant.status})
    if leaves_on < today:
        raise MerchantDataError("a merchant leaves today at the earliest", field="leaves_on")
    merchant.leaves_on = leaves_on
    merchant.status = "leaving"
    session.flush()
    access_epoch.note_change(session, merchant_id=merchant_id)


def complete_exit(session: Session, *, merchant_id: UUID, today: date, now: datetime) -> None:
    """End an exit: every key is revoked. Only once its points are used up and its money is settled.

    Raises MerchantStateError before its last day, PointsOutstandingError while points are out, and
    BalanceOpenError while its accounts in the money ledger (deposit and reserve too) are not zero.
    """
    merchant = locked_merchant(session, merchant_id)
    if merchant.status != "leaving" or merchant.leaves_on is None or merchant.leaves_on > today:
        raise MerchantStateError("its exit has not begun", facts={"status": merchant.status})
    if points := outstanding_of(session, issuer_id=merchant_id):
        raise PointsOutstandingError("its points are still out", facts={"points": points})
    if open_ones := money.party_balances(session, party_id=merchant_id):
        # Each by itself: a deposit that is as large as the debt settles nothing by lying there.
        raise BalanceOpenError("its balance is not settled", accounts=open_ones)
    merchant.status = "left"
    session.flush()
    revoke_all(session, merchant_id=merchant_id, now=now)


def _before_suspension(session: Session, merchant: Merchant) -> str:
    if merchant.leaves_on is not None:
        return "leaving"
    if merchant.code.startswith(APPLICANT_PREFIX):
        return "applied"
    if (
        merchant.kind == SPONSOR
        or merchant.portal_since is not None
        or _has_key(session, merchant.merchant_id, environment=LIVE, used=False)
    ):
        return "active"
    return "approved"


def _has_key(session: Session, merchant_id: UUID, *, environment: str, used: bool) -> bool:
    found = exists().where(
        MerchantKey.merchant_id == merchant_id, MerchantKey.environment == environment
    )
    if used:
        found = found.where(MerchantKey.last_used_on.is_not(None))
    return bool(session.scalar(select(found)))
