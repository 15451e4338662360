"""Members' claims: "it wasn't me", or something is wrong with an entry; an operator answers.

One operator's answer is not the last word. The member may object to it, once, and then somebody
else decides, for good.

A claim moves nothing. What makes a theft good is a correction of two people, which the network
pays (``network/adjustments``) and the answer names; a mistake is the shop's to refund. What a claim
can do at once is lock the member's own spending. Whoever opens one locks in the order of
``members/freezing.py``: the member's row, then the audit log, then wallets.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from network import ids
from network.adjustments.queries import PREFIX as ADJUSTMENT_PREFIX
from network.adjustments.queries import adjustment
from network.claims.errors import ClaimError
from network.claims.models import MemberClaim
from network.claims.queries import (
    ANSWER_FIELD,
    LESS_FIELD,
    PREFIX,
    WORDS_FIELD,
    ClaimView,
    corrections_for,
    opened,
    said_by,
)
from network.ledger import queries as ledger
from network.ledger import shared_wallets
from network.members import queries as members
from network.members.errors import UnknownMemberError
from network.members.freezing import lock_person, set_switch
from network.members.queries import person_key
from network.messaging.service import queue_sms
from network.messaging.texts import claim_answered_text
from network.operators.audit import record_act
from network.vault import Vault

NOT_ME, WRONG = "not_me", "wrong"
SPENDING = frozenset({"authorisation", "capture", "redemption", "transfer"})
"""The kinds of entry of which somebody may say that it wasn't them."""
MADE_GOOD = "made_good"
OUTCOMES = (MADE_GOOD, "shop", "explained", "refused")
LONGEST_WORDS = 500
MOST_WAITING = 10


def open_claim(
    session: Session,
    vault: Vault,
    *,
    member_id: UUID,
    wallet_id: UUID,
    sequence: int,
    kind: str,
    words: str,
    lock: bool,
    now: datetime,
) -> ClaimView:
    """Write down what a member says of an entry that is theirs to see; ``now`` is wall time.

    ``lock`` locks their spending at once. Raises ClaimError, nothing of which may be committed.
    """
    said = " ".join(words.split())
    person = lock_person(session, member_id)
    found = ledger.entry(session, member_id=wallet_id, sequence=sequence)
    if found is None:
        raise ClaimError("there is no such entry", reason="unknown")
    if kind not in {NOT_ME, WRONG} or (kind == NOT_ME and found.kind not in SPENDING):
        raise ClaimError("this can't be said of such an entry", reason="kind")
    if len(said) > LONGEST_WORDS or (kind == WRONG and not said):
        raise ClaimError("say what is wrong, in a few sentences", reason="words")
    _check_few(session, person, wallet_id, sequence)
    claim_id = ids.uuid7()
    _record(
        session,
        "claim.opened",
        claim_id,
        actor=ids.encode("mem", person),
        member_id=person,
        facts={"kind": kind, "entry": sequence, "locked": lock},
        now=now,
    )
    key = person_key(session, vault, member_id=person)
    row = MemberClaim(
        claim_id=claim_id,
        member_id=person,
        wallet_id=wallet_id,
        sequence=sequence,
        kind=kind,
        sealed_words=key.seal(said.encode(), name=WORDS_FIELD) if said else None,
        locked=lock,
        opened_at=now,
    )
    session.add(row)
    session.flush()
    if lock:
        set_switch(session, member_id=person, locked=True)
    return opened(session, vault, row)


