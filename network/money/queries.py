"""Reads of money for the night, the console and the command line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, cast
from uuid import UUID

from schwifty import IBAN
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from network.clearing.facts import PartyView
from network.merchants.queries import settling_of
from network.money import kept
from network.money.facts import (
    BankAnswerView,
    BankLine,
    MoneyLine,
    PaymentDetails,
    PaymentFact,
    PaymentState,
    PaymentView,
    ReleaseTotals,
    ReleaseView,
)
from network.money.models import BankAnswer, Payment, PaymentRelease

_PAYMENTS = """
    SELECT p.*, m.code, m.name_fa, m.name_en, m.kind AS merchant_kind, w.first_day
    FROM network.payment p
    JOIN network.merchant m ON m.merchant_id = p.merchant_id
    JOIN network.settlement_window w ON w.window_id = p.window_id
"""


def payment_details(session: Session, *, on: date) -> dict[UUID, PaymentDetails]:
    """Return where each merchant is paid by its agreement on a day, and whether it is that day.

    Merchants without an IBAN, or with one that no bank would take, are left out: their balance is
    carried over, and nobody else's payment waits for them. Who has left is paid whatever is owed,
    with every window.
    """
    rows = session.execute(
        text("""
            SELECT DISTINCT ON (a.merchant_id) a.*, m.name_en,
                   coalesce(m.leaves_on <= :day, false) AS gone
            FROM network.agreement a JOIN network.merchant m ON m.merchant_id = a.merchant_id
            WHERE a.approved_at IS NOT NULL AND a.effective_from <= :day
            ORDER BY a.merchant_id, a.effective_from DESC
        """),
        {"day": on},
    )
    return {
        row.merchant_id: _details(row, on=on)
        for row in rows
        if row.settlement_iban is not None
        and IBAN(row.settlement_iban, allow_invalid=True).is_valid
    }


def _details(row: Row[Any], *, on: date) -> PaymentDetails:
    settling = settling_of(row)
    signed = settling.mandate_signed_on is not None and settling.mandate_signed_on <= on
    return PaymentDetails(
        iban=row.settlement_iban,
        holder=row.account_holder or row.name_en,
        mandate_id=settling.mandate_id if signed else None,
        mandate_signed_on=settling.mandate_signed_on if signed else None,
        settles=row.gone or settling.settles_on(on),
        minimum=0 if row.gone else settling.minimum,
    )


def returns(session: Session, *, first_day: date, end_day: date) -> dict[tuple[UUID, str], int]:
    """Return what came back on the days [first_day, end_day), by merchant and currency.

    That is what the bank returned, what two people cancelled or corrected, less what the bank
    booked after all, what a deposit, a reserve or the fund paid, what one merchant did not pay
    another, an acceptor's part of a loss, and what goes back of it. Signed as the balance
    sees it: above zero for a payout that came back.
    """
    rows = session.execute(
        text("""
            SELECT p.party_id, p.currency, sum(p.amount)::bigint AS amount
            FROM network.money_entry e
            JOIN network.money_posting p ON p.money_entry_id = e.money_entry_id
            WHERE e.kind IN ('return', 'cancellation', 'reinstatement', 'draw', 'correction',
                             'direct_return', 'fund_draw', 'loss', 'recovery')
              AND p.account = 'settlement'
              AND e.business_date >= :first_day AND e.business_date < :end_day
            GROUP BY p.party_id, p.currency ORDER BY p.party_id, p.currency
        """),
        {"first_day": first_day, "end_day": end_day},
    )
    return {(row.party_id, row.currency): row.amount for row in rows}


def paid_in(session: Session, *, first_day: date, end_day: date) -> dict[tuple[UUID, str], int]:
    """Return what came to deposits on the days [first_day, end_day), by merchant and currency.

    Whatever is not a night's own work counts: what merchants paid, and what they were paid back.
    """
    rows = session.execute(
        text("""
            SELECT p.party_id, p.currency, sum(p.amount)::bigint AS amount
            FROM network.money_entry e
            JOIN network.money_posting p ON p.money_entry_id = e.money_entry_id
            WHERE e.kind NOT IN ('netting', 'call') AND p.account = 'deposit'
              AND e.business_date >= :first_day AND e.business_date < :end_day
            GROUP BY p.party_id, p.currency ORDER BY p.party_id, p.currency
        """),
        {"first_day": first_day, "end_day": end_day},
    )
    return {(row.party_id, row.currency): row.amount for row in rows}


def balances(
    session: Session, *, account: str, before: date | None = None
) -> dict[tuple[UUID, str], int]:
    """Return an account's balances by party and currency: above zero the house owes it.

    With ``before``, as they stood at the beginning of that business day.
    """
    found = kept.balances(session, accounts=[account], before=before)
    return {(party, currency): amount for (_, party, currency), amount in found.items()}


def party_balances(session: Session, *, party_id: UUID) -> dict[str, dict[str, int]]:
    """Return which accounts of a party are not at zero, by account and currency.

    Above zero the house owes it.
    """
    rows = session.execute(
        text("""
            SELECT account, currency, sum(amount)::bigint AS amount FROM network.money_posting
            WHERE account IN ('settlement', 'deposit', 'reserve') AND party_id = :party
            GROUP BY account, currency HAVING sum(amount) <> 0
            ORDER BY account, currency
        """),
        {"party": party_id},
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row.account, {})[row.currency] = row.amount
    return found


def payments(
    session: Session,
    *,
    window_id: UUID | None = None,
    merchant_id: UUID | None = None,
    since: date | None = None,
) -> list[PaymentView]:
    """Return a window's payments by merchant code, or a merchant's, the latest window first.

    ``since`` leaves out windows that began before it.
    """
    rows = session.execute(
        text(
            _PAYMENTS
            + """
            WHERE (CAST(:window AS uuid) IS NULL OR p.window_id = :window)
              AND (CAST(:merchant AS uuid) IS NULL OR p.merchant_id = :merchant)
              AND (CAST(:since AS date) IS NULL OR w.first_day >= :since)
            ORDER BY w.first_day DESC, m.code, p.currency
            """
        ),
        {"window": window_id, "merchant": merchant_id, "since": since},
    )
    return [_payment_view(row) for row in rows]


def payment(session: Session, *, payment_id: UUID) -> PaymentView | None:
    """Return one payment, ``None`` where there is none with this id."""
    row = session.execute(
        text(_PAYMENTS + " WHERE p.payment_id = :id"), {"id": payment_id}
    ).one_or_none()
    return None if row is None else _payment_view(row)


def release_totals(session: Session, *, window_id: UUID) -> ReleaseTotals:
    """Return count and sum of a window's payouts, collections and direct payments, as stored."""
    row = session.execute(
        text("""
            SELECT count(*) FILTER (WHERE direction = 'payout') AS payouts,
                   coalesce(sum(amount) FILTER (WHERE direction = 'payout'), 0)::bigint
                       AS payout_total,
                   count(*) FILTER (WHERE direction = 'collection') AS collections,
                   coalesce(sum(amount) FILTER (WHERE direction = 'collection'), 0)::bigint
                       AS collection_total,
                   count(*) FILTER (WHERE direction = 'direct') AS directs,
                   coalesce(sum(amount) FILTER (WHERE direction = 'direct'), 0)::bigint
                       AS direct_total
            FROM (
                SELECT direction, amount FROM network.payment WHERE window_id = :window
                UNION ALL
                SELECT 'direct', amount FROM network.direct_payment WHERE window_id = :window
            ) AS p
        """),
        {"window": window_id},
    ).one()
    return ReleaseTotals(**row._mapping)  # noqa: SLF001 - a public name of SQLAlchemy


