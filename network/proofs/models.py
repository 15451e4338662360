"""Tables of the nights' proofs: what is published, and the leaves that paths are read from."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, PrimaryKeyConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base


class PointsProof(Base):
    """One night's figure of outstanding points: the root over all balances, signed."""

    __tablename__ = "points_proof"
    __table_args__ = (
        PrimaryKeyConstraint("business_date"),
        CheckConstraint("points >= 0 AND leaves >= 0", name="figures"),
        CheckConstraint("octet_length(root) = 32 AND octet_length(seal) = 32", name="digests"),
        {"schema": NETWORK_SCHEMA},
    )

    business_date: Mapped[date] = mapped_column(ForeignKey("ledger.business_day.business_date"))
    root: Mapped[bytes]
    points: Mapped[int]
    leaves: Mapped[int]
    seal: Mapped[bytes]
    key_id: Mapped[str]
    signed: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class PointsProofChunk(Base):
    """1,024 leaves in their order, 40 bytes each (points, digest), and the node above them.

    ``first_tag`` is the first one's place in the night's order, by which a member's is found.
    """

    __tablename__ = "points_proof_chunk"
    __table_args__ = (
        PrimaryKeyConstraint("business_date", "number"),
        CheckConstraint("octet_length(leaves) % 40 = 0", name="leaves"),
        {"schema": NETWORK_SCHEMA},
    )

    business_date: Mapped[date] = mapped_column(
        ForeignKey("network.points_proof.business_date", deferrable=True, initially="DEFERRED")
    )
    number: Mapped[int]
    first_tag: Mapped[bytes]
    points: Mapped[int]
    digest: Mapped[bytes]
    leaves: Mapped[bytes]
