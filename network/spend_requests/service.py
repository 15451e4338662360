"""Asking a member for points without their code: asked, answered, taken, each once.

A merchant who knows a phone number can do no more than ask. Nothing is held while a request waits,
so it blocks no wallet; what is asked for, by whom, under which reference stands in the row, and the
answer is good for exactly that. Points move when the till sends its signed call once more: then the
request is what the ledger uses up as consent, under the wallet's lock. All times are wall time.

How often may be asked, and codes be tried, ``limits`` say.

Locks: the request's row first, then what counts for its merchant, the wallet after both.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from network import ids
from network.database.pieces import delete_piece
from network.ids import EntryKey
from network.language import ascii_digits
from network.ledger import claims
from network.ledger.errors import IdempotencyConflict
from network.ledger.values import Claim, Consent
from network.members import queries as members
from network.merchants import queries as merchants
from network.messaging.service import queue_sms
from network.messaging.texts import asking_text
from network.second_factor.threshold import threshold
from network.spend_requests.errors import (
    ConsentCodeError,
    ConsentLapsedError,
    ConsentRefusedError,
    SpendRequestDiffersError,
    UnknownSpendRequestError,
    WalletNeededError,
)
from network.spend_requests.limits import check_asking, check_tries, one_at_a_time
from network.spend_requests.models import SpendRequest
from network.spend_requests.queries import (
    APPROVED,
    LIFE,
    PREFIX,
    REFUSED,
    TAKEN,
    WAITING,
    WITHDRAWN,
    SpendRequestView,
    most_by_tap,
    view_of,
)
from network.vault import Vault

TAKEN_WITHIN = timedelta(minutes=2)
"""A yes at the last moment leaves the till so long to send its call again."""

CODE_DIGITS = 6
MAX_ATTEMPTS = 5
_CODE_PURPOSE = "spend-request-code"
_CONSENT_LABEL = b"peyvand-spend-request-v1"
LIVE = frozenset({WAITING, APPROVED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a till asks for; ``amount`` in minor units where it named one.

    ``hold_minutes``: for how long the points are held, where ``capture`` is manual.
    """

    merchant_id: UUID
    merchant_ref: str
    points: int
    capture: str
    hold_minutes: int | None = None
    amount: int | None = None
    currency: str | None = None
    store_id: UUID | None = None
    terminal: str | None = None


def ask(
    session: Session,
    vault: Vault,
    *,
    member_id: UUID,
    wish: Wish,
    claim: Claim,
    wallet_url: str,
    domain: str,
    renewed: bool,
    ask_above: int,
    wall: datetime,
) -> SpendRequestView:
    """Ask the member, by a message with a code and in the wallet; asked again, return what became.

    The same call again (``claim``) is never asked twice; ``renewed``: it brings the answer to an
    earlier asking, so nobody is asked anew. ``ask_above``: the installation's threshold in points,
    above which the wallet asks for a proof. Raises IdempotencyConflict, SpendRequestDiffersError,
    ConsentRefusedError, ConsentLapsedError, TooManyAskedError.
    """
    one_at_a_time(session, member_id)
    known = _known(session, member_id=member_id, wish=wish, claim=claim, wall=wall)
    if known is not None:
        return known
    if renewed:
        raise ConsentLapsedError("nothing waits for this code", field="consent_code")
    check_asking(session, member_id=member_id, merchant_id=wish.merchant_id, wall=wall)
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    request_id = ids.uuid7()
    row = SpendRequest(
        spend_request_id=request_id,
        member_id=member_id,
        merchant_id=wish.merchant_id,
        store_id=wish.store_id,
        terminal=wish.terminal,
        merchant_ref=wish.merchant_ref,
        capture=wish.capture,
        hold_minutes=wish.hold_minutes,
        points=wish.points,
        needs_code=wish.points > most_by_tap(session),
        needs_proof=wish.points > threshold(session, member_id=member_id, most=ask_above).points,
        amount=wish.amount,
        currency=wish.currency,
        idempotency_key=claim.key,
        fingerprint=claim.fingerprint,
        digest=_digest(vault, request_id, code),
        attempts=0,
        requested_at=wall,
        expires_at=wall + LIFE,
        state=WAITING,
    )
    session.add(row)
    session.flush()
    _tell(session, vault, row, code=code, wallet_url=wallet_url, domain=domain, wall=wall)
    return view_of(row, wall=wall)