def release(session: Session, *, window_id: UUID) -> ReleaseView | None:
    """Return the release of a window's payments, ``None`` before it is proposed."""
    row = session.get(PaymentRelease, window_id)
    if row is None:
        return None
    return ReleaseView(
        window_id=row.window_id,
        totals=ReleaseTotals(
            payouts=row.payouts,
            payout_total=row.payout_total,
            collections=row.collections,
            collection_total=row.collection_total,
            directs=row.directs,
            direct_total=row.direct_total,
        ),
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
    )


def ledger_totals(session: Session, *, window_id: UUID) -> dict[str, int]:
    """Return what a window's payments came to in statements and in the money ledger.

    ``statements`` is the sum of what its statements say is paid, ``instructed`` what the money
    ledger moved to clearing for them; both above zero where more is paid out than collected.
    """
    row = session.execute(
        text("""
            SELECT (SELECT coalesce(sum(paid), 0) FROM network.statement
                    WHERE window_id = :window)::bigint AS statements,
                   (SELECT coalesce(sum(p.amount), 0) FROM network.money_entry e
                    JOIN network.money_posting p ON p.money_entry_id = e.money_entry_id
                    WHERE e.window_id = :window AND e.kind = 'instruction'
                      AND p.account = 'clearing')::bigint AS instructed
        """),
        {"window": window_id},
    ).one()
    return {"statements": row.statements, "instructed": row.instructed}


