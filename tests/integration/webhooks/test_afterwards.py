"""What becomes of deliveries and their endpoints later: keys, logs, limits, ends."""

from __future__ import annotations

import base64
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest

from config.webhooks import delivering
from merchant_gateway.client import webhooks
from network.clock import wall_now
from network.events import feed
from network.events.webhooks import deliveries, endpoints
from network.events.webhooks.endpoints import (
    EndpointDisabledError,
    TooManyEndpointsError,
    UnknownEventTypeError,
    Wanted,
)
from tests.integration.webhooks.desk import SHOP, Desk, outcomes
from tests.integration.webhooks.receiver import Receiver


def test_both_secrets_sign_during_a_rotation(desk: Desk, receiver: Receiver) -> None:
    old = desk.endpoint(receiver.url)

    def rotate(overlap: timedelta) -> str:
        with desk.services.database.unit_of_work() as session:
            made = endpoints.rotate(
                session,
                desk.services.vault,
                merchant_id=SHOP,
                endpoint_id=old.endpoint.endpoint_id,
                overlap=overlap,
                now=wall_now(),
            )
        return made.secret

    new = rotate(timedelta(hours=1))
    assert new != old.secret
    desk.happen()
    desk.run()
    newest = rotate(timedelta(0))
    desk.happen()
    desk.run()
    first, second = receiver.requests
    assert len(first.headers["webhook-signature"].split(" ")) == 4
    for secret in (old.secret, new, old.endpoint.public_key):
        webhooks.verify(first.headers, first.body, secret)
    assert webhooks.verify(second.headers, second.body, newest)
    for secret in (old.secret, new, old.endpoint.public_key):
        with pytest.raises(webhooks.WebhookVerificationError):
            webhooks.verify(second.headers, second.body, secret)


def test_a_test_event_goes_to_one_endpoint(desk: Desk, receiver: Receiver) -> None:
    made = desk.endpoint(f"{receiver.url}/one", types=["settlement.closed"])
    desk.endpoint(f"{receiver.url}/two")
    now = wall_now()
    with desk.services.database.unit_of_work() as session:
        deliveries.send_test(
            session,
            merchant_id=SHOP,
            endpoint_id=made.endpoint.endpoint_id,
            occurred_at=now,
            now=now,
        )
    assert desk.run() == 1
    (request,) = receiver.requests
    assert (request.path, request.event["type"]) == ("/one", "webhook.test")
    assert request.event["data"] == {"endpoint": made.endpoint.public_id}


def test_redelivery_carries_the_same_id(desk: Desk, receiver: Receiver) -> None:
    desk.endpoint(f"{receiver.url}/first")
    desk.happen()
    desk.run()
    late = desk.endpoint(f"{receiver.url}/late")
    event_id = desk.only().event_id

    def again(endpoint_id: UUID | None = None) -> int:
        with desk.services.database.unit_of_work() as session:
            return deliveries.redeliver(
                session,
                merchant_id=SHOP,
                event_id=event_id,
                endpoint_id=endpoint_id,
                now=wall_now(),
            )

    assert again(late.endpoint.endpoint_id) == 1
    assert desk.run() == 1
    assert again() == 2
    assert desk.run() == 2
    assert Counter(each.path for each in receiver.requests) == {"/first": 2, "/late": 2}
    assert len(set(receiver.ids())) == 1
    assert [len(each.attempts) for each in desk.log()] == [2, 2]
    desk.change(late, Wanted(enabled=False))
    with pytest.raises(EndpointDisabledError):
        again(late.endpoint.endpoint_id)
    with pytest.raises(feed.UnknownEventError), desk.services.database.unit_of_work() as session:
        deliveries.redeliver(session, merchant_id=UUID(int=9), event_id=event_id, now=wall_now())


def test_what_a_dead_worker_had_begun_is_sent_again_under_its_id(
    desk: Desk, receiver: Receiver
) -> None:
    desk.endpoint(receiver.url)
    desk.happen()
    with desk.services.database.unit_of_work() as session:
        (lost,) = deliveries.begin(session, now=wall_now(), limit=10, each=10)
    assert desk.run() == 0
    desk.make_due()
    assert desk.run() == 1
    delivery = desk.only()
    assert outcomes(delivery) == [(None, None), ("delivered", 204)]
    assert receiver.ids() == [lost.event.public_id]


def test_a_late_failure_of_a_lost_attempt_changes_nothing(desk: Desk, receiver: Receiver) -> None:
    desk.endpoint(receiver.url)
    desk.happen()
    with desk.services.database.unit_of_work() as session:
        (lost,) = deliveries.begin(session, now=wall_now(), limit=10, each=10)
    desk.make_due()
    desk.run()
    ending = deliveries.Ending(
        attempt=lost, outcome="timed_out", status=None, finished_at=wall_now(), chance=0.5
    )
    with desk.services.database.unit_of_work() as session:
        deliveries.end(session, endings=[ending])
    assert (desk.only().state, outcomes(desk.only())) == (
        "delivered",
        [("timed_out", None), ("delivered", 204)],
    )


def test_one_merchant_has_a_bounded_number_of_endpoints(desk: Desk) -> None:
    for number in range(endpoints.MOST_ENDPOINTS):
        desk.endpoint(f"https://shop.example/{number}")
    with pytest.raises(TooManyEndpointsError):
        desk.endpoint("https://shop.example/more")
    with pytest.raises(UnknownEventTypeError):
        Desk(services=desk.services, merchant_id=UUID(int=2)).endpoint(
            "https://shop.example/", types=["webhook.test"]
        )


def test_old_events_are_forgotten_with_their_deliveries(desk: Desk, receiver: Receiver) -> None:
    desk.endpoint(receiver.url)
    desk.happen(3)
    desk.run()
    soon = wall_now() + timedelta(seconds=1)
    for expected in (2, 1, 0):
        with desk.services.database.unit_of_work() as session:
            assert feed.forget(session, before=soon, limit=2) == expected
    assert desk.log() == []
    desk.happen()
    assert desk.run() == 1
    assert receiver.requests[-1].event["sequence"] == 4


def test_secrets_are_sealed(desk: Desk) -> None:
    made = desk.endpoint("https://shop.example/")
    raw = base64.b64decode(made.secret.removeprefix("whsec_"))
    with desk.services.database.reading() as session:
        keys = endpoints.keys_of(
            session,
            desk.services.vault,
            endpoint_ids=[made.endpoint.endpoint_id],
            now=wall_now(),
        )
        stored = session.connection().exec_driver_sql("SELECT * FROM network.webhook_secret").all()
    assert keys[made.endpoint.endpoint_id][0].secret == raw
    assert raw not in b"".join(each for each in stored[0] if isinstance(each, bytes))


def test_a_worker_told_to_stop_begins_nothing(desk: Desk, receiver: Receiver) -> None:
    desk.endpoint(receiver.url)
    desk.happen()
    delivering.STOPPING.set()
    try:
        assert desk.run() == 0
    finally:
        delivering.STOPPING.clear()
    assert desk.run() == 1