def count_try(session: Session, *, spend_request_id: UUID, at_till: bool, wall: datetime) -> None:
    """Count a try of the code before it is looked at; commit it first.

    ``at_till``: the merchant tries, who has only so many for all members together; a member who
    types the code in the wallet is not held up by them. For a request that is answered nothing is
    counted. Raises ConsentLapsedError, TooManyAskedError.
    """
    row = locked(session, spend_request_id)
    if row.state != WAITING:
        return
    if row.attempts >= MAX_ATTEMPTS or row.expires_at <= wall:
        raise ConsentLapsedError("the code works no longer")
    if at_till:
        check_tries(session, merchant_id=row.merchant_id, wall=wall)
    row.attempts += 1
    session.flush()


def begin_taking(
    session: Session, vault: Vault, *, spend_request_id: UUID, code: str | None, wall: datetime
) -> Consent:
    """Return the member's consent for the ledger to use up; the row stays locked until the commit.

    ``code`` is what the cashier typed, whose try has been counted. One that was taken before
    returns its consent too: the ledger answers with what it did, or refuses the second use. Raises
    ConsentCodeError, ConsentRefusedError, ConsentLapsedError, and WalletNeededError where the code
    is too little.
    """
    row = locked(session, spend_request_id)
    if row.state == WAITING and code is not None and row.expires_at > wall:
        if row.needs_proof:
            raise WalletNeededError("the wallet asks for the PIN", field="consent_code")
        check_code(vault, row, code)
        answer(row, state=APPROVED, by="code", wall=wall)
        session.flush()
    if row.state == REFUSED:
        raise ConsentRefusedError("the member said no")
    if row.state != TAKEN and (row.state != APPROVED or row.expires_at <= wall):
        raise ConsentLapsedError("no consent stands")
    digest = sha256(_CONSENT_LABEL + spend_request_id.bytes).digest()
    return Consent(digest=digest, expires_at=row.expires_at, limit=row.points)


def note_taken(session: Session, *, spend_request_id: UUID, member_id: UUID, sequence: int) -> None:
    """Write down which entry a request came to; in the transaction that posted it."""
    row = locked(session, spend_request_id)
    if row.state != TAKEN:
        row.state, row.entry_member_id, row.entry_sequence = TAKEN, member_id, sequence
        session.flush()


def withdraw(session: Session, *, member_id: UUID, merchant_id: UUID, merchant_ref: str) -> None:
    """End what waits under a reference that its till has given up."""
    rows = session.scalars(
        select(SpendRequest)
        .where(
            SpendRequest.member_id == member_id,
            SpendRequest.merchant_id == merchant_id,
            SpendRequest.merchant_ref == merchant_ref,
            SpendRequest.state.in_(LIVE),
        )
        .with_for_update()
    )
    for row in rows:
        row.state = WITHDRAWN
        row.answered_at = row.answered_by = row.session_id = None
    session.flush()


