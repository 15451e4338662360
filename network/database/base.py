"""Metadata of every table: one naming convention, two schemas.

``ledger`` holds what only the ledger's functions may write; ``network`` holds everything else.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, LargeBinary, MetaData, Numeric, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Base(DeclarativeBase):
    """Base of the mapped classes of the ``network`` schema.

    Money and point counts are ``int`` (bigint), prices ``Decimal`` of numeric(20,10), times
    timezone-aware, JSON ``dict``.
    """

    metadata = metadata
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        UUID: Uuid(),
        datetime: DateTime(timezone=True),
        date: Date(),
        int: BigInteger(),
        str: Text(),
        bytes: LargeBinary(),
        Decimal: Numeric(20, 10),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
    }


NETWORK_SCHEMA = "network"
LEDGER_SCHEMA = "ledger"
