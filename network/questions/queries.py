"""Reads of members' questions, and of how members reach the network."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from network.members.errors import UnknownMemberError
from network.members.queries import everyone, person_key
from network.questions.models import Contact, MemberQuestion
from network.vault import Vault

PREFIX = "qst"
ANSWER_WITHIN = timedelta(days=3)
"""What members are told: so soon somebody has answered."""

WORDS_FIELD, ANSWER_FIELD = "question-words", "question-answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionView:
    """A question; words and answer are empty where there are none, or the person was erased."""

    question_id: UUID
    member_id: UUID
    asked_at: datetime
    owner_id: UUID | None
    taken_at: datetime | None
    answered_by: UUID | None
    answered_at: datetime | None
    words: str = field(default="", repr=False)
    answer: str = field(default="", repr=False)

    @property
    def due_at(self) -> datetime:
        """Return until when the member was told to wait."""
        return self.asked_at + ANSWER_WITHIN


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactView:
    """How members reach a person; empty where there is no such way."""

    phone: str
    address_fa: str
    address_en: str
    hours_fa: str
    hours_en: str
    set_by: UUID
    set_at: datetime


def contact(session: Session) -> ContactView | None:
    """Return how members reach a person now, ``None`` where nobody has said so yet."""
    row = session.scalars(
        select(Contact).order_by(Contact.set_at.desc(), Contact.contact_id.desc()).limit(1)
    ).first()
    if row is None:
        return None
    return ContactView(**{name: getattr(row, name) for name in ContactView.__dataclass_fields__})


def question(session: Session, vault: Vault, *, question_id: UUID) -> QuestionView | None:
    """Return one question with its words."""
    row = session.get(MemberQuestion, question_id)
    return None if row is None else opened(session, vault, row)


def asked_by(session: Session, vault: Vault, *, member_id: UUID, limit: int) -> list[QuestionView]:
    """Return what a person asked, the newest first, also as a member who was merged into them."""
    rows = session.scalars(
        select(MemberQuestion)
        .where(MemberQuestion.member_id.in_(everyone(session, member_id=member_id)))
        .order_by(MemberQuestion.asked_at.desc(), MemberQuestion.question_id.desc())
        .limit(limit)
    )
    return [opened(session, vault, row) for row in rows]


def waiting(session: Session, *, limit: int) -> list[QuestionView]:
    """Return questions that nobody has answered, the oldest first, without their words."""
    rows = session.scalars(
        select(MemberQuestion)
        .where(MemberQuestion.answered_at.is_(None))
        .order_by(MemberQuestion.asked_at, MemberQuestion.question_id)
        .limit(limit)
    )
    return [_view(row) for row in rows]


def answered(session: Session, *, limit: int) -> list[QuestionView]:
    """Return questions that were answered, the latest first, without their words."""
    rows = session.scalars(
        select(MemberQuestion)
        .where(MemberQuestion.answered_at.is_not(None))
        .order_by(MemberQuestion.answered_at.desc(), MemberQuestion.question_id)
        .limit(limit)
    )
    return [_view(row) for row in rows]


def count_waiting(session: Session) -> tuple[int, datetime | None]:
    """Return how many questions wait, and since when the oldest does."""
    count, oldest = session.execute(
        select(func.count(), func.min(MemberQuestion.asked_at)).where(
            MemberQuestion.answered_at.is_(None)
        )
    ).one()
    return count, oldest


def opened(session: Session, vault: Vault, row: MemberQuestion) -> QuestionView:
    """Return a question with what was said, as far as the person's key is still there."""
    try:
        key = person_key(session, vault, member_id=row.member_id)
    except UnknownMemberError:
        return _view(row)
    answer = b"" if row.sealed_answer is None else key.open(row.sealed_answer, name=ANSWER_FIELD)
    words = key.open(row.sealed_words, name=WORDS_FIELD)
    return _view(row, words=words.decode(), answer=answer.decode())


def _view(row: MemberQuestion, *, words: str = "", answer: str = "") -> QuestionView:
    return QuestionView(
        question_id=row.question_id,
        member_id=row.member_id,
        asked_at=row.asked_at,
        owner_id=row.owner_id,
        taken_at=row.taken_at,
        answered_by=row.answered_by,
        answered_at=row.answered_at,
        words=words,
        answer=answer,
    )
