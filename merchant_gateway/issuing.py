"""Whether a merchant may give points now, as its key's view says; no further look anywhere.

The view is what the gateway keeps of a key for a second, and drops at once when access changes.
"""

from __future__ import annotations

from uuid import UUID

from merchant_gateway.errors import IssuingSuspendedError
from merchant_gateway.gateway import Call
from merchant_gateway.posting import Working
from network.ledger import queries as ledger
from network.merchants.queries import ISSUING_OPEN, KeyView


def check_issuing(key: KeyView) -> None:
    """Raise IssuingSuspendedError where the key's merchant may not give points now."""
    if key.issuing != ISSUING_OPEN:
        raise IssuingSuspendedError("it gives no points now", facts={"because": key.issuing})


def check_earning(work: Working, call: Call, *, member_id: UUID, kind: str, ref: str) -> None:
    """Refuse a purchase while its merchant may not give points, unless this is a retry of it.

    Raises IssuingSuspendedError.
    """
    if call.key.issuing == ISSUING_OPEN:
        return
    known = ledger.by_reference(
        work.session, member_id=member_id, merchant_id=call.merchant_id, kind=kind, merchant_ref=ref
    )
    if known is None:
        check_issuing(call.key)
