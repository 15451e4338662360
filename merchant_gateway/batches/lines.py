"""Lines of a batch as they are worked on, and what a key lets them ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from merchant_gateway.batches.members import Named
from merchant_gateway.batches.reading import named_in, read_line
from merchant_gateway.batches.results import refused_result
from merchant_gateway.batches.stuck import unexpected
from merchant_gateway.errors import (
    InsufficientScopeError,
    KeyRevokedError,
    MerchantLeavingError,
    MerchantSuspendedError,
)
from merchant_gateway.issuing import check_issuing
from merchant_gateway.schemas.batches import EARN, REDEEM, REFUND_EARN, REFUND_REDEEM
from merchant_gateway.schemas.load import check_time
from network.batches.queries import BatchView
from network.errors import PeyvandError
from network.ledger.batch_arguments import BatchEarning
from network.merchants import scopes
from network.merchants.queries import KeyView

_SCOPES = {
    EARN: scopes.EARNINGS,
    REDEEM: scopes.REDEMPTIONS,
    REFUND_EARN: scopes.REFUNDS,
    REFUND_REDEEM: scopes.REFUNDS,
}
"""What a key must open for a line, as for the single call."""

_TAKES_PART = {EARN, REDEEM}
"""What a merchant that has left does no more; its refunds go on."""


@dataclass(slots=True, kw_only=True)
class Wanted:
    """A line: what it asks for, whose it is, and its result where that is known already."""

    line: int
    kind: str | None = None
    ref: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    member: Named | None = None
    earning: BatchEarning | None = None
    result: dict[str, Any] | None = None


def read(number: int, raw: bytes, *, batch: BatchView, key: KeyView | None, today: date) -> Wanted:
    """Read a line, and refuse what the key that signed the batch does not open (any more).

    The time is checked before anything else looks at it: the first and the last days of the
    calendar cannot be told in every zone.
    """
    try:
        data = read_line(raw)
        check_key(key, kind=data["type"], today=today)
        check_time(data["occurred_at"], now=batch.programme_at)
    except PeyvandError as error:
        kind, ref = named_in(raw)
        return Wanted(line=number, kind=kind, ref=ref, result=refused_result(kind, ref, error))
    except Exception as error:  # noqa: BLE001 - one line must not stop the others
        problem = unexpected(error, batch_id=batch.batch_id, line=number)
        return Wanted(line=number, result=refused_result(None, None, problem))
    return Wanted(line=number, kind=data["type"], ref=data["merchant_ref"], data=data)


def check_key(key: KeyView | None, *, kind: str, today: date) -> None:
    """Refuse what the single call would refuse today, so that it may be sent again later.

    A key that was replaced meanwhile was good when it signed, and stays so for its batch.
    """
    if key is None or key.revoked_at is not None:
        raise KeyRevokedError("the key was revoked")
    if key.merchant_status not in {"active", "leaving"}:
        raise MerchantSuspendedError(f"{key.merchant_code} is {key.merchant_status}")
    if _SCOPES[kind] not in key.scopes:
        raise InsufficientScopeError("not with this key", facts={"scope": _SCOPES[kind]})
    if kind in _TAKES_PART and key.leaves_on is not None and key.leaves_on <= today:
        raise MerchantLeavingError("it left", facts={"left_on": key.leaves_on.isoformat()})
    if kind == EARN:
        check_issuing(key)
