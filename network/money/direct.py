"""Direct payments: what merchants pay each other for a window, and what became of it.

In the money ledger a direct payment goes from the payer's balance to the payee's with the statement
that it stands on: cash that the network never holds. Whether it arrived only the merchants know, so
the payee says that it did (``confirmed``, see ``receipts``), or two people write it down. Two
people write down that it did not (``failed``): then both balances are as they were, on the open
business day, and stand on the next statements. Should it come after all, two people write that
down, and it goes between the balances again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.clearing.facts import PartyView
from network.money.errors import MoneyError
from network.money.facts import DirectFact, DirectView, Mode
from network.money.models import DirectPaymentRow, PaymentModeRow
from network.money.service import Entry, Line, post

HUB: Mode = "hub"
DIRECT: Mode = "direct"
_FACTS = tuple(DirectFact.__dataclass_fields__)


class DirectPaymentError(MoneyError):
    """A direct payment can't be confirmed or given up: not handed out yet, or ended."""

    code = "direct_payment_refused"


class PaymentModeError(MoneyError):
    """The way in which merchants are paid can't be changed so."""

    code = "payment_mode_refused"


def mode_on(session: Session, *, day: date) -> Mode:
    """Return how merchants are paid for a business day: through the network unless decided."""
    found: Mode | None = session.execute(
        text("""
            SELECT mode FROM network.payment_mode WHERE effective_from <= :day
            ORDER BY effective_from DESC LIMIT 1
        """),
        {"day": day},
    ).scalar_one_or_none()
    return found or HUB


def modes(session: Session) -> list[tuple[date, Mode]]:
    """Return every change of mode with its first business day, the latest first."""
    rows = session.execute(
        text("SELECT effective_from, mode FROM network.payment_mode ORDER BY effective_from DESC")
    )
    return [(row.effective_from, row.mode) for row in rows]


def check_mode(mode: str, *, effective_from: date, today: date) -> None:
    """Refuse an unknown mode, and one for a day that has begun. Raises PaymentModeError."""
    if mode not in {HUB, DIRECT}:
        raise PaymentModeError("there is no such mode", reason="unknown", field="mode")
    if effective_from <= today:
        raise PaymentModeError(
            "a mode begins on a day to come", reason="too_early", field="effective_from"
        )


def set_mode(
    session: Session,
    *,
    mode: str,
    effective_from: date,
    today: date,
    proposal_id: UUID,
    now: datetime,
) -> None:
    """Have merchants be paid in another way from a day on that has not begun; two people want it.

    ``today`` is the latest day that has begun, at least the open one, which is held
    (``open_business_day``), so no night reckons with half of it. Raises
    PaymentModeError.
    """
    check_mode(mode, effective_from=effective_from, today=today)
    values = {"mode": mode, "proposal_id": proposal_id, "decided_at": now}
    session.execute(
        insert(PaymentModeRow)
        .values(effective_from=effective_from, **values)
        .on_conflict_do_update(index_elements=["effective_from"], set_=values)
    )


def add_directs(session: Session, *, directs: Sequence[DirectFact], business_date: date) -> None:
    """Prepare direct payments that are not there yet, each with its entry in the money ledger."""
    if not directs:
        return
    session.execute(
        insert(DirectPaymentRow).on_conflict_do_nothing(index_elements=["direct_payment_id"]),
        [asdict(each) for each in directs],
    )
    post(
        session,
        entries=[
            Entry(
                kind="direct",
                facts=(each.direct_payment_id,),
                business_date=business_date,
                window_id=each.window_id,
                payment_id=each.direct_payment_id,
                lines=_lines(each),
            )
            for each in directs
        ],
    )


_DIRECTS = """
    SELECT d.*, w.first_day, a.code AS payer_code, a.name_fa AS payer_fa, a.name_en AS payer_en,
           b.code AS payee_code, b.name_fa AS payee_fa, b.name_en AS payee_en
    FROM network.direct_payment AS d
    JOIN network.settlement_window AS w ON w.window_id = d.window_id
    JOIN network.merchant AS a ON a.merchant_id = d.payer_id
    JOIN network.merchant AS b ON b.merchant_id = d.payee_id
"""


