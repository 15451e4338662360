"""The control totals of a window before its statements: obligations, positions and pool, anew."""

from __future__ import annotations

from sqlalchemy.orm import Session

from network.clearing import queries, sources
from network.clearing.facts import WindowView
from settlement import controls, money_controls, netting
from settlement.again import debts_between_accounts, netted_in_pairs, reckoned_again


def window_checks(session: Session, *, window: WindowView) -> list[controls.Check]:
    """Return the control totals of a window's obligations, positions and pool."""
    postings, points = sources.postings_count(
        session, first_day=window.first_day, end_day=window.end_day
    )
    days = (window.end_day - window.first_day).days
    ledger = controls.Ledger(
        postings=postings,
        points=points,
        days=days,
        days_in_windows=sources.windows_over(
            session, first_day=window.first_day, end_day=window.end_day
        ),
        outstanding=sources.outstanding_on_issue(session, end_day=window.end_day),
    )
    found = controls.ObligationControls(ledger=ledger)
    for part in reckoned_again(session, window=window):
        found.take(computed=part.computed, stored=part.stored, details=part.details)
    return [
        *found.checks(),
        *controls.check_positions(
            owed=debts_between_accounts(session, window=window),
            pairs=netted_in_pairs(session, window=window),
            stored=stored_positions(session, window),
        ),
        *money_controls.check_pool(
            moving=found.moving,
            rounding=found.rounding,
            balances=sources.pool_balances(session, before=window.end_day),
            ledger=ledger,
        ),
    ]


def stored_positions(session: Session, window: WindowView) -> list[netting.Position]:
    """Return a window's positions as they are stored."""
    return [
        netting.Position(
            party=each.party.party_id,
            account=each.account,
            currency=each.currency,
            payable=each.payable,
            receivable=each.receivable,
            fees=each.fees,
            vat=each.vat,
        )
        for each in queries.positions(session, window=window)
    ]
