"""Reads of members' claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from network.adjustments.queries import AdjustmentView, given_since
from network.claims.models import MemberClaim
from network.ledger.shared_wallets import person as person_of
from network.members.errors import UnknownMemberError
from network.members.queries import everyone, person_key
from network.vault import Vault

PREFIX = "clm"
ANSWER_WITHIN = timedelta(days=3)
"""What members are told: so soon somebody has looked."""
OBJECT_WITHIN = timedelta(days=30)
"""So long after an answer a member may object to it."""
WORDS_FIELD, ANSWER_FIELD, LESS_FIELD = "claim-words", "claim-answer", "claim-less"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimView:
    """A claim; words and answer are empty where there are none, or the person was erased.

    ``objects_to`` is the claim whose answer this objects to.
    """

    claim_id: UUID
    member_id: UUID
    wallet_id: UUID
    sequence: int
    kind: str
    locked: bool
    opened_at: datetime
    outcome: str | None
    decided_by: UUID | None
    decided_at: datetime | None
    objects_to: UUID | None
    correction_id: UUID | None
    words: str = field(default="", repr=False)
    answer: str = field(default="", repr=False)
    why_less: str = field(default="", repr=False)

    @property
    def due_at(self) -> datetime:
        """Return until when the member was told to wait."""
        return self.opened_at + ANSWER_WITHIN

    @property
    def last(self) -> bool:
        """Return whether its answer is the last word: it is the answer to an objection."""
        return self.objects_to is not None

    @property
    def object_until(self) -> datetime | None:
        """Return until when the member may object, ``None`` where they may not."""
        if self.decided_at is None or self.last:
            return None
        return self.decided_at + OBJECT_WITHIN


def claim(session: Session, vault: Vault, *, claim_id: UUID) -> ClaimView | None:
    """Return one claim with its words."""
    row = session.get(MemberClaim, claim_id)
    return None if row is None else opened(session, vault, row)


def claim_of(
    session: Session, vault: Vault, *, member_id: UUID, wallet_id: UUID, sequence: int
) -> ClaimView | None:
    """Return what a person said of an entry at first, also as a member who was merged into them.

    Two who were one person may both have said something: the later counts.
    """
    row = session.scalar(
        select(MemberClaim)
        .where(
            said_by(session, member_id=member_id),
            MemberClaim.wallet_id == wallet_id,
            MemberClaim.sequence == sequence,
            MemberClaim.objects_to.is_(None),
        )
        .order_by(MemberClaim.claim_id.desc())
        .limit(1)
    )
    return None if row is None else opened(session, vault, row)


def claims_by(session: Session, *, member_id: UUID, limit: int) -> list[tuple[ClaimView, bool]]:
    """Return what a person said at first, as any member that they have been, the latest first.

    Without words; each with whether all of it, an objection too, has been answered.
    """
    objection = aliased(MemberClaim)
    waits = exists().where(
        objection.objects_to == MemberClaim.claim_id, objection.outcome.is_(None)
    )
    rows = session.execute(
        select(MemberClaim, MemberClaim.outcome.is_not(None) & ~waits)
        .where(said_by(session, member_id=member_id), MemberClaim.objects_to.is_(None))
        .order_by(MemberClaim.claim_id.desc())
        .limit(limit)
    )
    return [(_view(row), answered) for row, answered in rows]


def said_by(session: Session, *, member_id: UUID) -> ColumnElement[bool]:
    """Return the condition that a person said it, as any of the members that they have been."""
    person = person_of(session, member_id=member_id)
    return MemberClaim.member_id.in_(everyone(session, member_id=person))


def objection_to(session: Session, vault: Vault, *, claim_id: UUID) -> ClaimView | None:
    """Return the member's objection to the answer of a claim."""
    row = session.scalar(select(MemberClaim).where(MemberClaim.objects_to == claim_id))
    return None if row is None else opened(session, vault, row)


def corrections_for(session: Session, found: ClaimView) -> list[AdjustmentView]:
    """Return what two people gave the member since the claim, and no claim was answered with."""
    person = person_of(session, member_id=found.member_id)
    wallets = {found.wallet_id, *everyone(session, member_id=person)}
    given = given_since(session, member_ids=wallets, since=found.objects_to or found.claim_id)
    if not given:
        return []
    used = set(
        session.scalars(
            select(MemberClaim.correction_id).where(
                MemberClaim.correction_id.in_([each.adjustment_id for each in given])
            )
        )
    )
    return [each for each in given if each.adjustment_id not in used]


def waiting(session: Session, *, limit: int) -> list[ClaimView]:
    """Return claims that nobody has answered, the oldest first, without their words."""
    rows = session.scalars(
        select(MemberClaim)
        .where(MemberClaim.outcome.is_(None))
        .order_by(MemberClaim.opened_at, MemberClaim.claim_id)
        .limit(limit)
    )
    return [_view(row) for row in rows]


def answered(session: Session, *, limit: int) -> list[ClaimView]:
    """Return claims that were answered, the latest first, without their words."""
    rows = session.scalars(
        select(MemberClaim)
        .where(MemberClaim.decided_at.is_not(None))
        .order_by(MemberClaim.decided_at.desc(), MemberClaim.claim_id)
        .limit(limit)
    )
    return [_view(row) for row in rows]


def count_waiting(session: Session) -> tuple[int, datetime | None]:
    """Return how many claims wait, and since when the oldest does."""
    count, oldest = session.execute(
        select(func.count(), func.min(MemberClaim.opened_at)).where(MemberClaim.outcome.is_(None))
    ).one()
    return count, oldest


def opened(session: Session, vault: Vault, row: MemberClaim) -> ClaimView:
    """Return a claim with what was said, as far as the person's key is still there."""
    said: Mapping[str, bytes | None] = {
        WORDS_FIELD: row.sealed_words,
        ANSWER_FIELD: row.sealed_answer,
        LESS_FIELD: row.sealed_why_less,
    }
    try:
        key = person_key(session, vault, member_id=row.member_id)
    except UnknownMemberError:
        return _view(row)
    words, answer, why_less = (
        "" if sealed is None else key.open(sealed, name=name).decode()
        for name, sealed in said.items()
    )
    return _view(row, words=words, answer=answer, why_less=why_less)


def _view(row: MemberClaim, *, words: str = "", answer: str = "", why_less: str = "") -> ClaimView:
    return ClaimView(
        claim_id=row.claim_id,
        member_id=row.member_id,
        wallet_id=row.wallet_id,
        sequence=row.sequence,
        kind=row.kind,
        locked=row.locked,
        opened_at=row.opened_at,
        outcome=row.outcome,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        objects_to=row.objects_to,
        correction_id=row.correction_id,
        words=words,
        answer=answer,
        why_less=why_less,
    )
