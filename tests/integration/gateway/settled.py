"""A simulated coalition with one settled day, behind a gateway that runs as in production."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import text

from network.clock import day_start, wall_now
from network.database.connection import Database
from network.database.installation import move_clock
from network.ledger.partitions import open_first_day
from network.services import Services
from network.settings import PROGRAMME_ZONE
from settlement.nightly import run_night
from tests.conftest import MASTER_KEY
from tests.fixtures.cluster import Cluster
from tests.integration.gateway import house as houses
from tests.integration.gateway.house import House


@contextmanager
def settled_house(
    cluster: Cluster,
    *,
    database: str,
    services: Services,
    redis_url: str,
    module: str = "config.wsgi",
) -> Iterator[House]:
    """Yield a simulated coalition in which 30 points were spent, 10 came back, and a night ran."""
    owner = Database(cluster.url("peyvand_owner", database=database), pool_size=1)
    with owner.unit_of_work() as session:
        session.execute(text("UPDATE network.installation SET simulated = true"))
    owner.dispose()
    with houses.listening() as (listener, url):
        house = houses.furnish(services, url=url)
        today = house.today()
        with services.database.unit_of_work() as session:
            open_first_day(session, business_date=today)
        environment = houses.environment_of(
            services,
            master_key=base64.b64encode(MASTER_KEY).decode(),
            redis_url=redis_url,
        )
        with houses.serving(listener, url=url, environment=environment, module=module):
            person = house.member(points=100)
            spent = house.blue.client.redeem(
                member=person.code(), merchant_ref="spent", points=30
            ).data
            house.blue.client.refund_redemption(spent["id"], merchant_ref="back", points=10)
            midnight = day_start(today + timedelta(days=1), zone=PROGRAMME_ZONE)
            with services.database.unit_of_work() as session:
                move_clock(session, to=midnight + timedelta(hours=1), wall=wall_now())
            run_night(services, started_by="test")
            yield house
        for shop in house.shops.values():
            shop.client.close()