def forget_requests_to_spend(session: Session, *, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` that came to nothing and ended before then; return how many."""
    gone = (SpendRequest.state != TAKEN, SpendRequest.expires_at < before)
    return delete_piece(session, SpendRequest, *gone, limit=limit)


def _earlier(
    session: Session, *, member_id: UUID, wish: Wish, claim: Claim, entry: EntryKey | None
) -> SpendRequest | None:
    """Return the request that a call is about: what it took, what it asked, else the newest."""
    first = [] if entry is None else [_came_to(entry).desc().nulls_last()]
    return session.scalars(
        select(SpendRequest)
        .where(
            SpendRequest.member_id == member_id,
            SpendRequest.merchant_id == wish.merchant_id,
            SpendRequest.merchant_ref == wish.merchant_ref,
        )
        .order_by(
            *first,
            (SpendRequest.idempotency_key == claim.key).desc(),
            SpendRequest.requested_at.desc(),
            SpendRequest.spend_request_id.desc(),
        )
        .limit(1)
        .with_for_update()
    ).first()


def _came_to(entry: EntryKey) -> ColumnElement[bool]:
    return and_(
        SpendRequest.entry_member_id == entry.member_id,
        SpendRequest.entry_sequence == entry.sequence,
    )


def _known(
    session: Session, *, member_id: UUID, wish: Wish, claim: Claim, wall: datetime
) -> SpendRequestView | None:
    """Return what became of an earlier asking, ``None`` where the member may be asked anew."""
    before = claims.answered(session, claim=claim)
    entry = None if before is None else EntryKey(before.member_id, before.sequence)
    row = _earlier(session, member_id=member_id, wish=wish, claim=claim, entry=entry)
    if row is None:
        return None
    view, asked_by_this = view_of(row, wall=wall), row.idempotency_key == claim.key
    if asked_by_this and row.fingerprint != claim.fingerprint:
        raise IdempotencyConflict("this key belongs to another request")
    if view.state == TAKEN:
        # What was taken and voided has given its reference back: another call may ask under it.
        again = asked_by_this or (entry is not None and view.entry == astuple(entry))
        return view if again or not _is_free(session, member_id, wish) else None
    if view.state in LIVE:
        asked = (row.points, row.amount, row.capture, row.hold_minutes)
        # An amount may be other points after midnight; what the member saw is what is taken.
        points = row.points if wish.amount else wish.points
        if asked != (points, wish.amount, wish.capture, wish.hold_minutes):
            raise SpendRequestDiffersError("the member is asked for something else")
        return view
    if not asked_by_this:
        return None
    if view.state == REFUSED:
        raise ConsentRefusedError("the member said no")
    raise ConsentLapsedError("no word came in time")


def _is_free(session: Session, member_id: UUID, wish: Wish) -> bool:
    return claims.may_redeem_under(
        session,
        member_id=member_id,
        merchant_id=wish.merchant_id,
        merchant_ref=wish.merchant_ref,
    )


def _tell(
    session: Session,
    vault: Vault,
    row: SpendRequest,
    *,
    code: str,
    wallet_url: str,
    domain: str,
    wall: datetime,
) -> None:
    person = members.member(session, vault, member_id=row.member_id)
    merchant = merchants.merchant(session, merchant_id=row.merchant_id)
    address = f"{wallet_url}/requests/{ids.encode(PREFIX, row.spend_request_id)}"
    queue_sms(
        session,
        vault,
        recipient=person.phone,
        body=asking_text(
            code=code,
            points=row.points,
            merchant=merchant.name(person.locale),
            minutes=LIFE // timedelta(minutes=1),
            address=address,
            domain=domain,
            in_wallet=row.needs_proof,
            locale=person.locale,
        ),
        kind="asking",
        locale=person.locale,
        wall=wall,
        expires_at=row.expires_at,
    )


def answer(row: SpendRequest, *, state: str, by: str, wall: datetime) -> None:
    """Write a yes or a no down; a yes leaves the till a moment to come for the points."""
    row.state, row.answered_at, row.answered_by = state, wall, by
    if state == APPROVED:
        row.expires_at = max(row.expires_at, wall + TAKEN_WITHIN)


def check_code(vault: Vault, row: SpendRequest, code: str) -> None:
    """Raise ConsentCodeError where this is not the code of the message; the try was counted."""
    typed = "".join(ascii_digits(code).split())
    if not hmac.compare_digest(_digest(vault, row.spend_request_id, typed), row.digest):
        left = MAX_ATTEMPTS - row.attempts
        raise ConsentCodeError("this is not the code of the message", facts={"attempts_left": left})


def locked(session: Session, spend_request_id: UUID) -> SpendRequest:
    """Return a request's row, locked until the commit; raise UnknownSpendRequestError."""
    row = session.scalars(
        select(SpendRequest)
        .where(SpendRequest.spend_request_id == spend_request_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if row is None:
        raise UnknownSpendRequestError("nobody was asked under that id")
    return row


def _digest(vault: Vault, spend_request_id: UUID, code: str) -> bytes:
    return vault.blind_index(f"{spend_request_id}:{code}", purpose=_CODE_PURPOSE)
