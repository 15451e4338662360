"""Looking a member up: from a phone, card or code to a token of this merchant's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from merchant_gateway.errors import IdentifierExpiredError, TokenExpiredError
from merchant_gateway.gateway import Call
from merchant_gateway.identify import TOKEN, Identified, identify
from merchant_gateway.operations import Answer, operation
from merchant_gateway.posting import Working, working
from merchant_gateway.schemas.requests import LOOKUP
from network.ledger import queries as ledger
from network.ledger import shared_wallets as pooled
from network.ledger.views import WalletView


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp:
    """A member with the token that names them here, and until when it does."""

    who: Identified
    wallet: WalletView | None
    token: str
    expires_at: datetime


@operation(
    "POST",
    "/members/lookup",
    summary="Find a member and get a token for them",
    answer="Lookup",
    body=LOOKUP,
)
def look_up_member(call: Call, data: dict[str, Any]) -> Answer:
    """Answer with a token of 15 minutes that names the member to this merchant only.

    Nothing changes, so nothing is stored: a repeated call is looked up again. `can_redeem` says
    whether the wallet is open for spending; it is told only where the member showed the code.
    """
    found = looked_up(call, given=data["member"])
    who = found.who
    return Answer(
        payload={
            "token": found.token,
            "expires_at": found.expires_at.isoformat(),
            "member": call.gateway.tokens.pairwise(
                member_id=who.member_id, merchant_id=call.merchant_id
            ),
            "name": who.masked_name,
            "can_redeem": found.wallet is not None and found.wallet.status == "active",
        }
    )


def looked_up(call: Call, *, given: dict[str, Any]) -> LookedUp:
    """Return the member that ``given`` names; the wallet only where the member showed the code.

    Raises what ``identify`` raises, and TokenExpiredError or IdentifierExpiredError.
    """
    with working(call) as work:
        who = identify(work.connection, call, given=given)
        if who.expires_at is not None and call.wall > who.expires_at:
            if TOKEN in given:
                raise TokenExpiredError("the token ran out", field="/member/token")
            raise IdentifierExpiredError("the code ran out", field="/member/code")
        wallet = _shown_wallet(work, call, who) if who.present else None
    token, expires_at = call.gateway.tokens.issue(
        member_id=who.member_id, merchant_id=call.merchant_id, method=who.method, wall=call.wall
    )
    return LookedUp(who=who, wallet=wallet, token=token, expires_at=expires_at)


def _shown_wallet(work: Working, call: Call, who: Identified) -> WalletView | None:
    """Return the wallet that the member's code opens, a shared one as far as it does for them."""
    found = ledger.home_wallet(
        work.session, member_id=who.member_id, now=call.gateway.clock.now(), wall=call.wall
    )
    return None if found is None else pooled.seen_by(work.session, found, member_id=who.member_id)
