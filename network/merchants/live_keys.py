"""Live keys that operators register: the first on one operator's word, each further by two people.

Whoever holds a live key gives and takes points as its merchant. A merchant on its way in has
nothing yet, and its agreement took two people; so its first live key, which makes it take part,
needs one operator. From then on it registers keys itself, with a key or in the portal; where an
operator does it, that is proposed by one and done once another has approved it. Only the public
half of a pair is taken like that: a shared secret would be known to an operator as well. Of each
new live key the merchant's administrators are told (topic ``merchant.live_key``).
"""

from __future__ import annotations

import base64
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from network import ids
from network.merchants.errors import InvalidKeyError
from network.merchants.keys import LIVE, check_registrable
from network.merchants.public_keys import fingerprint
from network.merchants.queries import merchant as find_merchant
from network.merchants.scopes import SCOPES
from network.merchants.service import check_key_wanted, issue_key
from network.operators import proposals
from network.operators.audit import SYSTEM, record_act
from network.operators.proposals import Proposal

REGISTER = "key.register"
"""The kind of the proposal; its subject is the merchant."""


def propose_key(
    session: Session,
    *,
    merchant_id: UUID,
    public_key: bytes | None,
    reason: str,
    by: UUID,
    now: datetime,
    scopes: tuple[str, ...] = SCOPES,
) -> Proposal:
    """Propose a live key of a merchant that takes part; it signs nothing before it is approved.

    Raises what ``issue_key`` would raise, InvalidKeyError without a public key, and ProposalError.
    """
    if public_key is None:
        raise InvalidKeyError("a live key of two people is the merchant's own", field="public_key")
    check_key_wanted(session, merchant_id=merchant_id, environment=LIVE)
    opens = check_registrable(
        session,
        merchant_id=merchant_id,
        environment=LIVE,
        now=now,
        public_key=public_key,
        scopes=scopes,
    )
    merchant = find_merchant(session, merchant_id=merchant_id)
    return proposals.propose(
        session,
        kind=REGISTER,
        subject_id=merchant_id,
        reason=reason,
        by=by,
        now=now,
        terms={
            "merchant": merchant.code,
            "public_key": base64.b64encode(public_key).decode(),
            "fingerprint": fingerprint(public_key),
            "scopes": list(opens),
        },
    )


def carry_out(session: Session, *, proposal: Proposal, now: datetime) -> None:
    """Register the key of an approved proposal; raises what ``issue_key`` raises.

    It stands in the log of the merchant, too, which its people read in the portal.
    """
    made = issue_key(
        session,
        None,
        merchant_id=proposal.subject_id,
        environment=LIVE,
        public_key=base64.b64decode(proposal.terms["public_key"]),
        scopes=tuple(proposal.terms["scopes"]),
        now=now,
        by_two=True,
    )
    actor = SYSTEM if proposal.decided_by is None else ids.encode("opr", proposal.decided_by)
    record_act(
        session,
        now=now,
        actor=actor,
        action="key.registered",
        subject=f"merchant:{proposal.terms['merchant']}",
        facts={
            "key": made.key_id,
            "scopes": list(made.scopes),
            "proposal": ids.encode(proposals.PREFIX, proposal.proposal_id),
        },
    )
