"""What statements of merchants that leave say of their cover: what is held, and when it comes free.

Reckoned as of the window's last day, with the statement whose digest covers it: the same however
often the night runs. What counts as owed is the balance before it is paid, and what was to be paid
for earlier windows and had not arrived: a collection or a direct payment under way holds cover.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.orm import Session

from network.clearing.facts import ReserveMonth, ReserveView, Totals, WindowView
from network.exposure import queries as exposure
from network.exposure.limits import Exposure, Lapsing, release_schedule
from network.money import paying
from network.money import queries as money


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """Merchants that leave, and what the network holds of them at a window's end, by currency."""

    merchants: frozenset[UUID] = frozenset()
    lapsing: Mapping[UUID, Sequence[Lapsing]] = field(default_factory=dict)
    held: Mapping[tuple[UUID, str], int] = field(default_factory=dict)
    under_way: Mapping[tuple[UUID, str], int] = field(default_factory=dict)

    def told(self, *, merchant_id: UUID, totals: Totals) -> ReserveView | None:
        """Return what a merchant's statement says of its cover; ``None`` where it stays."""
        if merchant_id not in self.merchants:
            return None
        key = (merchant_id, totals.currency)
        lapsing = self.lapsing.get(merchant_id, [])
        owed = max(0, -(totals.closing + totals.paid)) + self.under_way.get(key, 0)
        found = Exposure(
            points=sum(each.points for each in lapsing),
            outstanding=sum(each.cost for each in lapsing),
            unsettled=owed,
            cap=None,
            deposit=totals.deposit_closing,
            reserve=self.held.get(key, 0),
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


NOBODY_LEAVES = Leaving()


def leaving(session: Session, *, window: WindowView) -> Leaving:
    """Return the merchants that leave, with what is held of them at a window's end."""
    merchants = frozenset(exposure.leaving(session, end_day=window.end_day))
    if not merchants:
        return NOBODY_LEAVES
    return Leaving(
        merchants=merchants,
        lapsing=exposure.lapsing_at(session, end_day=window.end_day),
        held=money.balances(session, account="reserve", before=window.end_day),
        under_way=paying.under_way(session, first_day=window.first_day, end_day=window.end_day),
    )
