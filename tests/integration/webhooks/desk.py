"""What the tests of this folder do over and over: an endpoint, an event, its deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from config.webhooks import delivering
from config.webhooks.posting import Poster
from network.clock import wall_now
from network.events.feed import Happening
from network.events.webhooks import deliveries, endpoints, queries
from network.events.webhooks.endpoints import EndpointView, NewKeys, Wanted
from network.events.webhooks.queries import DeliveryView
from network.services import Services
from tests.fixtures.aside import aside

SHOP = UUID(int=1)


@dataclass(kw_only=True)
class Desk:
    """The webhooks of one merchant, in the hands of a test."""

    services: Services
    merchant_id: UUID = SHOP

    def endpoint(self, url: str, *, types: Sequence[str] = ()) -> NewKeys:
        """Make an endpoint that may lie on this machine."""
        with self.services.database.unit_of_work() as session:
            return endpoints.create(
                session,
                self.services.vault,
                merchant_id=self.merchant_id,
                url=url,
                description="",
                types=types,
                now=wall_now(),
                loopback=True,
            )

    def change(self, made: NewKeys, wanted: Wanted) -> EndpointView:
        """Change an endpoint."""
        with self.services.database.unit_of_work() as session:
            return endpoints.change(
                session,
                merchant_id=self.merchant_id,
                endpoint_id=made.endpoint.endpoint_id,
                wanted=wanted,
                now=wall_now(),
                loopback=True,
            )

    def state(self, made: NewKeys) -> tuple[str, str | None]:
        """Return an endpoint's state and why it is disabled."""
        with self.services.database.reading() as session:
            found = endpoints.endpoint(
                session, merchant_id=self.merchant_id, endpoint_id=made.endpoint.endpoint_id
            )
        return found.state, found.disabled_because

    def happen(self, number: int = 1, *, kind: str = "earning.created") -> bool:
        """Let events happen, whose data count from 0; return whether anybody is told."""
        now = wall_now()
        happenings = [
            Happening(merchant_id=self.merchant_id, type=kind, occurred_at=now, data={"n": each})
            for each in range(number)
        ]
        with self.services.database.unit_of_work() as session:
            return deliveries.tell(session, happenings=happenings, now=now)

    def run(self, **different: Any) -> int:
        """Deliver what is due; return how many attempts ended."""
        given: dict[str, Any] = {"loopback": True, "linger_seconds": 0.0} | different
        return aside(lambda: delivering.run(self.services, **given))

    def log(self) -> list[DeliveryView]:
        """Return all deliveries, the oldest first."""
        with self.services.database.reading() as session:
            found = queries.deliveries(session, merchant_id=self.merchant_id, limit=10_000)
        return found[::-1]

    def only(self) -> DeliveryView:
        """Return the one delivery there is."""
        (found,) = self.log()
        return found

    def make_due(self, *, ago: timedelta = timedelta(0)) -> None:
        """Let time pass until everything that waits is due."""
        with self.services.database.unit_of_work() as session:
            session.execute(
                text(
                    "UPDATE network.webhook_delivery SET next_attempt_at = :then "
                    "WHERE state = 'waiting'"
                ),
                {"then": wall_now() - ago},
            )


def quick(seconds: float) -> Any:
    """Return what makes posters that give an endpoint less time than 15 seconds."""

    def make(**given: Any) -> Poster:
        return Poster(**given, timeout_seconds=seconds)

    return make


def pause(delivery: DeliveryView) -> timedelta:
    """Return how long after its last attempt a delivery is tried again."""
    last = delivery.last
    if last is None or last.finished_at is None or delivery.next_attempt_at is None:
        raise AssertionError(delivery)
    planned: datetime = delivery.next_attempt_at
    return planned - last.finished_at


def outcomes(delivery: DeliveryView) -> list[tuple[str | None, int | None]]:
    """Return how each attempt ended: its outcome and the status that it met."""
    return [(each.outcome, each.status) for each in delivery.attempts]
