"""Tables of members' questions, and of how members reach the network."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base

_OPERATOR = "network.operator.operator_id"


class Contact(Base):
    """How members reach a person of the network; the newest row holds."""

    __tablename__ = "contact"
    __table_args__ = ({"schema": NETWORK_SCHEMA},)

    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    phone: Mapped[str]
    address_fa: Mapped[str]
    address_en: Mapped[str]
    hours_fa: Mapped[str]
    hours_en: Mapped[str]
    set_by: Mapped[UUID] = mapped_column(ForeignKey(_OPERATOR))
    set_at: Mapped[datetime]


class MemberQuestion(Base):
    """A member's question, whose it is among the operators, and the answer; sealed for them."""

    __tablename__ = "member_question"
    __table_args__ = (
        CheckConstraint("(owner_id IS NULL) = (taken_at IS NULL)", name="taken"),
        CheckConstraint(
            "(sealed_answer IS NULL) = (answered_at IS NULL)"
            " AND (answered_by IS NULL) = (answered_at IS NULL)",
            name="answered",
        ),
        Index(None, "member_id", "asked_at"),
        Index(
            "ix_member_question_waiting", "asked_at", postgresql_where=text("answered_at IS NULL")
        ),
        Index(
            "ix_member_question_answered_at",
            "answered_at",
            postgresql_where=text("answered_at IS NOT NULL"),
        ),
        {"schema": NETWORK_SCHEMA},
    )

    question_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("network.member.member_id"))
    sealed_words: Mapped[bytes]
    asked_at: Mapped[datetime]
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey(_OPERATOR))
    taken_at: Mapped[datetime | None]
    sealed_answer: Mapped[bytes | None]
    answered_by: Mapped[UUID | None] = mapped_column(ForeignKey(_OPERATOR))
    answered_at: Mapped[datetime | None]
