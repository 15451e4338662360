"""Campaigns' budgets in the ledger: each call is one of its functions."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from network.database.arrays import array
from network.ledger.arguments import MEMBER
from network.ledger.calling import function, one

_OPEN = function(
    "open_campaign",
    "p_campaign => CAST(:campaign_id AS uuid)",
    "p_budget => CAST(:budget AS bigint)",
    "p_slices => CAST(:slices AS integer)",
    "p_person_cap => CAST(:person_cap AS bigint)",
    "p_day_cap => CAST(:day_cap AS bigint)",
)
_RUN = function(
    "run_campaign",
    "p_campaign => CAST(:campaign_id AS uuid)",
    "p_running => CAST(:running AS boolean)",
)
_LOCK = function("lock_wallet", MEMBER)
_LOCK_ALL = function("lock_wallets", "p_members => CAST(:members AS uuid[])")


def open_campaign(
    connection: Connection | Session,
    *,
    campaign_id: UUID,
    budget: int,
    slices: int,
    person_cap: int | None,
    day_cap: int | None,
) -> None:
    """Make a campaign's budget in points, once; caps are points of one person."""
    one(
        connection,
        _OPEN,
        {
            "campaign_id": campaign_id,
            "budget": budget,
            "slices": slices,
            "person_cap": person_cap,
            "day_cap": day_cap,
        },
    )


def run_campaign(connection: Connection | Session, *, campaign_id: UUID, running: bool) -> None:
    """Let a campaign's budget be taken from, or not."""
    one(connection, _RUN, {"campaign_id": campaign_id, "running": running})


def lock_wallet(connection: Connection | Session, *, member_id: UUID) -> int | None:
    """Lock a wallet until the transaction ends; return its sequence, None where there is none."""
    sequence: int | None = one(connection, _LOCK, {"member_id": member_id})[0]
    return sequence


def lock_wallets(session: Session, *, member_ids: Sequence[UUID]) -> None:
    """Lock the wallets of members until the transaction ends, in the order of all such locks."""
    one(session, _LOCK_ALL, {"members": array(member_ids)})
