"""Tables of campaigns: what they promise and who pays for it."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Integer, Text, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base
from network.operators.models import Operator


class Campaign(Base):
    """A campaign, whose terms never change; an empty list of an audience means everybody."""

    __tablename__ = "campaign"
    __table_args__ = (
        UniqueConstraint("code"),
        CheckConstraint("code ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(code) <= 40", name="code"),
        CheckConstraint("name_fa <> '' AND name_en <> ''", name="names"),
        CheckConstraint("minimum_amount >= 0", name="minimum_amount"),
        CheckConstraint("first_day <= last_day", name="days"),
        CheckConstraint("person_cap > 0 AND day_cap > 0", name="caps"),
        CheckConstraint("slices BETWEEN 16 AND 64 AND budget >= slices", name="budget"),
        {"schema": NETWORK_SCHEMA},
    )

    campaign_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str]
    name_fa: Mapped[str]
    name_en: Mapped[str]
    owner_id: Mapped[UUID]
    kind: Mapped[str]
    numerator: Mapped[int]
    denominator: Mapped[int]
    minimum_amount: Mapped[int]
    first_day: Mapped[date]
    last_day: Mapped[date]
    merchants: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    tiers: Mapped[list[str]] = mapped_column(ARRAY(Text))
    channels: Mapped[list[str]] = mapped_column(ARRAY(Text))
    categories: Mapped[list[str]] = mapped_column(ARRAY(Text))
    person_cap: Mapped[int | None]
    day_cap: Mapped[int | None]
    budget: Mapped[int]
    slices: Mapped[int] = mapped_column(Integer)
    state: Mapped[str]
    proposed_by: Mapped[UUID | None] = mapped_column(ForeignKey(Operator.operator_id))
    proposed_at: Mapped[datetime]
    approved_by: Mapped[UUID | None] = mapped_column(ForeignKey(Operator.operator_id))
    approved_at: Mapped[datetime | None]


class CampaignFunder(Base):
    """A party's share of a campaign's points, in ten-thousandths; ``place`` breaks ties."""

    __tablename__ = "campaign_funder"
    __table_args__ = (
        UniqueConstraint("campaign_id", "party_id"),
        CheckConstraint("share BETWEEN 1 AND 10000", name="share"),
        {"schema": NETWORK_SCHEMA},
    )

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey(Campaign.campaign_id), primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True)
    party_id: Mapped[UUID]
    share: Mapped[int] = mapped_column(Integer)
