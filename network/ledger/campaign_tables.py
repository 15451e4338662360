"""The tables of campaigns' budgets as SQLAlchemy Core sees them: for reading, functions write.

Equal to ``0010_campaigns.sql`` and what followed (held by a test).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, Table, Uuid, text

from network.database.base import LEDGER_SCHEMA, metadata

campaign = Table(
    "campaign",
    metadata,
    Column("campaign_id", Uuid(), primary_key=True),
    Column("running", Boolean(), nullable=False),
    Column("budget", BigInteger(), nullable=False),
    Column("slices", Integer(), nullable=False),
    Column("person_cap", BigInteger()),
    Column("day_cap", BigInteger()),
    schema=LEDGER_SCHEMA,
)

campaign_slice = Table(
    "campaign_slice",
    metadata,
    Column("campaign_id", Uuid(), primary_key=True),
    Column("slice", Integer(), primary_key=True, autoincrement=False),
    Column("budget", BigInteger(), nullable=False),
    Column("taken", BigInteger(), nullable=False, server_default=text("0")),
    schema=LEDGER_SCHEMA,
)

campaign_taking = Table(
    "campaign_taking",
    metadata,
    Column("member_id", Uuid(), primary_key=True),
    Column("sequence", BigInteger(), primary_key=True, autoincrement=False),
    Column("campaign_id", Uuid(), primary_key=True),
    Column("slice", Integer(), primary_key=True, autoincrement=False),
    Column("business_date", Date(), nullable=False),
    Column("points", BigInteger(), nullable=False),
    Column("person_id", Uuid()),
    Index("ix_campaign_taking_campaign", "campaign_id", "business_date", "member_id", "sequence"),
    schema=LEDGER_SCHEMA,
)

campaign_person = Table(
    "campaign_person",
    metadata,
    Column("member_id", Uuid(), primary_key=True),
    Column("campaign_id", Uuid(), primary_key=True),
    Column("points", BigInteger(), nullable=False),
    Column("day", Date(), nullable=False),
    Column("day_points", BigInteger(), nullable=False),
    Column("brought", BigInteger(), nullable=False, server_default=text("0")),
    Column("brought_day", BigInteger(), nullable=False, server_default=text("0")),
    schema=LEDGER_SCHEMA,
)
