"""A line that goes by itself: spending, refunds, purchases with a code or in a campaign."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway.batches.bench import Bench, event_of
from merchant_gateway.batches.campaigns import earn_with_campaigns
from merchant_gateway.batches.members import Named
from merchant_gateway.batches.results import known_result, posted_result, refused_result
from merchant_gateway.errors import (
    ConsentRequiredError,
    IdentifierExpiredError,
    InternalError,
    TokenExpiredError,
)
from merchant_gateway.schemas.batches import EARN, REDEEM, REFUND_EARN, REFUND_REDEEM
from network.batches import queries
from network.batches.queries import BatchView, EarlierEntry
from network.clock import local_date, wall_now
from network.errors import InvariantError, PeyvandError, UnavailableError
from network.ids import EntryKey
from network.ledger import operations
from network.ledger import queries as ledger
from network.ledger.errors import DuplicateReference, Refusal, UnknownOriginal
from network.ledger.values import Claim, Consent, Posted
from network.programme.giving_back import points_for_refund
from network.programme.worth import points_to_pay
from network.settings import PROGRAMME_ZONE

log = logging.getLogger("peyvand.batches")

_REFERENCES = {
    EARN: "issuance",
    REDEEM: "redemption",
    REFUND_EARN: "refund_issuance",
    REFUND_REDEEM: "refund_redemption",
}
"""Type of line → the ledger's kind of reference."""

_ENTRIES = {kind: {name} for kind, name in _REFERENCES.items()}
_ENTRIES[REDEEM] = {"redemption", "authorisation"}


def post_apart(
    session: Session,
    bench: Bench,
    batch: BatchView,
    *,
    line: int,
    data: dict[str, Any],
    member: Named,
    now: datetime,
) -> dict[str, Any]:
    """Post one line in the caller's transaction; return its result as it is stored.

    A refusal is a result. Raises UnavailableError where the line may succeed later.
    """
    kind, ref = data["type"], data["merchant_ref"]
    common = {"member_id": member.member_id, "now": now, "evidence": None}
    try:
        _check_identifier(session, batch, data, member)
        common["event"] = event_of(bench, batch, data)
        common["claim"] = _claim(batch, line=line)
        with session.begin_nested():
            posted = _POSTS[kind](session, bench, batch, data, member, common)
    except DuplicateReference as refusal:
        key = named_entry(refusal, member_id=member.member_id)
        entries = queries.earlier_entries(session, keys=[key])
        return earlier(entries.get(key), kind=kind, data=data, refusal=refusal)
    except UnavailableError:
        raise
    except InvariantError as error:
        log.exception("a line failed batch=%s line=%s", batch.batch_id, line)
        return refused_result(kind, ref, InternalError(error.code))
    except PeyvandError as error:
        return refused_result(kind, ref, error)
    return posted_result(kind, ref, posted)


def named_entry(refusal: Refusal, *, member_id: UUID) -> tuple[UUID, int]:
    """Return the entry that has a reference already, perhaps in a wallet that the member shares."""
    owner = UUID(str(refusal.facts.get("member_id", member_id)))
    return owner, int(str(refusal.facts["sequence"]))


def earlier(
    entry: EarlierEntry | None, *, kind: str, data: dict[str, Any], refusal: Refusal
) -> dict[str, Any]:
    """Return the result of a line whose reference is taken: known if the entry says the same."""
    same = (
        entry is not None
        and entry.kind in _ENTRIES[kind]
        and entry.effective_at == data["occurred_at"]
        and entry.amount == data.get("amount")
        and (kind == EARN or "points" not in data or entry.points == data["points"])
    )
    if entry is not None and same:
        return known_result(kind, data["merchant_ref"], entry)
    return refused_result(kind, data["merchant_ref"], refusal, entry=entry)


def _check_identifier(
    session: Session, batch: BatchView, data: dict[str, Any], member: Named
) -> None:
    """Refuse an identifier that had run out when the batch came, unless the entry exists."""
    if member.expires_at is None or batch.received_at <= member.expires_at:
        return
    known = _by_reference(
        session, batch, member, kind=_REFERENCES[data["type"]], ref=data["merchant_ref"]
    )
    if known is not None:
        raise DuplicateReference(
            DuplicateReference.sentence,
            facts={"sequence": known.sequence, "member_id": str(known.member_id)},
        )
    if member.code is None:
        raise TokenExpiredError("the token ran out", field="/member/token")
    raise IdentifierExpiredError("the code ran out", field="/member/code")