def payment_lines(session: Session, *, payment_id: UUID) -> list[MoneyLine]:
    """Return what the money ledger holds about a payment, in the order of recording."""
    rows = session.execute(
        text("""
            SELECT e.kind, e.business_date, e.recorded_at, p.account, p.party_id, p.currency,
                   p.amount
            FROM network.money_entry e
            JOIN network.money_posting p ON p.money_entry_id = e.money_entry_id
            WHERE e.payment_id = :payment ORDER BY e.recorded_at, e.kind, p.line
        """),
        {"payment": payment_id},
    )
    return [MoneyLine(**row._mapping) for row in rows]  # noqa: SLF001 - a public name of SQLAlchemy


def cover_lines(session: Session, *, merchant_id: UUID, limit: int) -> list[MoneyLine]:
    """Return what moved on a merchant's deposit and reserve, the latest first."""
    rows = session.execute(
        text("""
            SELECT e.kind, e.business_date, e.recorded_at, p.account, p.party_id, p.currency,
                   p.amount
            FROM network.money_posting p
            JOIN network.money_entry e ON e.money_entry_id = p.money_entry_id
            WHERE p.account IN ('deposit', 'reserve') AND p.party_id = :merchant
            ORDER BY e.business_date DESC, e.recorded_at DESC, p.line LIMIT :limit
        """),
        {"merchant": merchant_id, "limit": limit},
    )
    return [MoneyLine(**row._mapping) for row in rows]  # noqa: SLF001 - a public name of SQLAlchemy


def account_lines(session: Session, *, account: str, limit: int) -> list[MoneyLine]:
    """Return what moved on an account of the network, the latest first."""
    rows = session.execute(
        text("""
            SELECT e.kind, e.business_date, e.recorded_at, p.account, p.party_id, p.currency,
                   p.amount
            FROM network.money_posting p
            JOIN network.money_entry e ON e.money_entry_id = p.money_entry_id
            WHERE p.account = :account
            ORDER BY e.business_date DESC, e.recorded_at DESC, p.line LIMIT :limit
        """),
        {"account": account, "limit": limit},
    )
    return [MoneyLine(**row._mapping) for row in rows]  # noqa: SLF001 - a public name of SQLAlchemy


def bank_answers(
    session: Session, *, payment_id: UUID | None = None, findings_only: bool = False, limit: int
) -> list[BankAnswerView]:
    """Return the bank's lines, the latest first: of one payment, or only those that need a look."""
    rows = session.execute(
        text(
            _ANSWERS
            + """
            WHERE (CAST(:payment AS uuid) IS NULL OR a.payment_id = :payment)
              AND (NOT :findings
                   OR coalesce(g.outcome, a.outcome) NOT IN ('settled', 'returned'))
            ORDER BY a.imported_at DESC, a.account, a.bank_ref, a.place LIMIT :limit
            """
        ),
        {"payment": payment_id, "findings": findings_only, "limit": limit},
    )
    return [_answer_view(row) for row in rows]


def bank_answer(session: Session, *, bank_answer_id: UUID) -> BankAnswerView | None:
    """Return one line of the bank's statements, ``None`` where there is none with this id."""
    row = session.execute(
        text(_ANSWERS + " WHERE a.bank_answer_id = :id"), {"id": bank_answer_id}
    ).one_or_none()
    return None if row is None else _answer_view(row)


def bank_line(row: BankAnswer | Row[Any]) -> BankLine:
    """Return a stored line as the value it was."""
    return BankLine(**{name: getattr(row, name) for name in BankLine.__dataclass_fields__})


def _answer_view(row: Row[Any]) -> BankAnswerView:
    return BankAnswerView(
        bank_answer_id=row.bank_answer_id,
        line=bank_line(row),
        outcome=row.meant,
        payment_id=row.payment_id,
        imported_at=row.imported_at,
    )


def payment_fact(row: Payment | Row[Any]) -> PaymentFact:
    """Return a stored payment as the value it was."""
    return PaymentFact(**{name: getattr(row, name) for name in PaymentFact.__dataclass_fields__})


def payment_state(row: Payment) -> PaymentState:
    """Return how far a stored payment is."""
    return cast("PaymentState", row.state)


# A line that two people let count after all means what it did then.
_ANSWERS = """
    SELECT a.*, coalesce(g.outcome, a.outcome) AS meant FROM network.bank_answer AS a
    LEFT JOIN network.bank_answer_again AS g ON g.bank_answer_id = a.bank_answer_id
"""


def _payment_view(row: Row[Any]) -> PaymentView:
    return PaymentView(
        fact=payment_fact(row),
        state=row.state,
        merchant=PartyView(
            party_id=row.merchant_id,
            code=row.code,
            name_fa=row.name_fa,
            name_en=row.name_en,
            kind=row.merchant_kind,
        ),
        first_day=row.first_day,
    )


def signed_total(payments: Iterable[PaymentFact]) -> int:
    """Return what payments take from the merchants' balances together."""
    return sum(each.signed_amount for each in payments)
