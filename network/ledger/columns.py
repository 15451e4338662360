"""How ``tables.py`` describes columns and tables: in as few words as they need."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, DOMAIN, ENUM
from sqlalchemy.schema import SchemaItem

from network.database.base import LEDGER_SCHEMA, metadata

ACCOUNT = ENUM(
    *("pending", "available", "held", "debt", "issuance", "clawback", "receivable", "redemption"),
    *("expiry", "adjustment", "transfer"),
    name="account",
    schema=LEDGER_SCHEMA,
    create_type=False,
)
MOVED_POINTS = DOMAIN(
    "moved_points",
    BigInteger(),
    schema=LEDGER_SCHEMA,
    constraint_name="ck_moved_points",
    check=text("VALUE > 0"),
    create_type=False,
)
FIGURE = DOMAIN(
    "figure",
    BigInteger(),
    schema=LEDGER_SCHEMA,
    constraint_name="ck_figure",
    check=text("VALUE >= 0"),
    create_type=False,
)
PRICE = DOMAIN(
    "price",
    Numeric(20, 10),
    schema=LEDGER_SCHEMA,
    constraint_name="ck_price",
    check=text("VALUE BETWEEN 0 AND 9999999999"),
    create_type=False,
)
LOT_DAY = DOMAIN(
    "lot_day",
    Date(),
    schema=LEDGER_SCHEMA,
    constraint_name="ck_lot_day",
    check=text("isfinite(VALUE)"),
    create_type=False,
)
MERCHANT_REF = DOMAIN(
    "merchant_ref",
    Text(),
    schema=LEDGER_SCHEMA,
    constraint_name="ck_merchant_ref",
    check=text("VALUE <> ''"),
    create_type=False,
)


def uuid_column(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, Uuid(), nullable=null)


def count(name: str, *, null: bool = False, default: bool = False) -> Column[Any]:
    zero = text("0") if default else None
    return Column(name, BigInteger(), nullable=null, server_default=zero)


def figure(name: str) -> Column[Any]:
    return Column(name, FIGURE, nullable=False, server_default=text("0"))


def text_column(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, Text(), nullable=null)


def date_column(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, Date(), nullable=null)


def time_column(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=null)


def bytes_column(name: str) -> Column[Any]:
    return Column(name, LargeBinary(), nullable=False)


def small(name: str) -> Column[Any]:
    return Column(name, SmallInteger(), nullable=False)


def integer(name: str) -> Column[Any]:
    return Column(name, Integer(), nullable=False)


def numbers_column(name: str) -> Column[Any]:
    return Column(name, ARRAY(BigInteger()), nullable=True)


def table(name: str, *parts: SchemaItem, key: tuple[str, ...], days: bool = False) -> Table:
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
