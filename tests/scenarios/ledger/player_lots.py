"""Steps that look at lots: what they are, for as long as they live and wherever they go."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from network.ledger.day import close_day
from tests.scenarios.ledger.player import ISSUERS, Player, merchant
from tests.scenarios.ledger.player_campaigns import campaign
from tests.scenarios.ledger.reader import Step

NAMES = {merchant(name): name for name in (*ISSUERS, "Cinema", "Renewed")}
_OPEN = text(
    "SELECT * FROM ledger.lot WHERE member_id = :member AND open ORDER BY expires_on, lot_id"
)


def _has(player: Player, step: Step) -> None:
    """Read "30 of Bakery under Renewed costing 1200 from Spring only at Cinema, day 0 to 60; …".

    All open lots, the earliest expiry first; what is as usual is left out. The days are those on
    which the lot begins and by which it is over.
    """
    with player.database.reading() as session:
        lots = session.execute(_OPEN, {"member": player.member_id}).all()
    assert [_told(player, lot) for lot in lots] == step.what.split("; "), step.where


def _told(player: Player, lot: Any) -> str:
    spring = campaign(player, "Spring")
    parts = (
        f"{lot.remaining} of {NAMES[lot.issuer_id]}",
        "" if lot.terms_id == lot.issuer_id else f" under {NAMES[lot.terms_id]}",
        "" if str(lot.price.normalize()) == "950.5" else f" costing {lot.price:.0f}",
        ""
        if lot.campaign_id is None
        else f" from {'Spring' if lot.campaign_id == spring else '?'}",
        "" if lot.locked_to is None else f" only at {NAMES[lot.locked_to]}",
        "" if lot.active else " pending",
        f", day {player.day(lot.active_from)} to {player.day(lot.expires_on)}",
    )
    return "".join(parts)


def _ends(player: Player, step: Step) -> None:
    """End the business day, and those before it that wait: only on a database of its own."""
    assert close_day(player.database, now=player.now), step.where
    while close_day(player.database, now=player.now):
        pass


VERBS: dict[str, Any] = {"has": _has, "ends": _ends}
