"""Adding a row whose code somebody chose: what the database refuses, in words."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from network.merchants.errors import CodeTakenError, MerchantDataError
from network.merchants.models import Merchant, Store, Terminal

_UNIQUE, _CHECK = "23505", "23514"


def insert_row(session: Session, row: Merchant | Store | Terminal) -> None:
    """Insert ``row``; raise CodeTakenError, or MerchantDataError naming the field."""
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise refusal_of(error) from error


def refusal_of(error: IntegrityError) -> CodeTakenError | MerchantDataError | IntegrityError:
    """Return what a violated constraint means to who gave the code and the names."""
    sqlstate = getattr(error.orig, "sqlstate", None)
    if sqlstate == _UNIQUE:
        return CodeTakenError("this code is taken", field="code")
    if sqlstate == _CHECK:
        constraint = str(getattr(getattr(error.orig, "diag", None), "constraint_name", ""))
        return MerchantDataError(
            "a code, a kind or a name is not acceptable", field=constraint.rpartition("_")[2]
        )
    return error
