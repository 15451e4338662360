"""The ledger's operations: each is one call of one SQL function, one round trip.

Call them on an autocommit connection (``Database.ledger()``); inside a unit of work they post
when it commits, and its other statements come before them, because the wallet stays locked until
then. ``now`` is programme time, ``wall`` wall time; both in UTC. Every operation raises a
``Refusal`` of ``network.ledger.errors`` where it will not post, and then nothing is stored; a
repeated ``Claim`` is answered with the stored result and ``replayed=True``.

One statement is one transaction, so a process that dies leaves all of it or nothing. Whoever loses
the connection does not know which, and sends the same ``Claim`` again. A wait of ten seconds for
the wallet ends as WalletBusyError, with nothing stored.

With ``follow`` the member is a person at a till, whose points may have moved: into a wallet that
several share, or into that of the member they were merged into. The ledger posts where they are,
and the entry of a shared wallet names the person. Without it exactly that wallet is meant.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from network.database.driver import Channel
from network.ledger.arguments import (
    AUTHORISATION,
    CLAIM,
    CONSENT,
    EVENT,
    EVIDENCE,
    GRACE,
    GRANTS,
    MEMBER,
    NOW,
    ORIGINAL,
    POINTS,
    TAKINGS,
    WALL,
    claim_parameters,
    consent_parameters,
    event_parameters,
    evidence_parameters,
    grants_parameters,
    takings_parameters,
)
from network.ledger.calling import function as _function
from network.ledger.calling import one as _one
from network.ledger.calling import post as _post
from network.ledger.calling import post_followed as _post_followed
from network.ledger.calling import posted as _posted
from network.ledger.errors import ReferenceMoved
from network.ledger.values import (
    AlikeGrants,
    Claim,
    Consent,
    Event,
    Evidence,
    Grant,
    Posted,
    Takings,
)

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

GRACE_DAYS = 30
"""How long points live on that come back to a lot which has lapsed meanwhile."""


_OPEN_WALLET = _function("open_wallet", MEMBER)
_SET_STATUS = _function("set_wallet_status", MEMBER, "p_status => CAST(:status AS text)")
_EARN = _function(
    "earn",
    MEMBER,
    NOW,
    CLAIM,
    EVENT,
    GRANTS,
    "p_explanation => CAST(:explanation AS json)",
    EVIDENCE,
    TAKINGS,
)
_AUTHORISE = _function(
    "authorise",
    MEMBER,
    NOW,
    WALL,
    CLAIM,
    EVENT,
    POINTS,
    "p_hold_until => CAST(:hold_until AS timestamptz)",
    CONSENT,
    EVIDENCE,
)
_CAPTURE = _function("capture", MEMBER, NOW, WALL, CLAIM, AUTHORISATION, POINTS, EVENT, EVIDENCE)
_VOID = _function("void", MEMBER, NOW, WALL, CLAIM, AUTHORISATION, EVENT, EVIDENCE)
_REDEEM = _function("redeem", MEMBER, NOW, WALL, CLAIM, EVENT, POINTS, CONSENT, EVIDENCE)
_REVERSE = _function("reverse", MEMBER, NOW, WALL, CLAIM, EVENT, GRACE, EVIDENCE)
_REFUND_EARN = _function(
    "refund_earn",
    MEMBER,
    NOW,
    CLAIM,
    ORIGINAL,
    EVENT,
    "p_amount => CAST(:refund_amount AS bigint)",
    "p_lines => CAST(:lines AS jsonb)",
    EVIDENCE,
)
_REFUND_REDEEM = _function(
    "refund_redeem", MEMBER, NOW, CLAIM, ORIGINAL, EVENT, POINTS, GRACE, EVIDENCE
)
_MATURE = _function("mature", MEMBER, NOW, WALL)
_FLIP_DAY = _function("flip_day", NOW)


def open_wallet(connection: Channel, *, member_id: UUID) -> bool:
    """Open a member's wallet; return False where it was open already."""
    return bool(_one(connection, _OPEN_WALLET, {"member_id": member_id})[0])


