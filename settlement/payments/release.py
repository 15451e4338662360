"""Letting payments out: files only of what two people released and every total agrees with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from schwifty import IBAN
from schwifty.exceptions import SchwiftyException
from sqlalchemy.orm import Session

from network.clearing import queries as clearing
from network.clearing.facts import WindowView
from network.money import keeping, queries
from network.money.facts import FileKind, KeptFile, PaymentFact, PaymentView
from network.settings import PROGRAMME_ZONE, Settings
from settlement.payments.files import (
    House,
    Kind,
    PaymentFile,
    PaymentFileError,
    collections_file,
    payments_table,
    payouts_file,
)


def payment_file(
    session: Session,
    *,
    window: WindowView,
    kind: FileKind,
    settings: Settings,
    by: UUID,
    now: datetime,
) -> KeptFile:
    """Return a window's file of one kind: made the first time, and the same bytes ever after.

    It holds the payments that wait for the bank when it is made; what was cancelled before is not
    in it, nor in its count and control sum. What is cancelled later stays in the bytes that the
    bank has. Raises PaymentFileError where two people have not released the window, where
    statements, payments and the money ledger do not come to the same total, where the house's
    account is not set, or where no payment of this kind waits.
    """
    kept = keeping.kept_file(session, window_id=window.window_id, kind=kind)
    if kept is not None:
        return kept
    keeping.hold_payments(session, window_id=window.window_id)
    payments, released_at = _released(session, window=window)
    facts = [each.fact for each in payments]
    made = (
        payments_table(payments, first_day=window.first_day)
        if kind == "table"
        else _message(facts, window=window, kind=kind, settings=settings, released_at=released_at)
    )
    file = KeptFile(
        window_id=window.window_id,
        kind=kind,
        name=made.name,
        message_id=made.message_id,
        payments=made.payments,
        control_sum=made.total,
        content=made.content,
        digest=made.digest,
        made_by=by,
        made_at=now,
    )
    return keeping.keep_file(session, file=file)


def _message(
    payments: Sequence[PaymentFact],
    *,
    window: WindowView,
    kind: Kind,
    settings: Settings,
    released_at: datetime,
) -> PaymentFile:
    make = payouts_file if kind == "pain.001" else collections_file
    if window.settled_at is None:
        raise PaymentFileError("this window is not settled", reason="not_settled")
    return make(
        payments,
        house=house(settings),
        first_day=window.first_day,
        created_at=released_at.astimezone(PROGRAMME_ZONE),
    )


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


def _released(session: Session, *, window: WindowView) -> tuple[list[PaymentView], datetime]:
    """Return a window's payments that wait for the bank, if they may leave, and when they were let.

    Two people released the whole window with its totals; what was cancelled since, two people took
    back in the money ledger. Raises PaymentFileError where any of these sums is not the others'.
    """
    release = queries.release(session, window_id=window.window_id)
    if release is None or release.approved_at is None:
        raise PaymentFileError(
            "two people have to release the payments of this window first", reason="not_released"
        )
    payments = queries.payments(session, window_id=window.window_id)
    totals = queries.release_totals(session, window_id=window.window_id)
    books = queries.ledger_totals(session, window_id=window.window_id)
    signed = queries.signed_total(each.fact for each in payments)
    cancelled = queries.signed_total(each.fact for each in payments if each.state == "cancelled")
    withdrawn = keeping.withdrawn_total(session, window_id=window.window_id)
    if release.totals != totals or {signed} != set(books.values()) or cancelled != withdrawn:
        raise PaymentFileError(
            f"the totals differ: payments {signed}, statements {books['statements']}, "
            f"money ledger {books['instructed']}; cancelled {cancelled}, taken back {withdrawn}; "
            "nothing leaves the house",
            reason="totals",
        )
    waiting = [each for each in payments if each.state == "released"]
    for each in waiting:
        checked_iban(each.fact.iban)
    return waiting, release.approved_at


def window_of(session: Session, *, window_id: UUID) -> WindowView:
    """Return a window; raise PaymentFileError where there is none."""
    found = clearing.window(session, window_id=window_id)
    if found is None:
        raise PaymentFileError("there is no such window", reason="no_window")
    return found
