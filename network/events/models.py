"""The outbox, the events that merchants are told of, and how webhooks carry them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base


class OutboxEvent(Base):
    """One event, from the transaction in which it happened to the one that handed it on.

    An entry of the ledger says its ``sequence`` and ``points``; ``payload`` is for all else.
    """

    __tablename__ = "outbox"
    __table_args__ = ({"schema": NETWORK_SCHEMA},)

    event_id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    topic: Mapped[str]
    member_id: Mapped[UUID | None]
    merchant_id: Mapped[UUID | None]
    sequence: Mapped[int | None]
    points: Mapped[int | None]
    payload: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class MerchantEventCounter(Base):
    """The last number that was given to an event of a merchant."""

    __tablename__ = "merchant_event_counter"
    __table_args__ = (
        CheckConstraint("last_number > 0", name="last_number"),
        {"schema": NETWORK_SCHEMA},
    )

    merchant_id: Mapped[UUID] = mapped_column(primary_key=True)
    last_number: Mapped[int]


class MerchantEvent(Base):
    """Something that a merchant is told: ``data`` is all it learns, and no personal data."""

    __tablename__ = "merchant_event"
    __table_args__ = (
        UniqueConstraint("merchant_id", "number"),
        Index("ix_merchant_event_noted_at", "noted_at"),
        {"schema": NETWORK_SCHEMA},
    )

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID]
    number: Mapped[int]
    type: Mapped[str]
    version: Mapped[int] = mapped_column(Integer)
    occurred_at: Mapped[datetime]
    data: Mapped[dict[str, Any]]
    noted_at: Mapped[datetime]


class WebhookEndpoint(Base):
    """An address of a merchant to which its events are posted; no types means all of them."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        CheckConstraint("state IN ('enabled', 'disabled', 'deleted')", name="state"),
        CheckConstraint(
            "(state = 'disabled') = (disabled_because IS NOT NULL)", name="disabled_because"
        ),
        CheckConstraint("disabled_because IN ('merchant', 'operator', 'gone')", name="reason"),
        CheckConstraint("length(url) BETWEEN 1 AND 2048", name="url"),
        Index("ix_webhook_endpoint_merchant_id", "merchant_id"),
        {"schema": NETWORK_SCHEMA},
    )

    endpoint_id: Mapped[UUID] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID]
    url: Mapped[str]
    description: Mapped[str]
    types: Mapped[list[str]] = mapped_column(ARRAY(Text))
    state: Mapped[str]
    disabled_because: Mapped[str | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class WebhookSecret(Base):
    """The keys that sign for an endpoint, of both kinds; ``ends_at`` once they were replaced."""

    __tablename__ = "webhook_secret"
    __table_args__ = (
        CheckConstraint("length(public_key) = 32", name="public_key"),
        {"schema": NETWORK_SCHEMA},
    )

    endpoint_id: Mapped[UUID] = mapped_column(
        ForeignKey(WebhookEndpoint.endpoint_id), primary_key=True
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    sealed_secret: Mapped[bytes]
    sealed_private: Mapped[bytes]
    public_key: Mapped[bytes]
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]


class WebhookDelivery(Base):
    """An event on its way to an endpoint; nobody else's before ``next_attempt_at``."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "endpoint_id"),
        CheckConstraint("state IN ('waiting', 'delivered', 'failed', 'dropped')", name="state"),
        CheckConstraint("(state = 'waiting') = (finished_at IS NULL)", name="finished"),
        CheckConstraint("failures >= 0 AND attempts >= failures", name="counts"),
        Index(
            "ix_webhook_delivery_due",
            "endpoint_id",
            "next_attempt_at",
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_webhook_delivery_endpoint_id_created_at", "endpoint_id", "created_at", "delivery_id"
        ),
        {"schema": NETWORK_SCHEMA},
    )

    delivery_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey(WebhookEndpoint.endpoint_id))
    event_id: Mapped[UUID] = mapped_column(ForeignKey(MerchantEvent.event_id))
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    failures: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    next_attempt_at: Mapped[datetime]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class WebhookAttempt(Base):
    """One try to deliver; without an end where its worker died."""

    __tablename__ = "webhook_attempt"
    __table_args__ = (
        CheckConstraint("(finished_at IS NULL) = (outcome IS NULL)", name="finished"),
        CheckConstraint("status BETWEEN 100 AND 999", name="status"),
        {"schema": NETWORK_SCHEMA},
    )

    delivery_id: Mapped[UUID] = mapped_column(
        ForeignKey(WebhookDelivery.delivery_id), primary_key=True
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    status: Mapped[int | None] = mapped_column(Integer)