def set_wallet_status(connection: Channel, *, member_id: UUID, status: str) -> str:
    """Set ``active``, ``spend_locked`` or ``closed`` (for good); return the status before."""
    return str(_one(connection, _SET_STATUS, {"member_id": member_id, "status": status})[0])


def earn(
    connection: Channel,
    *,
    now: datetime,
    claim: Claim,
    member_id: UUID,
    event: Event,
    grants: Sequence[Grant] | AlikeGrants,
    explanation: list[dict[str, Any]] | str,
    evidence: Evidence | None,
    takings: Takings | None = None,
    follow: bool = False,
) -> Posted:
    """Post the points of a purchase; ``grants`` may be empty, the purchase is an entry still.

    ``explanation`` may be JSON already, written as the ledger writes it. Grants of campaigns need
    ``takings`` that come to the same. Then Stale, CampaignExhausted or CampaignPaused say that the
    purchase has to be priced again.

    The result has ``points``, ``state`` (available or pending), ``active_from``, ``expires_on``
    (the earliest), ``repaid`` (of a debt with the issuer) and ``balance``.
    """
    return (_post_followed if follow else _post)(
        connection,
        _EARN,
        member_id,
        {"now": now}
        | claim_parameters(claim)
        | event_parameters(event, person=member_id if follow else None)
        | evidence_parameters(evidence)
        | takings_parameters(takings)
        | grants_parameters(grants)
        | {"explanation": explanation if isinstance(explanation, str) else _encode(explanation)},
    )


def authorise(
    connection: Channel,
    *,
    now: datetime,
    wall: datetime,
    claim: Claim,
    member_id: UUID,
    event: Event,
    points: int,
    hold_until: datetime,
    consent: Consent | None,
    evidence: Evidence | None,
    follow: bool = False,
) -> Posted:
    """Hold points for a merchant until ``hold_until`` (wall time), to be captured or voided."""
    return (_post_followed if follow else _post)(
        connection,
        _AUTHORISE,
        member_id,
        {"now": now, "wall": wall, "points": points, "hold_until": hold_until}
        | claim_parameters(claim)
        | event_parameters(event, person=member_id if follow else None)
        | consent_parameters(consent)
        | evidence_parameters(evidence),
    )


def capture(
    connection: Channel,
    *,
    now: datetime,
    wall: datetime,
    claim: Claim,
    member_id: UUID,
    authorisation: int,
    points: int | None,
    event: Event,
    evidence: Evidence | None,
) -> Posted:
    """Take ``points`` of a hold (all where None) and release the rest.

    Up to 24 hours after the hold's life it succeeds if the points are still there.
    """
    return _post(
        connection,
        _CAPTURE,
        member_id,
        {"now": now, "wall": wall, "authorisation": authorisation, "points": points}
        | claim_parameters(claim)
        | event_parameters(event)
        | evidence_parameters(evidence),
    )


def void(
    connection: Channel,
    *,
    now: datetime,
    wall: datetime,
    claim: Claim,
    member_id: UUID,
    authorisation: int,
    event: Event,
    evidence: Evidence | None,
) -> Posted:
    """End a hold without a capture and free its reference."""
    return _post(
        connection,
        _VOID,
        member_id,
        {"now": now, "wall": wall, "authorisation": authorisation}
        | claim_parameters(claim)
        | event_parameters(event)
        | evidence_parameters(evidence),
    )


def redeem(
    connection: Channel,
    *,
    now: datetime,
    wall: datetime,
    claim: Claim,
    member_id: UUID,
    event: Event,
    points: int,
    consent: Consent | None,
    evidence: Evidence | None,
    follow: bool = False,
) -> Posted:
    """Take points at once: authorise and capture in one entry."""
    return (_post_followed if follow else _post)(
        connection,
        _REDEEM,
        member_id,
        {"now": now, "wall": wall, "points": points}
        | claim_parameters(claim)
        | event_parameters(event, person=member_id if follow else None)
        | consent_parameters(consent)
        | evidence_parameters(evidence),
    )