def answer_claim(
    session: Session,
    vault: Vault,
    *,
    claim_id: UUID,
    outcome: str,
    words: str,
    by: UUID,
    now: datetime,
    wallet_url: str,
    correction_id: UUID | None = None,
    why_less: str = "",
) -> ClaimView:
    """Tell a member what became of a claim, once; they get a message and read it in the wallet.

    Nobody is told that points came back before two people have given some, since the claim:
    ``correction_id`` names what they gave, which answers no other claim. Where it is less than what
    was spent in the member's place, also with what the answer objected to gave, ``why_less`` says
    why. Raises ClaimError, nothing of which may
    be committed.
    """
    said, less = " ".join(words.split()), " ".join(why_less.split())
    if outcome not in OUTCOMES:
        raise ClaimError("an answer has an outcome", reason="outcome")
    if not 0 < len(said) <= LONGEST_WORDS or len(less) > LONGEST_WORDS:
        raise ClaimError("an answer has a few sentences", reason="words")
    row = session.get(MemberClaim, claim_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise ClaimError("there is no such claim", reason="unknown")
    if row.outcome is not None:
        raise ClaimError("somebody has answered it already", reason="answered")
    _check_another(session, row, by=by)
    found = opened(session, vault, row)
    given = _given(session, found, correction_id, less) if outcome == MADE_GOOD else None
    _record(
        session,
        "claim.answered",
        claim_id,
        actor=ids.encode("opr", by),
        member_id=row.member_id,
        facts={
            "outcome": outcome,
            **({"correction": ids.encode(ADJUSTMENT_PREFIX, given)} if given else {}),
        },
        now=now,
    )
    sealed, sealed_less = _told(
        session, vault, row, said=said, less=less if given else "", now=now, wallet_url=wallet_url
    )
    # At once: what is answered never changes.
    row.outcome, row.decided_by, row.decided_at, row.sealed_answer = outcome, by, now, sealed
    row.correction_id, row.sealed_why_less = given, sealed_less
    session.flush()
    return opened(session, vault, row)


def _told(
    session: Session,
    vault: Vault,
    row: MemberClaim,
    *,
    said: str,
    less: str,
    now: datetime,
    wallet_url: str,
) -> tuple[bytes | None, bytes | None]:
    """Send the member a message; return the answer, and why it is less, sealed with their key.

    Who was merged since is written to where they are now; the claim's own key seals it still.
    """
    person = shared_wallets.person(session, member_id=row.member_id)
    try:
        key = person_key(session, vault, member_id=row.member_id)
        who = members.member(session, vault, member_id=person)
    except UnknownMemberError:  # erased meanwhile: nobody reads it any more
        return None, None
    queue_sms(
        session,
        vault,
        recipient=who.phone,
        body=claim_answered_text(address=wallet_url, locale=who.locale),
        kind="claim_answered",
        locale=who.locale,
        wall=now,
    )
    sealed_less = key.seal(less.encode(), name=LESS_FIELD) if less else None
    return key.seal(said.encode(), name=ANSWER_FIELD), sealed_less


def object_to_answer(
    session: Session, vault: Vault, *, claim_id: UUID, member_id: UUID, words: str, now: datetime
) -> ClaimView:
    """Write down that a member does not agree with an answer; somebody else answers that.

    Once, and within 30 days. Raises ClaimError, nothing of which may be committed.
    """
    said = " ".join(words.split())
    person = lock_person(session, member_id)
    row = session.get(MemberClaim, claim_id)
    if row is None or shared_wallets.person(session, member_id=row.member_id) != person:
        raise ClaimError("there is no such claim", reason="unknown")
    first = opened(session, vault, row)
    if first.object_until is None:
        raise ClaimError("nothing to object to", reason="claimed")
    if first.object_until <= now:
        raise ClaimError("too long ago", reason="too_late")
    if not 0 < len(said) <= LONGEST_WORDS:
        raise ClaimError("say what is wrong with the answer", reason="words")
    if session.scalar(select(func.count()).where(MemberClaim.objects_to == claim_id)):
        raise ClaimError("this has been objected to", reason="claimed")
    objection_id = ids.uuid7()
    _record(
        session,
        "claim.objected",
        objection_id,
        actor=ids.encode("mem", person),
        member_id=person,
        facts={"entry": row.sequence, "first_claim": ids.encode(PREFIX, claim_id)},
        now=now,
    )
    key = person_key(session, vault, member_id=person)
    objection = MemberClaim(
        claim_id=objection_id,
        member_id=person,
        wallet_id=row.wallet_id,
        sequence=row.sequence,
        kind=row.kind,
        sealed_words=key.seal(said.encode(), name=WORDS_FIELD),
        locked=False,
        opened_at=now,
        objects_to=claim_id,
    )
    session.add(objection)
    session.flush()
    return opened(session, vault, objection)


def _check_another(session: Session, row: MemberClaim, *, by: UUID) -> None:
    """Refuse that who answered first decides about the objection to it."""
    if row.objects_to is None:
        return
    first = session.get_one(MemberClaim, row.objects_to)
    if first.decided_by == by:
        raise ClaimError("a colleague decides about this", reason="same")


def _given(session: Session, found: ClaimView, correction_id: UUID | None, less: str) -> UUID:
    """Return the correction that makes a claim good; raise ClaimError where it does not."""
    given = {each.adjustment_id: each.points for each in corrections_for(session, found)}
    if correction_id is None or correction_id not in given:
        raise ClaimError("name what two people gave since, for this claim", reason="correction")
    entry = ledger.entry(session, member_id=found.wallet_id, sequence=found.sequence)
    taken = 0 if entry is None or found.kind != NOT_ME else abs(entry.points)
    if given[correction_id] + _given_before(session, found) < taken and not less:
        raise ClaimError("less than was taken: say why", reason="less")
    return correction_id


def _given_before(session: Session, found: ClaimView) -> int:
    """Return what the answer that this objects to gave back: two may give the whole together."""
    if found.objects_to is None:
        return 0
    named = session.get_one(MemberClaim, found.objects_to).correction_id
    before = None if named is None else adjustment(session, adjustment_id=named)
    return 0 if before is None else before.points


def _check_few(session: Session, person: UUID, wallet_id: UUID, sequence: int) -> None:
    """Refuse a second claim on an entry, and more at once than anybody would have."""
    own = select(func.count()).where(
        said_by(session, member_id=person), MemberClaim.objects_to.is_(None)
    )
    if session.scalar(
        own.where(MemberClaim.wallet_id == wallet_id, MemberClaim.sequence == sequence)
    ):
        raise ClaimError("this has been said of the entry", reason="claimed")
    if (session.scalar(own.where(MemberClaim.outcome.is_(None))) or 0) >= MOST_WAITING:
        raise ClaimError("as many wait already as one member may have", reason="many")


def _record(
    session: Session,
    action: str,
    claim_id: UUID,
    *,
    actor: str,
    member_id: UUID,
    facts: dict[str, object],
    now: datetime,
) -> None:
    record_act(
        session,
        now=now,
        actor=actor,
        action=action,
        subject=ids.encode("mem", member_id),
        facts={"claim": ids.encode(PREFIX, claim_id), **facts},
    )
