"""The ledger's tables as SQLAlchemy Core sees them: for reading, the functions write.

Equal to ``0002_ledger.sql`` (held by a test). Point counts and sequences are bigint, prices
numeric(20,10) minor units per point, dates business or calendar days of the programme's zone.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSON

from network.database.base import LEDGER_SCHEMA
from network.ledger.columns import (
    ACCOUNT,
    LOT_DAY,
    MERCHANT_REF,
    MOVED_POINTS,
    PRICE,
    bytes_column,
    count,
    date_column,
    figure,
    integer,
    numbers_column,
    small,
    table,
    text_column,
    time_column,
    uuid_column,
)

business_day = table(
    "business_day",
    date_column("business_date"),
    time_column("opened_at"),
    time_column("flipped_at", null=True),
    time_column("closed_at", null=True),
    Index(
        "uq_business_day_open",
        text("(flipped_at IS NULL)"),
        unique=True,
        postgresql_where=text("flipped_at IS NULL"),
    ),
    key=("business_date",),
)

suspended_issuer = table(
    "suspended_issuer",
    uuid_column("issuer_id"),
    uuid_column("proposal_id"),
    time_column("suspended_at"),
    key=("issuer_id",),
)

seal = table(
    "seal",
    date_column("business_date"),
    small("version"),
    bytes_column("previous_head"),
    bytes_column("head"),
    count("entries"),
    count("movements"),
    text_column("key_id"),
    bytes_column("signature"),
    time_column("sealed_at"),
    ForeignKeyConstraint(
        ["business_date"],
        [business_day.c.business_date],
        name="fk_seal_business_date_business_day",
    ),
    key=("business_date",),
)

wallet = table(
    "wallet",
    uuid_column("member_id"),
    figure("available"),
    figure("pending"),
    figure("held"),
    figure("debt"),
    figure("sequence"),
    Column("status", Text(), nullable=False, server_default=text("'active'::text")),
    date_column("due_on", null=True),
    uuid_column("moved_to", null=True),
    Index("ix_wallet_moved_to", "moved_to", postgresql_where=text("moved_to IS NOT NULL")),
    Index("ix_wallet_due", "due_on", postgresql_where=text("due_on IS NOT NULL")),
    key=("member_id",),
)

lot = table(
    "lot",
    uuid_column("member_id"),
    count("lot_id"),
    count("parent_lot_id", null=True),
    uuid_column("issuer_id"),
    uuid_column("campaign_id", null=True),
    uuid_column("terms_id"),
    uuid_column("locked_to", null=True),
    Column("price", PRICE, nullable=False),
    Column("active", Boolean(), nullable=False),
    Column("open", Boolean(), nullable=False, server_default=text("true")),
    Column("active_from", LOT_DAY, nullable=False),
    Column("expires_on", LOT_DAY, nullable=False),
    date_column("made_on"),
    count("granted"),
    count("remaining"),
    count("held", default=True),
    count("redeemed", default=True),
    count("expired", default=True),
    count("clawed_back", default=True),
    count("moved", default=True),
    Index(
        "ix_lot_open",
        "member_id",
        text("(locked_to IS NULL)"),
        "expires_on",
        "lot_id",
        postgresql_where=text("open"),
    ),
    Index(
        "ix_lot_made",
        "made_on",
        postgresql_using="brin",
        postgresql_ops={"made_on": "date_minmax_multi_ops"},
    ),
    key=("member_id", "lot_id"),
)

entry = table(
    "entry",
    uuid_column("member_id"),
    count("sequence"),
    date_column("business_date"),
    text_column("kind"),
    uuid_column("merchant_id", null=True),
    uuid_column("store_id", null=True),
    text_column("terminal", null=True),
    text_column("merchant_ref", null=True),
    text_column("receipt", null=True),
    text_column("channel", null=True),
    count("amount", null=True),
    count("base", null=True),
    text_column("currency", null=True),
    count("original_sequence", null=True),
    date_column("original_date", null=True),
    time_column("effective_at"),
    time_column("recorded_at"),
    text_column("actor"),
    Column("explanation", JSON(), nullable=False),
    numbers_column("earned"),
    bytes_column("digest"),
    Index("ix_entry_merchant", "merchant_id", "business_date", "member_id", "sequence"),
    Index("ix_entry_day", "business_date", postgresql_using="brin"),
    key=("member_id", "sequence", "business_date"),
    days=True,
)

movement = table(
    "movement",
    uuid_column("member_id"),
    count("sequence"),
    integer("line"),
    date_column("business_date"),
    Column("source", ACCOUNT, nullable=False),
    Column("target", ACCOUNT, nullable=False),
    uuid_column("issuer_id"),
    uuid_column("acceptor_id", null=True),
    count("lot_id", null=True),
    count("target_lot_id", null=True),
    uuid_column("terms_id", null=True),
    date_column("priced_on", null=True),
    Column("points", MOVED_POINTS, nullable=False),
    Index("ix_movement_day", "business_date", postgresql_using="brin"),
    key=("member_id", "sequence", "line", "business_date"),
    days=True,
)

# A view: the two lines of each movement, as people read books.
posting = Table(
    "posting",
    MetaData(),
    uuid_column("member_id"),
    count("sequence"),
    integer("line"),
    date_column("business_date"),
    text_column("account"),
    uuid_column("issuer_id"),
    uuid_column("acceptor_id", null=True),
    count("lot_id", null=True),
    uuid_column("terms_id", null=True),
    date_column("priced_on", null=True),
    count("points"),
    schema=LEDGER_SCHEMA,
)

taken_back = table(
    "taken_back",
    uuid_column("member_id"),
    count("sequence"),
    integer("part"),
    uuid_column("issuer_id"),
    count("base"),
    count("points"),
    count("refunded"),
    count("clawed_back"),
    key=("member_id", "sequence", "part"),
)

redeposited = table(
    "redeposited",
    uuid_column("member_id"),
    count("sequence"),
    integer("line"),
    count("points"),
    count("refunded"),
    key=("member_id", "sequence", "line"),
)

# A view: the movements that paid an acceptor, and what came back of each.
consumption = Table(
    "consumption",
    MetaData(),
    uuid_column("member_id"),
    count("sequence"),
    integer("part"),
    date_column("business_date"),
    uuid_column("acceptor_id"),
    count("lot_id"),
    count("points"),
    count("refunded"),
    schema=LEDGER_SCHEMA,
)

reference = table(
    "reference",
    uuid_column("member_id"),
    uuid_column("merchant_id"),
    text_column("kind"),
    Column("merchant_ref", MERCHANT_REF, nullable=False),
    text_column("state"),
    count("sequence"),
    date_column("business_date"),
    uuid_column("moved_from", null=True),
    key=("member_id", "merchant_id", "kind", "merchant_ref"),
)

hold = table(
    "hold",
    uuid_column("member_id"),
    count("sequence"),
    date_column("business_date"),
    uuid_column("merchant_id"),
    text_column("merchant_ref"),
    Column("state", Text(), nullable=False, server_default=text("'authorised'::text")),
    count("points"),
    count("captured", default=True),
    time_column("hold_until"),
    count("capture_sequence", null=True),
    count("ended_sequence", null=True),
    Index(
        "ix_hold_open",
        "member_id",
        "hold_until",
        postgresql_where=text("state = 'authorised'::text"),
    ),
    key=("member_id", "sequence"),
)

hold_slice = table(
    "hold_slice",
    uuid_column("member_id"),
    count("sequence"),
    integer("part"),
    count("lot_id"),
    count("points"),
    count("captured", default=True),
    key=("member_id", "sequence", "part"),
)

debt = table(
    "debt",
    uuid_column("member_id"),
    uuid_column("issuer_id"),
    count("points"),
    key=("member_id", "issuer_id"),
)

idempotency = table(
    "idempotency",
    uuid_column("client_id"),
    text_column("key"),
    uuid_column("member_id"),
    bytes_column("fingerprint"),
    count("sequence"),
    date_column("business_date"),
    Column("result", JSON(), nullable=False),
    key=("client_id", "key"),
)

evidence = table(
    "evidence",
    uuid_column("member_id"),
    count("sequence"),
    date_column("business_date"),
    text_column("key_id"),
    bytes_column("signature_base"),
    bytes_column("signature"),
    bytes_column("body"),
    key=("member_id", "sequence", "business_date"),
    days=True,
)

used_code = table(
    "used_code",
    uuid_column("member_id"),
    bytes_column("digest"),
    time_column("expires_at"),
    count("sequence"),
    key=("member_id", "digest"),
)

shared_person = table(
    "shared_person",
    uuid_column("member_id"),
    uuid_column("pool_id"),
    count("spend_limit", null=True),
    Column("locked", Boolean(), nullable=False),
    count("sequence"),
    time_column("joined_at"),
    Index("ix_shared_person_pool", "pool_id"),
    key=("member_id",),
)

opening = table(
    "opening",
    uuid_column("member_id"),
    count("lot_id"),
    uuid_column("issuer_id"),
    date_column("month"),
    count("pending"),
    count("available"),
    count("held"),
    count("redeemed"),
    count("expired"),
    count("clawed_back"),
    count("credited"),
    count("issued"),
    count("transferred"),
    count("unmatched"),
    count("debt"),
    Index("ix_opening_month", "month", postgresql_using="brin"),
    key=("member_id", "lot_id", "issuer_id", "month"),
)

month_end = table(
    "month_end",
    date_column("month"),
    small("version"),
    bytes_column("seal_head"),
    bytes_column("previous_head"),
    bytes_column("head"),
    count("openings"),
    text_column("key_id"),
    bytes_column("signature"),
    time_column("sealed_at"),
    key=("month",),
)