def reverse(
    connection: Channel,
    *,
    now: datetime,
    wall: datetime,
    claim: Claim,
    member_id: UUID,
    event: Event,
    evidence: Evidence | None,
    grace_days: int = GRACE_DAYS,
    follow: bool = False,
) -> Posted:
    """Undo what ``event.merchant_ref`` redeemed or held, or bar it if it has not arrived yet.

    The result's ``state`` is ``voided``, ``refunded`` or ``barred``; in each case no later call
    with that reference succeeds.
    """
    parameters = (
        {"now": now, "wall": wall, "grace_days": grace_days}
        | claim_parameters(claim)
        | event_parameters(event, person=member_id if follow else None)
        | evidence_parameters(evidence)
    )
    asked: set[UUID] = set() if follow else {member_id}
    while True:
        try:
            return (_post_followed if follow else _post)(
                connection, _REVERSE, member_id, parameters
            )
        except ReferenceMoved as moved:
            # Done under a wallet that has moved into this one since (the person's own, perhaps), or
            # that the member has left: it is undone there.
            member_id, follow = UUID(str(moved.facts["member_id"])), False
            parameters["person_id"] = None
            if member_id in asked:
                raise
            asked.add(member_id)


def refund_earn(
    connection: Channel,
    *,
    now: datetime,
    claim: Claim,
    member_id: UUID,
    original: int,
    event: Event,
    amount: int | None,
    lines: list[dict[str, int]] | None,
    evidence: Evidence | None,
) -> Posted:
    """Take back what a refunded part of a purchase had earned.

    ``amount`` (minor units) refunds against the whole purchase, ``lines`` (``[{"line",
    "amount"}]``) against lines; exactly one is given. The result has ``points`` taken from lots
    and ``debt`` where the member has too few left.
    """
    if (amount is None) == (lines is None):
        raise ValueError("a refund is by amount or by lines, exactly one of them")
    return _post(
        connection,
        _REFUND_EARN,
        member_id,
        {
            "now": now,
            "original": original,
            "refund_amount": amount,
            "lines": None if lines is None else json.dumps(lines),
        }
        | claim_parameters(claim)
        | event_parameters(event)
        | evidence_parameters(evidence),
    )


def refund_redeem(
    connection: Channel,
    *,
    now: datetime,
    claim: Claim,
    member_id: UUID,
    original: int,
    event: Event,
    points: int,
    grace_days: int,
    evidence: Evidence | None,
) -> Posted:
    """Give points of a redemption back to the lots they came from, last taken first.

    ``original`` is the redemption, the capture, or the authorisation that was captured. A lot that
    has lapsed continues as a new lot for ``grace_days``.
    """
    return _post(
        connection,
        _REFUND_REDEEM,
        member_id,
        {"now": now, "original": original, "points": points, "grace_days": grace_days}
        | claim_parameters(claim)
        | event_parameters(event)
        | evidence_parameters(evidence),
    )


def mature(connection: Channel, *, now: datetime, wall: datetime, member_id: UUID) -> Posted | None:
    """Expire and activate a wallet's due lots, end its lapsed holds; None where nothing was due."""
    row = _one(connection, _MATURE, {"member_id": member_id, "now": now, "wall": wall})
    if row.sequence is None or row.result["entries"] == 0:
        return None
    return _posted(member_id, row)


def flip_day(connection: Channel, *, now: datetime) -> date | None:
    """Open the next business day if the open one's cut-off has passed; return the one before.

    The day returned is closed only once its last writers have ended: see ``network.ledger.day``.
    """
    flipped: date | None = _one(connection, _FLIP_DAY, {"now": now})[0]
    return flipped
