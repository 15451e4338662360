"""Letting payments out: files only of what two people released and every total agrees with."""

from __future__ import annotations

from uuid import UUID

from schwifty import IBAN
from schwifty.exceptions import SchwiftyException
from sqlalchemy.orm import Session

from network.clearing import queries as clearing
from network.clearing.facts import WindowView
from network.money import queries
from network.money.facts import PaymentView
from network.settings import PROGRAMME_ZONE, Settings
from settlement.payments.files import (
    House,
    Kind,
    PaymentFile,
    PaymentFileError,
    collections_file,
    payments_csv,
    payouts_file,
)


def payment_file(
    session: Session, *, window: WindowView, kind: Kind, settings: Settings
) -> PaymentFile:
    """Return a window's file of one kind.

    Raises PaymentFileError where two people have not released it, where statements, payments and
    the money ledger do not come to the same total, where the house's account is not set, or where
    a payment of the file was cancelled: the bank has had the file, and must not pay it now.
    """
    payments = _released(session, window=window)
    direction = "payout" if kind == "pain.001" else "collection"
    if any(
        each.state == "cancelled" and each.fact.direction == direction and not each.fact.awaited
        for each in payments
    ):
        raise PaymentFileError("a payment of this file was cancelled", reason="cancelled")
    make = payouts_file if kind == "pain.001" else collections_file
    if window.settled_at is None:
        raise PaymentFileError("this window is not settled", reason="not_settled")
    return make(
        [each.fact for each in payments],
        house=house(settings),
        first_day=window.first_day,
        created_at=window.settled_at.astimezone(PROGRAMME_ZONE),
    )


def payment_table(session: Session, *, window: WindowView) -> bytes:
    """Return a window's released payments as CSV; raises PaymentFileError as the files do."""
    return payments_csv(_released(session, window=window))


def house(settings: Settings) -> House:
    """Return the account that payments leave from; raise PaymentFileError where it is not right."""
    if settings.payment_iban is None:
        raise PaymentFileError(
            "PEYVAND_PAYMENT_IBAN is not set: nothing can be paid from nowhere", reason="no_account"
        )
    return House(name=settings.payment_name, iban=checked_iban(settings.payment_iban))


def checked_iban(iban: str) -> str:
    """Return an IBAN whose length and check digits (ISO 13616) are right; or PaymentFileError."""
    try:
        return str(IBAN(iban))
    except SchwiftyException as error:
        raise PaymentFileError(f"{iban[:4]}… is not a valid IBAN", reason="iban") from error


def _released(session: Session, *, window: WindowView) -> list[PaymentView]:
    """Return a window's payments if they may leave the house; raise PaymentFileError."""
    release = queries.release(session, window_id=window.window_id)
    if release is None or release.approved_at is None:
        raise PaymentFileError(
            "two people have to release the payments of this window first", reason="not_released"
        )
    payments = queries.payments(session, window_id=window.window_id)
    totals = queries.release_totals(session, window_id=window.window_id)
    books = queries.ledger_totals(session, window_id=window.window_id)
    signed = queries.signed_total(each.fact for each in payments)
    if release.totals != totals or {signed} != set(books.values()):
        raise PaymentFileError(
            f"the totals differ: payments {signed}, statements {books['statements']}, "
            f"money ledger {books['instructed']}; nothing leaves the house",
            reason="totals",
        )
    for each in payments:
        checked_iban(each.fact.iban)
    return payments


def window_of(session: Session, *, window_id: UUID) -> WindowView:
    """Return a window; raise PaymentFileError where there is none."""
    found = clearing.window(session, window_id=window_id)
    if found is None:
        raise PaymentFileError("there is no such window", reason="no_window")
    return found
