"""The night of a month's last day seals what every lot came to; other nights do not."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from config.cli.audit import seal_verifier
from network.ledger.month_ends import month_after, verify_month_ends
from network.services import Services
from settlement.nightly import run_night
from tests.integration.settlement.coalition import DAY, Coalition

NEXT_MONTH = month_after(DAY)


def test_the_night_of_the_last_day_writes_the_month_end(
    services: Services, coalition: Coalition
) -> None:
    coalition.play_two_days()
    coalition.programme.move(coalition.at(NEXT_MONTH))
    last = NEXT_MONTH - timedelta(days=1)
    run_night(services, business_date=last - timedelta(days=1), started_by="test")
    with services.database.snapshot() as session:
        assert session.execute(text("SELECT count(*) FROM ledger.month_end")).scalar() == 0
    run_night(services, business_date=last, started_by="test")
    run_night(services, business_date=last, started_by="test")
    with services.database.snapshot() as session:
        months = session.execute(text("SELECT month, openings FROM ledger.month_end")).all()
        assert verify_month_ends(session, verify=seal_verifier(session)) == []
    assert [month for month, _openings in months] == [NEXT_MONTH]
    assert months[0].openings > 0
