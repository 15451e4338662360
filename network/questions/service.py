"""A way to a person: members ask, an operator makes the question theirs and answers it, once.

A question moves nothing and is no claim: what a member says of an entry is ``network/claims``. It
has a clock (three days, as claims), an owner, and an answer that the member reads in the wallet.
Whoever asks again asks anew.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from network import ids
from network.errors import PeyvandError
from network.language import gettext, normalise, use_locale
from network.members import queries as members
from network.members.freezing import lock_person
from network.members.queries import person_key
from network.messaging.service import queue_sms
from network.operators.audit import record_act
from network.questions.models import Contact, MemberQuestion
from network.questions.queries import (
    ANSWER_FIELD,
    PREFIX,
    WORDS_FIELD,
    ContactView,
    QuestionView,
    contact,
    opened,
)
from network.vault import Vault

LONGEST_WORDS = 1_000
LONGEST_LINE = 200
MOST_WAITING = 5
CONTACT_LINES = ("phone", "address_fa", "address_en", "hours_fa", "hours_en")


class QuestionError(PeyvandError):
    """This can't be asked, or answered, so; ``reason`` is many, words, unknown or answered."""

    code = "question_refused"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


def ask(
    session: Session, vault: Vault, *, member_id: UUID, words: str, now: datetime
) -> QuestionView:
    """Write down what a member asks; ``now`` is wall time. Raises QuestionError."""
    said = normalise(words)
    person = lock_person(session, member_id)
    if not 0 < len(said) <= LONGEST_WORDS:
        raise QuestionError("a question has a few sentences", reason="words")
    wait = select(func.count()).where(
        MemberQuestion.member_id == person, MemberQuestion.answered_at.is_(None)
    )
    if (session.scalar(wait) or 0) >= MOST_WAITING:
        raise QuestionError("as many wait already as one member may have", reason="many")
    key = person_key(session, vault, member_id=person)
    row = MemberQuestion(
        question_id=ids.uuid7(),
        member_id=person,
        sealed_words=key.seal(said.encode(), name=WORDS_FIELD),
        asked_at=now,
    )
    session.add(row)
    session.flush()
    return opened(session, vault, row)


def take(session: Session, *, question_id: UUID, by: UUID, now: datetime) -> None:
    """Make a question an operator's own, also one that is a colleague's; QuestionError."""
    row = _waiting(session, question_id)
    row.owner_id, row.taken_at = by, now
    session.flush()


def answer(
    session: Session,
    vault: Vault,
    *,
    question_id: UUID,
    words: str,
    by: UUID,
    now: datetime,
    address: str,
) -> None:
    """Answer a member, once: they get a message and read it at ``address``; QuestionError."""
    said = normalise(words)
    if not 0 < len(said) <= LONGEST_WORDS:
        raise QuestionError("an answer has a few sentences", reason="words")
    row = _waiting(session, question_id)
    who = members.member(session, vault, member_id=row.member_id)
    key = person_key(session, vault, member_id=row.member_id)
    record_act(
        session,
        now=now,
        actor=ids.encode("opr", by),
        action="question.answered",
        subject=ids.encode("mem", row.member_id),
        facts={"question": ids.encode(PREFIX, question_id)},
    )
    row.owner_id, row.taken_at = row.owner_id or by, row.taken_at or now
    row.sealed_answer = key.seal(said.encode(), name=ANSWER_FIELD)
    row.answered_by, row.answered_at = by, now
    session.flush()
    with use_locale(who.locale):
        body = gettext("Peyvand: we have answered your question:")
    queue_sms(
        session,
        vault,
        recipient=who.phone,
        body=f"{body}\n{address}",
        kind="question_answered",
        locale=who.locale,
        wall=now,
    )


def set_contact(session: Session, *, by: UUID, now: datetime, **lines: str) -> ContactView:
    """Say how members reach a person: phone, address and hours in both languages.

    Raises QuestionError where nothing is said, or a line is too long.
    """
    said = {name: " ".join(lines.get(name, "").split()) for name in CONTACT_LINES}
    if not any(said.values()) or max(map(len, said.values())) > LONGEST_LINE:
        raise QuestionError("a contact has short lines", reason="words")
    contact_id = ids.uuid7()
    record_act(
        session,
        now=now,
        actor=ids.encode("opr", by),
        action="contact.set",
        subject=ids.encode("con", contact_id),
        facts=dict(said),
    )
    session.add(Contact(contact_id=contact_id, set_by=by, set_at=now, **said))
    session.flush()
    found = contact(session)
    if found is None:
        raise QuestionError("it was not kept", reason="unknown")
    return found


def _waiting(session: Session, question_id: UUID) -> MemberQuestion:
    row = session.get(MemberQuestion, question_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise QuestionError("there is no such question", reason="unknown")
    if row.answered_at is not None:
        raise QuestionError("somebody has answered it already", reason="answered")
    return row
