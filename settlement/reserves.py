"""What statements of merchants that leave say of their cover: what is held, and when it comes free.

Reckoned as of the window's last day, in the transaction that publishes: the same however often the
night runs. What counts as owed is the balance before it is paid, and what was to be paid for
earlier windows and had not arrived: a collection or a direct payment under way holds cover.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from network.clearing.facts import ReserveMonth, ReserveView, WindowView
from network.clearing.reserves import add_reserves
from network.exposure import queries as exposure
from network.exposure.limits import Exposure, Lapsing, release_schedule
from network.money import paying
from network.money import queries as money
from settlement.statements import Draft


def keep_reserves(session: Session, *, window: WindowView, drafts: Iterable[Draft]) -> None:
    """Publish the cover of merchants that leave beside their statements."""
    leaving = set(exposure.leaving(session, end_day=window.end_day))
    told = [each for each in drafts if each.merchant_id in leaving]
    if not told:
        return
    lapsing = exposure.lapsing_at(session, end_day=window.end_day)
    held = money.balances(session, account="reserve", before=window.end_day)
    under_way = paying.under_way(session, first_day=window.first_day, end_day=window.end_day)
    add_reserves(
        session,
        reserves={
            each.statement_id(window_id=window.window_id): _reserve(
                each,
                reserve=held.get((each.merchant_id, each.totals.currency), 0),
                under_way=under_way.get((each.merchant_id, each.totals.currency), 0),
                lapsing=lapsing.get(each.merchant_id, []),
            )
            for each in told
        },
    )


def _reserve(draft: Draft, *, reserve: int, under_way: int, lapsing: list[Lapsing]) -> ReserveView:
    owed = max(0, -(draft.totals.closing + draft.totals.paid)) + under_way
    found = Exposure(
        points=sum(each.points for each in lapsing),
        outstanding=sum(each.cost for each in lapsing),
        unsettled=owed,
        cap=None,
        deposit=draft.totals.deposit_closing,
        reserve=reserve,
    )
    return ReserveView(
        deposit=found.deposit,
        reserve=found.reserve,
        points=found.points,
        months=tuple(
            ReserveMonth(month=row.month, points=row.points, frees=row.frees, stays=row.stays)
            for row in release_schedule(found, lapsing=lapsing)
        ),
    )
