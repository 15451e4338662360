"""Tables of batches. Their checks and rights stand in ``0013_batches.sql``."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base

_SCHEMA = {"schema": NETWORK_SCHEMA}


class Batch(Base):
    """A merchant's batch: ``received_at`` is wall time, ``programme_at`` the programme's.

    ``state`` is waiting, working or done; ``posted``, ``known`` (posted before) and ``refused``
    count its lines. ``persons_sealed``: whom its signed body names opens with their own keys.
    """

    __tablename__ = "batch"
    __table_args__ = (
        UniqueConstraint("merchant_id", "idempotency_key"),
        Index(
            "ix_batch_under_way",
            "merchant_id",
            "touched_at",
            postgresql_where=text("state <> 'done'"),
        ),
        Index(
            "ix_batch_finished_at",
            "finished_at",
            postgresql_where=text("finished_at IS NOT NULL"),
        ),
        Index(
            "ix_batch_unsealed",
            "finished_at",
            postgresql_where=text("finished_at IS NOT NULL AND NOT persons_sealed"),
        ),
        _SCHEMA,
    )

    batch_id: Mapped[UUID] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID] = mapped_column(ForeignKey("network.merchant.merchant_id"))
    idempotency_key: Mapped[str]
    fingerprint: Mapped[bytes]
    key_id: Mapped[str]
    lines: Mapped[int] = mapped_column(Integer)
    state: Mapped[str]
    posted: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    known: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    refused: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    received_at: Mapped[datetime]
    programme_at: Mapped[datetime]
    touched_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    persons_sealed: Mapped[bool] = mapped_column(server_default=text("false"))


class BatchChunk(Base):
    """Lines ``first_line`` to ``first_line + lines - 1`` (from 1), sealed until they are done.

    ``state`` is waiting, apart (some lines still go one by one) or done. ``results`` has a value
    per line, None where it stands in ``BatchLine``.
    """

    __tablename__ = "batch_chunk"
    __table_args__ = _SCHEMA

    batch_id: Mapped[UUID] = mapped_column(
        ForeignKey("network.batch.batch_id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    first_line: Mapped[int] = mapped_column(Integer)
    lines: Mapped[int] = mapped_column(Integer)
    state: Mapped[str]
    sealed_lines: Mapped[bytes | None]
    results: Mapped[list[Any] | None] = mapped_column(JSONB())


class BatchLine(Base):
    """The result of a line that went by itself."""

    __tablename__ = "batch_line"
    __table_args__ = _SCHEMA

    batch_id: Mapped[UUID] = mapped_column(
        ForeignKey("network.batch.batch_id", ondelete="CASCADE"), primary_key=True
    )
    line: Mapped[int] = mapped_column(Integer, primary_key=True)
    result: Mapped[dict[str, Any]]


class BatchRequest(Base):
    """The signed request that brought a batch; the application may not read all of it."""

    __tablename__ = "batch_request"
    __table_args__ = _SCHEMA

    batch_id: Mapped[UUID] = mapped_column(primary_key=True)
    key_id: Mapped[str]
    signature_base: Mapped[bytes]
    signature: Mapped[bytes]
    body: Mapped[bytes]


class BatchEntries(Base):
    """Entries that lines of a batch made at one moment; ``line`` is the first of them."""

    __tablename__ = "batch_entries"
    __table_args__ = (
        Index("ix_batch_entries_recorded_at", "merchant_id", "recorded_at"),
        _SCHEMA,
    )

    batch_id: Mapped[UUID] = mapped_column(
        ForeignKey("network.batch_request.batch_id"), primary_key=True
    )
    line: Mapped[int] = mapped_column(Integer, primary_key=True)
    merchant_id: Mapped[UUID]
    recorded_at: Mapped[datetime]
    members: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    sequences: Mapped[list[int]] = mapped_column(ARRAY(BigInteger()))
    lines: Mapped[list[int]] = mapped_column(ARRAY(Integer()))
