"""A simulated coalition with one settled day, behind a gateway that runs as in production."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from network.clock import day_start, wall_now
from network.database.installation import move_clock
from network.services import Services
from network.settings import PROGRAMME_ZONE
from settlement.nightly import run_night
from tests.integration.gateway.batching import work
from tests.integration.gateway.house import House, open_house


@contextmanager
def settled_house(
    services: Services,
    *,
    owner_url: str,
    module: str = "config.wsgi",
    journals: Path | None = None,
    besides: Callable[[House], None] | None = None,
) -> Iterator[House]:
    """Yield a simulated coalition in which 30 points were spent, 10 came back, and a night ran.

    ``besides`` is what else happens on that day.
    """
    with open_house(services, owner_url=owner_url, module=module, journals=journals) as house:
        person, client = house.member(points=100), house.blue.client
        spent = client.redeem(member=person.code(), merchant_ref="spent", points=30).data
        client.refund_redemption(spent["id"], merchant_ref="back", points=10)
        if besides is not None:
            besides(house)
        midnight = day_start(house.today() + timedelta(days=1), zone=PROGRAMME_ZONE)
        with services.database.unit_of_work() as session:
            move_clock(session, to=midnight + timedelta(hours=1), wall=wall_now())
        run_night(services, started_by="test")
        yield house


def trade(house: House) -> None:
    """Let the shops earn, refund, hold, capture and send a batch: all that a journal can hold."""
    person = house.member(points=40)
    green, blue = house.green.client, house.blue.client
    earned = green.earn(member={"phone": person.phone}, merchant_ref="E", amount=90_000).data
    green.refund_earning(earned["id"], merchant_ref="E-back", amount=30_000)
    held = blue.redeem(member=person.code(), merchant_ref="H", points=12, capture="manual").data
    blue.capture(held["id"], points=7)
    green.redeem(member=person.code(), merchant_ref="own", points=5)  # its own points
    other = blue.redeem(member=person.code(), merchant_ref="V", points=3, capture="manual").data
    blue.void(other["id"])
    line = {
        "type": "earn",
        "merchant_ref": "B",
        "member": {"phone": person.phone},
        "amount": 20_000,
        "currency": "IRR",
        "occurred_at": wall_now().isoformat(),
    }
    batch_id = blue.batches.send([line]).data["id"]
    work(house, batch_id)
    for result in blue.batches.results(batch_id):
        assert result["status"] == "posted", result
