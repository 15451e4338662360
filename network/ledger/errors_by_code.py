"""How PostgreSQL's errors become the ledger's refusals, and which code is which class.

The functions raise SQLSTATE PV001 (a business refusal: nothing of the call stays), PV002 (an
idempotency conflict) or PV003 (an invariant or a misuse); the code is the message, the facts are
JSON in the detail.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy.exc import DBAPIError

from network.errors import PeyvandError
from network.ledger.errors import (
    AlreadyCaptured,
    AlreadyVoided,
    CampaignExhausted,
    CampaignPaused,
    CaptureExceedsHold,
    ClockAheadError,
    ClockBehindError,
    CodeExpired,
    CodeLimit,
    CodeUsed,
    DuplicateReference,
    ExpiryNotLater,
    GrantLapsed,
    HoldExpired,
    IdempotencyConflict,
    InsufficientPoints,
    IssuerSuspended,
    LedgerInvariantError,
    NotInPool,
    NotRefundable,
    OpenDebt,
    OpenHolds,
    PersonLimit,
    PointsOutOfRange,
    PointsSuspended,
    ReferenceBarred,
    ReferenceMoved,
    RefundExceedsOriginal,
    RefundOfRefund,
    Refusal,
    SamePerson,
    SameWallet,
    SpendLocked,
    Stale,
    TooManyRefunds,
    UnknownLot,
    UnknownOriginal,
    UnknownWallet,
    WalletBusyError,
    WalletClosed,
    WalletMoved,
    WriteOffExceedsDebt,
)

_REFUSAL = "PV001"
_CONFLICT = "PV002"
_INVARIANT = "PV003"
_OUT_OF_RANGE = "22003"
_WAITED_TOO_LONG = {"55P03", "40P01"}
_CLOCKS = {"clock_ahead": ClockAheadError, "clock_behind": ClockBehindError}

REFUSALS: dict[str, type[Refusal]] = {
    refusal.code: refusal
    for refusal in (
        WalletClosed,
        SpendLocked,
        InsufficientPoints,
        PointsSuspended,
        IssuerSuspended,
        CodeExpired,
        CodeUsed,
        CodeLimit,
        PersonLimit,
        WalletMoved,
        DuplicateReference,
        ReferenceBarred,
        UnknownOriginal,
        AlreadyCaptured,
        AlreadyVoided,
        HoldExpired,
        CaptureExceedsHold,
        RefundExceedsOriginal,
        TooManyRefunds,
        RefundOfRefund,
        NotRefundable,
        UnknownWallet,
        PointsOutOfRange,
        GrantLapsed,
        IdempotencyConflict,
    )
}

"""What the calls of merchants may be refused with."""

MEMBER_REFUSALS: dict[str, type[Refusal]] = {
    refusal.code: refusal
    for refusal in (
        SameWallet,
        OpenHolds,
        OpenDebt,
        NotInPool,
        UnknownLot,
        ExpiryNotLater,
        SamePerson,
        WriteOffExceedsDebt,
        ReferenceMoved,
    )
}
"""What members and operators may be refused with besides (``operations_members``)."""

PRICED_AGAIN: dict[str, type[Refusal]] = {
    refusal.code: refusal for refusal in (Stale, CampaignExhausted, CampaignPaused)
}
"""What a caller answers by pricing the purchase again."""


def refusal_of(code: str) -> type[Refusal]:
    """Return the class of a stable code."""
    return (REFUSALS | MEMBER_REFUSALS | PRICED_AGAIN).get(code, Refusal)


def translate(error: DBAPIError) -> PeyvandError | None:
    """Return the ledger's own error for one of PostgreSQL's, None where it is not the ledger's."""
    sqlstate: str | None = getattr(error.orig, "sqlstate", None)
    diagnostics = getattr(error.orig, "diag", None)
    message: str = getattr(diagnostics, "message_primary", None) or ""
    if sqlstate in {_REFUSAL, _CONFLICT}:
        refusal = refusal_of(message)
        return refusal(refusal.sentence, facts=_facts(diagnostics))
    if sqlstate == _OUT_OF_RANGE:
        return PointsOutOfRange(PointsOutOfRange.sentence)
    if sqlstate == _INVARIANT and message in _CLOCKS:
        wrong = "this machine's clock is not the database server's; nothing was done"
        return _CLOCKS[message](wrong, facts=_facts(diagnostics))
    if sqlstate == _INVARIANT:
        return LedgerInvariantError(message)
    if sqlstate in _WAITED_TOO_LONG:
        return WalletBusyError("the wallet is busy with other calls; nothing was done, try again")
    return None


def _facts(diagnostics: Any) -> dict[str, object]:
    facts: dict[str, object] = json.loads(diagnostics.message_detail or "{}")
    return facts