def directs(
    session: Session,
    *,
    window_id: UUID | None = None,
    merchant_id: UUID | None = None,
    direct_payment_id: UUID | None = None,
) -> list[DirectView]:
    """Return direct payments by payer and payee: of a window, of a merchant, of both, or one."""
    rows = session.execute(
        text(
            _DIRECTS
            + """
            WHERE (CAST(:id AS uuid) IS NULL OR d.direct_payment_id = :id)
              AND (CAST(:window AS uuid) IS NULL OR d.window_id = :window)
              AND (CAST(:merchant AS uuid) IS NULL
                   OR d.payer_id = :merchant OR d.payee_id = :merchant)
            ORDER BY w.first_day DESC, a.code, b.code, d.currency
            """
        ),
        {"window": window_id, "merchant": merchant_id, "id": direct_payment_id},
    )
    return [_view(row) for row in rows]


def these(session: Session, *, direct_payment_ids: Sequence[UUID]) -> list[DirectView]:
    """Return the direct payments with these ids, the latest window first, then the greatest id."""
    rows = session.execute(
        text(
            _DIRECTS
            + """
            WHERE d.direct_payment_id = ANY(:ids)
            ORDER BY w.first_day DESC, d.direct_payment_id DESC
            """
        ),
        {"ids": list(direct_payment_ids)},
    )
    return [_view(row) for row in rows]


def handed_out(session: Session, *, window_id: UUID, merchant_id: UUID) -> list[DirectView]:
    """Return whom a merchant pays for a window, and who pays it, once two people released that."""
    return [
        each
        for each in directs(session, window_id=window_id, merchant_id=merchant_id)
        if each.state != "prepared"
    ]


def direct(session: Session, *, direct_payment_id: UUID) -> DirectView | None:
    """Return one direct payment, ``None`` where there is none with this id."""
    return next(iter(directs(session, direct_payment_id=direct_payment_id)), None)


def check_answerable(state: str, *, arrived: bool) -> None:
    """Refuse what was not handed out, or has ended. Raises DirectPaymentError.

    What did not arrive can still come: that takes two people anew.
    """
    if state == "prepared":
        raise DirectPaymentError("nobody was told to pay this yet", reason="not_released")
    if state == "confirmed" or (state == "failed" and not arrived):
        raise DirectPaymentError("somebody wrote down what became of it", reason="answered")


def answer_direct(
    session: Session,
    *,
    direct_payment_id: UUID,
    arrived: bool,
    proposal_id: UUID,
    business_date: date,
) -> None:
    """Write down that a direct payment arrived, or bring both balances back to where they were.

    One that arrives after that (``failed`` before) goes from balance to balance again.
    ``business_date`` is the open day, whose window must not have begun to close; ``proposal_id`` is
    what two people agreed on. Raises DirectPaymentError.
    """
    row = session.get(
        DirectPaymentRow, direct_payment_id, with_for_update=True, populate_existing=True
    )
    if row is None:
        raise DirectPaymentError("there is no such payment", reason="unknown")
    check_answerable(row.state, arrived=arrived)
    late = row.state == "failed"
    row.state = "confirmed" if arrived else "failed"
    # Once it has failed its amount stands in the balance, and nothing is under way any more.
    row.answered_on = row.answered_on or business_date
    session.flush()
    if arrived and not late:
        return
    fact = DirectFact(**{name: getattr(row, name) for name in _FACTS})
    entry = Entry(
        kind="reinstatement" if late else "direct_return",
        facts=(direct_payment_id,),
        business_date=business_date,
        payment_id=direct_payment_id,
        proposal_id=proposal_id,
        lines=_lines(fact, back=not late),
    )
    post(session, entries=[entry])


def _lines(fact: DirectFact, *, back: bool = False) -> tuple[Line, Line]:
    """Return the two lines that bring the payer's balance up and the payee's down, or back."""
    amount = -fact.amount if back else fact.amount
    sides: Mapping[UUID, int] = {fact.payer_id: amount, fact.payee_id: -amount}
    payer, payee = (
        Line(
            account="settlement",
            party_id=party,
            reason="direct",
            currency=fact.currency,
            amount=signed,
        )
        for party, signed in sides.items()
    )
    return payer, payee


def _view(row: Row[Any]) -> DirectView:
    return DirectView(
        fact=DirectFact(**{name: getattr(row, name) for name in _FACTS}),
        state=cast("Any", row.state),
        payer=_party(row, "payer"),
        payee=_party(row, "payee"),
        first_day=row.first_day,
    )


def _party(row: Row[Any], side: str) -> PartyView:
    return PartyView(
        party_id=getattr(row, f"{side}_id"),
        code=getattr(row, f"{side}_code"),
        name_fa=getattr(row, f"{side}_fa"),
        name_en=getattr(row, f"{side}_en"),
    )
