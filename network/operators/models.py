"""Tables of operators: who may use the console, their sign-ins, and the log of what they did."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base


class Operator(Base):
    """A person who works for the network. ``totp_step`` is the last step whose code was used."""

    __tablename__ = "operator"
    __table_args__ = (
        UniqueConstraint("email"),
        CheckConstraint(
            "email = lower(email) AND email ~ '^[^@[:space:]]+@[^@[:space:]]+$'"
            " AND length(email) <= 254",
            name="email",
        ),
        CheckConstraint("name <> '' AND length(name) <= 120", name="name"),
        CheckConstraint(
            "role IN ('viewer', 'analyst', 'operator', 'approver', 'administrator')", name="role"
        ),
        CheckConstraint("status IN ('active', 'suspended')", name="status"),
        CheckConstraint("locale IN ('fa', 'en')", name="locale"),
        CheckConstraint("totp_step >= 0", name="totp_step"),
        CheckConstraint(
            "notices IN ('none', 'email', 'sms')"
            " AND (notices <> 'sms' OR sealed_phone IS NOT NULL)",
            name="notices",
        ),
        {"schema": NETWORK_SCHEMA},
    )

    operator_id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    status: Mapped[str]
    locale: Mapped[str | None]
    password_hash: Mapped[str]
    sealed_totp: Mapped[bytes]
    totp_step: Mapped[int]
    created_at: Mapped[datetime]
    notices: Mapped[str] = mapped_column(server_default=text("'none'"))
    sealed_phone: Mapped[bytes | None]


class OperatorThrottle(Base):
    """Attempts to sign in under one e-mail, or from one address, since ``first_at``."""

    __tablename__ = "operator_throttle"
    __table_args__ = (
        CheckConstraint("length(subject) = 32", name="subject"),
        CheckConstraint("attempts > 0", name="attempts"),
        Index(None, "first_at"),
        {"schema": NETWORK_SCHEMA},
    )

    subject: Mapped[bytes] = mapped_column(primary_key=True)
    attempts: Mapped[int] = mapped_column(Integer)
    first_at: Mapped[datetime]


class OperatorSession(Base):
    """A sign-in of an operator in one browser. The token is there, its digest here."""

    __tablename__ = "operator_session"
    __table_args__ = (
        UniqueConstraint("token_digest"),
        CheckConstraint("length(token_digest) = 32", name="token_digest"),
        CheckConstraint("expires_at > created_at", name="expires_at"),
        Index("ix_operator_session_operator_id", "operator_id", "created_at"),
        {"schema": NETWORK_SCHEMA},
    )

    session_id: Mapped[UUID] = mapped_column(primary_key=True)
    operator_id: Mapped[UUID] = mapped_column(ForeignKey(Operator.operator_id))
    token_digest: Mapped[bytes]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    user_agent: Mapped[str]
    address: Mapped[str]


class ProposalRow(Base):
    """What one person wants done, and what a second one said to it."""

    __tablename__ = "proposal"
    __table_args__ = (
        CheckConstraint("kind ~ '^[a-z]+[.][a-z_]+$'", name="kind"),
        CheckConstraint("reason <> '' AND length(reason) <= 300", name="reason"),
        CheckConstraint(
            "num_nonnulls(decided_by, decided_at, approved) IN (0, 3)", name="decision"
        ),
        CheckConstraint("NOT approved OR decided_by <> proposed_by", name="two_people"),
        Index(
            "uq_proposal_waiting",
            "kind",
            "subject_id",
            unique=True,
            postgresql_where=text("decided_at IS NULL"),
        ),
        Index(
            "uq_proposal_bank_ref",
            text("upper(terms ->> 'bank_ref')"),
            unique=True,
            postgresql_where=text(
                "kind IN ('cover.move', 'default.recover') AND terms ->> 'act' <> 'drawn'"
                " AND approved IS NOT FALSE"
            ),
        ),
        Index("ix_proposal_subject_id", "subject_id", "proposed_at"),
        {"schema": NETWORK_SCHEMA},
    )

    proposal_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject_id: Mapped[UUID]
    terms: Mapped[dict[str, Any]]
    reason: Mapped[str]
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    approved: Mapped[bool | None]


class OperatorPasskey(Base):
    """The public half of a passkey (WebAuthn) of an operator, by the device's name for it."""

    __tablename__ = "operator_passkey"
    __table_args__ = (
        UniqueConstraint("credential_id"),
        CheckConstraint("name <> '' AND length(name) <= 60", name="name"),
        CheckConstraint("sign_count >= 0", name="sign_count"),
        Index(None, "operator_id"),
        {"schema": NETWORK_SCHEMA},
    )

    passkey_id: Mapped[UUID] = mapped_column(primary_key=True)
    operator_id: Mapped[UUID] = mapped_column(ForeignKey(Operator.operator_id))
    credential_id: Mapped[bytes]
    public_key: Mapped[bytes]
    sign_count: Mapped[int]
    name: Mapped[str]
    backed_up: Mapped[bool]
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class OperatorChallenge(Base):
    """A challenge that a passkey has answered; another answer to it is refused."""

    __tablename__ = "operator_challenge"
    __table_args__ = (
        CheckConstraint("length(digest) = 32", name="digest"),
        Index(None, "used_at"),
        {"schema": NETWORK_SCHEMA},
    )

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    used_at: Mapped[datetime]


class OperatorRecovery(Base):
    """One way in for an operator without one: begun, confirmed where need be, used or over."""

    __tablename__ = "operator_recovery"
    __table_args__ = (
        UniqueConstraint("code_digest"),
        CheckConstraint("length(code_digest) = 32", name="code_digest"),
        CheckConstraint("expires_at > begun_at", name="expires_at"),
        CheckConstraint(
            "(confirmed_by IS NULL) = (confirmed_at IS NULL)"
            " AND confirmed_by IS DISTINCT FROM operator_id"
            " AND begun_by IS DISTINCT FROM operator_id"
            " AND (confirmed_by IS NULL OR confirmed_by IS DISTINCT FROM begun_by)",
            name="two_people",
        ),
        Index(None, "operator_id"),
        {"schema": NETWORK_SCHEMA},
    )

    recovery_id: Mapped[UUID] = mapped_column(primary_key=True)
    operator_id: Mapped[UUID] = mapped_column(ForeignKey(Operator.operator_id))
    code_digest: Mapped[bytes]
    sealed_totp: Mapped[bytes]
    begun_by: Mapped[UUID | None]
    begun_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    needs_second: Mapped[bool]
    confirmed_by: Mapped[UUID | None]
    confirmed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class AuditLog(Base):
    """One act: who, what, on which subject. Rows are only ever added, each chained to the last."""

    __tablename__ = "audit_log"
    __table_args__ = (
        UniqueConstraint("previous_hash"),
        CheckConstraint("sequence > 0", name="sequence"),
        CheckConstraint("length(hash) = 32 AND length(previous_hash) = 32", name="hash"),
        Index(None, "actor", "sequence"),
        Index(None, "subject", "sequence"),
        Index(None, "action", "sequence"),
        {"schema": NETWORK_SCHEMA},
    )

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    recorded_at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    facts: Mapped[dict[str, Any]]
    previous_hash: Mapped[bytes]
    hash: Mapped[bytes]
