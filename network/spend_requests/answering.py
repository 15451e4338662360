"""What the member says in the wallet to being asked for points: yes or no. Times are wall time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from network import ids
from network.events.service import publish
from network.events.types import CONSENT_ANSWERED
from network.ledger import queries as ledger
from network.ledger.errors import SpendLocked
from network.ledger.shared_wallets import seen_by
from network.members.pairwise import PairwiseNames
from network.second_factor.proofs import Act, use
from network.spend_requests.errors import (
    CodeNeededError,
    ConsentLapsedError,
    FewerPointsError,
    UnknownSpendRequestError,
)
from network.spend_requests.models import SpendRequest
from network.spend_requests.queries import (
    APPROVED,
    PREFIX,
    REFUSED,
    TAKEN,
    WAITING,
    SpendRequestView,
    view_of,
)
from network.spend_requests.service import LIVE, answer, check_code, locked
from network.vault import Vault


def approve(
    session: Session,
    vault: Vault,
    *,
    member_id: UUID,
    spend_request_id: UUID,
    session_id: UUID | None,
    code: str | None,
    now: datetime,
    wall: datetime,
    by_hand: bool = False,
) -> SpendRequestView:
    """Say yes in the wallet; of many points with the code, whose try has been counted.

    ``by_hand``: a sandbox's made-up member, for whom the merchant answers, without code or proof.

    Raises UnknownSpendRequestError, ConsentLapsedError, CodeNeededError, ConsentCodeError,
    SpendLocked, FewerPointsError, and ProofNeededError where so many points take a proof and the
    session has none for this request. A yes said before is answered as it was.
    """
    row = _of_member(session, spend_request_id, member_id)
    if row.state in {APPROVED, TAKEN}:
        return view_of(row, wall=wall)
    if view_of(row, wall=wall).state != WAITING:
        raise ConsentLapsedError("it waits no longer")
    if row.needs_code and not by_hand:
        if not code:
            raise CodeNeededError("so many points take the code", field="code")
        check_code(vault, row, code)
    wallet = ledger.home_wallet(session, member_id=member_id, now=now, wall=wall)
    if wallet is not None:
        wallet = seen_by(session, wallet, member_id=member_id)
    if wallet is not None and wallet.status == "spend_locked":
        raise SpendLocked(SpendLocked.sentence)
    if wallet is not None and wallet.status == "active" and wallet.spendable < row.points:
        raise FewerPointsError("there are fewer points")
    if row.needs_proof and not by_hand:
        act = Act(kind="request", subject=str(spend_request_id), points=row.points)
        use(session, member_id=member_id, session_id=session_id, act=act, wall=wall)
    by = "wallet_code" if row.needs_code else "wallet"
    answer(row, state=APPROVED, by=by, wall=wall)
    row.session_id = session_id
    _publish(session, vault, row)
    return view_of(row, wall=wall)


def refuse(
    session: Session,
    vault: Vault,
    *,
    member_id: UUID,
    spend_request_id: UUID,
    session_id: UUID | None,
    wall: datetime,
) -> SpendRequestView:
    """Say no in the wallet, also after a yes that the till has not used; a no stays a no.

    Raises UnknownSpendRequestError.
    """
    row = _of_member(session, spend_request_id, member_id)
    if row.state in LIVE:
        answer(row, state=REFUSED, by="wallet", wall=wall)
        row.session_id = session_id
        _publish(session, vault, row)
    return view_of(row, wall=wall)


def _publish(session: Session, vault: Vault, row: SpendRequest) -> None:
    session.flush()
    publish(
        session,
        topic=CONSENT_ANSWERED,
        merchant_id=row.merchant_id,
        payload={
            "id": ids.encode(PREFIX, row.spend_request_id),
            "state": row.state,
            "member": PairwiseNames(vault).name(
                member_id=row.member_id, merchant_id=row.merchant_id
            ),
            "merchant_ref": row.merchant_ref,
            "points": row.points,
        },
    )


def _of_member(session: Session, spend_request_id: UUID, member_id: UUID) -> SpendRequest:
    row = locked(session, spend_request_id)
    if row.member_id != member_id:
        raise UnknownSpendRequestError("nobody was asked under that id")
    return row
