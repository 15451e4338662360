"""The ledger's tables as SQLAlchemy Core sees them: for reading, the functions write.

Equal to ``0002_ledger.sql`` (held by a test). Point counts and sequences are bigint, prices
numeric(20,10) minor units per point, dates business or calendar days of the programme's zone.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, DOMAIN, ENUM, JSON, JSONB
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from network.database.base import LEDGER_SCHEMA, metadata

_ACCOUNT = ENUM(
    *("pending", "available", "held", "debt", "issuance", "clawback", "receivable", "redemption"),
    *("expiry", "adjustment", "transfer"),
    name="account",
    schema=LEDGER_SCHEMA,
    create_type=False,
)
_MOVED_POINTS = DOMAIN(
    "moved_points",
    BigInteger(),
    schema=LEDGER_SCHEMA,
    constraint_name="ck_moved_points",
    check=text("VALUE > 0"),
    create_type=False,
)


def _uuid(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, Uuid(), nullable=null)


def _count(name: str, *, null: bool = False, default: bool = False) -> Column[Any]:
    zero = text("0") if default else None
    return Column(name, BigInteger(), nullable=null, server_default=zero)


def _text(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, Text(), nullable=null)


def _date(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, Date(), nullable=null)


def _time(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=null)


def _bytes(name: str) -> Column[Any]:
    return Column(name, LargeBinary(), nullable=False)


def _small(name: str) -> Column[Any]:
    return Column(name, SmallInteger(), nullable=False)


def _int(name: str) -> Column[Any]:
    return Column(name, Integer(), nullable=False)


def _list(name: str, item: TypeEngine[Any], *, default: bool = False) -> Column[Any]:
    empty = text("'{}'::bigint[]") if default else None
    return Column(name, ARRAY(item), nullable=False, server_default=empty)


def _table(name: str, *parts: SchemaItem, key: tuple[str, ...], days: bool = False) -> Table:
    """Return a table of the ledger; ``days`` says that it is partitioned by business_date."""
    partition: dict[str, Any] = {"postgresql_partition_by": "RANGE (business_date)"} if days else {}
    return Table(
        name,
        metadata,
        *parts,
        PrimaryKeyConstraint(*key, name=f"pk_{name}"),
        schema=LEDGER_SCHEMA,
        **partition,
    )


business_day = _table(
    "business_day",
    _date("business_date"),
    _time("opened_at"),
    _time("flipped_at", null=True),
    _time("closed_at", null=True),
    Index(
        "uq_business_day_open",
        text("(flipped_at IS NULL)"),
        unique=True,
        postgresql_where=text("flipped_at IS NULL"),
    ),
    key=("business_date",),
)

suspended_issuer = _table(
    "suspended_issuer",
    _uuid("issuer_id"),
    _uuid("proposal_id"),
    _time("suspended_at"),
    key=("issuer_id",),
)

seal = _table(
    "seal",
    _date("business_date"),
    _small("version"),
    _bytes("previous_head"),
    _bytes("head"),
    _count("entries"),
    _count("movements"),
    _text("key_id"),
    _bytes("signature"),
    _time("sealed_at"),
    ForeignKeyConstraint(
        ["business_date"],
        [business_day.c.business_date],
        name="fk_seal_business_date_business_day",
    ),
    key=("business_date",),
)

wallet = _table(
    "wallet",
    _uuid("member_id"),
    _count("available", default=True),
    _count("pending", default=True),
    _count("held", default=True),
    _count("debt", default=True),
    _count("sequence", default=True),
    Column("status", Text(), nullable=False, server_default=text("'active'::text")),
    _date("due_on", null=True),
    _uuid("moved_to", null=True),
    Index("ix_wallet_moved_to", "moved_to", postgresql_where=text("moved_to IS NOT NULL")),
    Index("ix_wallet_due", "due_on", postgresql_where=text("due_on IS NOT NULL")),
    key=("member_id",),
)

lot = _table(
    "lot",
    _uuid("member_id"),
    _count("lot_id"),
    _count("parent_lot_id", null=True),
    _uuid("issuer_id"),
    _uuid("campaign_id", null=True),
    _uuid("terms_id"),
    _uuid("locked_to", null=True),
    Column("price", Numeric(20, 10), nullable=False),
    Column("active", Boolean(), nullable=False),
    Column("open", Boolean(), nullable=False, server_default=text("true")),
    _date("active_from"),
    _date("expires_on"),
    _count("granted"),
    _count("remaining"),
    _count("held", default=True),
    _count("redeemed", default=True),
    _count("expired", default=True),
    _count("clawed_back", default=True),
    _count("moved", default=True),
    Index(
        "ix_lot_open",
        "member_id",
        text("(locked_to IS NULL)"),
        "expires_on",
        "lot_id",
        postgresql_where=text("open"),
    ),
    key=("member_id", "lot_id"),
)

entry = _table(
    "entry",
    _uuid("member_id"),
    _count("sequence"),
    _date("business_date"),
    _text("kind"),
    _uuid("merchant_id", null=True),
    _uuid("store_id", null=True),
    _text("terminal", null=True),
    _text("merchant_ref", null=True),
    _text("receipt", null=True),
    _text("channel", null=True),
    _count("amount", null=True),
    _count("base", null=True),
    _text("currency", null=True),
    _count("original_sequence", null=True),
    _date("original_date", null=True),
    _time("effective_at"),
    _time("recorded_at"),
    _text("actor"),
    Column("explanation", JSON(), nullable=False),
    _bytes("digest"),
    Index("ix_entry_merchant", "merchant_id", "business_date", "member_id", "sequence"),
    Index("ix_entry_day", "business_date", postgresql_using="brin"),
    key=("member_id", "sequence", "business_date"),
    days=True,
)

movement = _table(
    "movement",
    _uuid("member_id"),
    _count("sequence"),
    _int("line"),
    _date("business_date"),
    Column("source", _ACCOUNT, nullable=False),
    Column("target", _ACCOUNT, nullable=False),
    _uuid("issuer_id"),
    _uuid("acceptor_id", null=True),
    _count("lot_id", null=True),
    _count("target_lot_id", null=True),
    _uuid("terms_id", null=True),
    _date("priced_on", null=True),
    Column("points", _MOVED_POINTS, nullable=False),
    Index("ix_movement_day", "business_date", postgresql_using="brin"),
    key=("member_id", "sequence", "line", "business_date"),
    days=True,
)

# A view: the two lines of each movement, as people read books.
posting = Table(
    "posting",
    MetaData(),
    _uuid("member_id"),
    _count("sequence"),
    _int("line"),
    _date("business_date"),
    _text("account"),
    _uuid("issuer_id"),
    _uuid("acceptor_id", null=True),
    _count("lot_id", null=True),
    _uuid("terms_id", null=True),
    _date("priced_on", null=True),
    _count("points"),
    schema=LEDGER_SCHEMA,
)

earned = _table(
    "earned",
    _uuid("member_id"),
    _count("sequence"),
    _date("business_date"),
    _list("lines", Integer()),
    _list("issuer_ids", Uuid()),
    _list("lots", Integer()),
    _list("terms_ids", Uuid()),
    _list("bases", BigInteger()),
    _list("points", BigInteger()),
    _list("refunded", BigInteger(), default=True),
    _list("clawed_back", BigInteger(), default=True),
    key=("member_id", "sequence", "business_date"),
    days=True,
)

consumption = _table(
    "consumption",
    _uuid("member_id"),
    _count("sequence"),
    _int("part"),
    _date("business_date"),
    _uuid("acceptor_id"),
    _count("lot_id"),
    _count("points"),
    _count("refunded", default=True),
    key=("member_id", "sequence", "part"),
)

reference = _table(
    "reference",
    _uuid("member_id"),
    _uuid("merchant_id"),
    _text("kind"),
    _text("merchant_ref"),
    _text("state"),
    _count("sequence"),
    _date("business_date"),
    _uuid("moved_from", null=True),
    key=("member_id", "merchant_id", "kind", "merchant_ref"),
)

hold = _table(
    "hold",
    _uuid("member_id"),
    _count("sequence"),
    _date("business_date"),
    _uuid("merchant_id"),
    _text("merchant_ref"),
    Column("state", Text(), nullable=False, server_default=text("'authorised'::text")),
    _count("points"),
    _count("captured", default=True),
    _time("hold_until"),
    _count("capture_sequence", null=True),
    _count("ended_sequence", null=True),
    Index(
        "ix_hold_open",
        "member_id",
        "hold_until",
        postgresql_where=text("state = 'authorised'::text"),
    ),
    key=("member_id", "sequence"),
)

hold_slice = _table(
    "hold_slice",
    _uuid("member_id"),
    _count("sequence"),
    _int("part"),
    _count("lot_id"),
    _count("points"),
    _count("captured", default=True),
    key=("member_id", "sequence", "part"),
)

debt = _table(
    "debt",
    _uuid("member_id"),
    _uuid("issuer_id"),
    _count("points"),
    key=("member_id", "issuer_id"),
)

idempotency = _table(
    "idempotency",
    _uuid("client_id"),
    _text("key"),
    _uuid("member_id"),
    _bytes("fingerprint"),
    _count("sequence"),
    _date("business_date"),
    Column("result", JSONB(), nullable=False),
    Index("ix_idempotency_day", "business_date", postgresql_using="brin"),
    key=("client_id", "key"),
)

evidence = _table(
    "evidence",
    _uuid("member_id"),
    _count("sequence"),
    _date("business_date"),
    _text("key_id"),
    _bytes("signature_base"),
    _bytes("signature"),
    _bytes("body"),
    key=("member_id", "sequence", "business_date"),
    days=True,
)

used_code = _table(
    "used_code",
    _uuid("member_id"),
    _bytes("digest"),
    _time("expires_at"),
    _count("sequence"),
    Index("ix_used_code_expires_at", "expires_at", postgresql_using="brin"),
    key=("member_id", "digest"),
)

shared_person = _table(
    "shared_person",
    _uuid("member_id"),
    _uuid("pool_id"),
    _count("spend_limit", null=True),
    Column("locked", Boolean(), nullable=False),
    _count("sequence"),
    _time("joined_at"),
    Index("ix_shared_person_pool", "pool_id"),
    key=("member_id",),
)

opening = _table(
    "opening",
    _uuid("member_id"),
    _count("lot_id"),
    _uuid("issuer_id"),
    _date("month"),
    _count("pending"),
    _count("available"),
    _count("held"),
    _count("redeemed"),
    _count("expired"),
    _count("clawed_back"),
    _count("credited"),
    _count("issued"),
    _count("transferred"),
    _count("unmatched"),
    _count("debt"),
    Index("ix_opening_month", "month", postgresql_using="brin"),
    key=("member_id", "lot_id", "issuer_id", "month"),
)

month_end = _table(
    "month_end",
    _date("month"),
    _small("version"),
    _bytes("seal_head"),
    _bytes("previous_head"),
    _bytes("head"),
    _count("openings"),
    _text("key_id"),
    _bytes("signature"),
    _time("sealed_at"),
    key=("month",),
)