def _claim(batch: BatchView, *, line: int) -> Claim:
    """Return a claim that no merchant's own key can meet: theirs hold no colon.

    A batch never changes, so its line says all: a digest of what stands there would only let
    numbers be tried against it.
    """
    key = f"batch:{batch.batch_id}:{line}"
    return Claim(client_id=batch.merchant_id, key=key, fingerprint=sha256(key.encode()).digest())


def _by_reference(
    session: Session, batch: BatchView, member: Named, *, kind: str, ref: str
) -> EntryKey | None:
    return ledger.by_reference(
        session,
        member_id=member.member_id,
        merchant_id=batch.merchant_id,
        kind=kind,
        merchant_ref=ref,
    )


def _original(
    session: Session, batch: BatchView, data: dict[str, Any], member: Named, *, kind: str
) -> EntryKey:
    found = _by_reference(session, batch, member, kind=kind, ref=data["original_ref"])
    if found is None:
        raise UnknownOriginal(UnknownOriginal.sentence, field="/original_ref")
    return found


def _earn(
    session: Session,
    bench: Bench,
    _batch: BatchView,
    data: dict[str, Any],
    _member: Named,
    common: dict[str, Any],
) -> Posted:
    return earn_with_campaigns(session, bench, data, common)


def _redeem(
    session: Session,
    bench: Bench,
    batch: BatchView,
    data: dict[str, Any],
    member: Named,
    common: dict[str, Any],
) -> Posted:
    """Spend by a code that was valid when the batch came: the member consented then and there.

    Holds end by the time that it is now; so the code's end is moved by as long as the line waited.
    """
    code = member.code
    if code is None:
        raise ConsentRequiredError("only the code in the member's wallet spends", field="/member")
    wall = wall_now()
    waited = max(wall - batch.received_at, timedelta())
    return operations.redeem(
        session,
        wall=wall,
        points=_points(bench, data, now=common["now"]),
        consent=Consent(digest=code.digest, expires_at=code.expires_at + waited, limit=code.limit),
        follow=True,
        **common,
    )


def _refund_earn(
    session: Session,
    _bench: Bench,
    batch: BatchView,
    data: dict[str, Any],
    member: Named,
    common: dict[str, Any],
) -> Posted:
    original = _original(session, batch, data, member, kind="issuance")
    return operations.refund_earn(
        session,
        original=original.sequence,
        amount=data.get("amount"),
        lines=data.get("lines"),
        **common | {"member_id": original.member_id},
    )


def _refund_redeem(
    session: Session,
    bench: Bench,
    batch: BatchView,
    data: dict[str, Any],
    member: Named,
    common: dict[str, Any],
) -> Posted:
    original = _original(session, batch, data, member, kind="redemption")
    points = data.get("points")
    if points is None:
        points = points_for_refund(
            session,
            redemption=original,
            amount=data["amount"],
            now=common["now"],
            face_value=bench.terms.face_values(day=local_date(common["now"], zone=PROGRAMME_ZONE)),
        )
    return operations.refund_redeem(
        session,
        original=original.sequence,
        points=points,
        grace_days=operations.GRACE_DAYS,
        **common | {"member_id": original.member_id},
    )


def _points(bench: Bench, data: dict[str, Any], *, now: datetime) -> int:
    if "points" in data:
        return int(data["points"])
    return points_to_pay(amount=data["amount"], face_value=_face_value(bench, now))


def _face_value(bench: Bench, now: datetime) -> Any:
    return bench.terms.face_value(day=local_date(now, zone=PROGRAMME_ZONE))


_POSTS: dict[str, Callable[..., Posted]] = {
    EARN: _earn,
    REDEEM: _redeem,
    REFUND_EARN: _refund_earn,
    REFUND_REDEEM: _refund_redeem,
}
