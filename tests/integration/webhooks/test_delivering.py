"""Deliveries to real receivers: what goes out, what comes back, and what becomes of it."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from standardwebhooks import Webhook

from merchant_gateway.client import webhooks
from network.clock import wall_now
from network.events.webhooks import deliveries, endpoints
from network.events.webhooks.endpoints import (
    UnknownEndpointError,
    Wanted,
)
from tests.integration.webhooks.desk import SHOP, Desk, outcomes, pause, quick
from tests.integration.webhooks.receiver import Receiver, answering, receiving, sending


def test_an_event_arrives_once_and_verifies_with_both_kinds_of_key(
    desk: Desk, receiver: Receiver
) -> None:
    made = desk.endpoint(f"{receiver.url}/hook?a=%2F")
    assert desk.happen()
    assert desk.run() == 1
    (request,) = receiver.requests
    assert request.path == "/hook?a=%2F"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    for key in (made.secret, made.endpoint.public_key):
        event = webhooks.verify(request.headers, request.body, key)
    assert Webhook(made.secret).verify(request.body, request.headers) == event
    delivery = desk.only()
    assert event == {
        "id": request.id,
        "sequence": 1,
        "type": "earning.created",
        "version": 1,
        "timestamp": event["timestamp"],
        "data": {"n": 0},
    }
    assert request.id == delivery.event
    assert (delivery.state, outcomes(delivery)) == ("delivered", [("delivered", 204)])
    assert desk.run() == 0
    assert len(receiver.requests) == 1


def test_many_events_go_out_over_few_connections_each_once(desk: Desk, receiver: Receiver) -> None:
    desk.endpoint(receiver.url)
    desk.happen(600)
    assert desk.run() == 600
    assert sorted(each.event["sequence"] for each in receiver.requests) == list(range(1, 601))
    assert receiver.connections <= 64
    assert Counter(each.state for each in desk.log()) == {"delivered": 600}


def test_two_workers_never_send_the_same(desk: Desk, receiver: Receiver) -> None:
    desk.endpoint(receiver.url)
    desk.happen(300)
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda _: desk.run(linger_seconds=0.3), range(2)))
    assert sum(ended) == 300
    assert Counter(receiver.ids()).most_common(1)[0][1] == 1
    assert len(receiver.requests) == 300


def test_an_endpoint_is_told_only_what_it_chose(desk: Desk, receiver: Receiver) -> None:
    desk.endpoint(f"{receiver.url}/all")
    desk.endpoint(f"{receiver.url}/some", types=["settlement.closed", "redemption.captured"])
    other = Desk(services=desk.services, merchant_id=UUID(int=2))
    other.endpoint(f"{receiver.url}/other")
    desk.happen(kind="earning.created")
    desk.happen(kind="redemption.captured")
    desk.run()
    told = sorted((each.path, each.event["type"]) for each in receiver.requests)
    assert told == [
        ("/all", "earning.created"),
        ("/all", "redemption.captured"),
        ("/some", "redemption.captured"),
    ]
    assert not other.log()
    assert not Desk(services=desk.services, merchant_id=UUID(int=3)).happen()


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (301, ("Location: http://169.254.169.254/",), "redirected"),
        (307, ("Location: /elsewhere",), "redirected"),
        (400, (), "refused"),
        (404, (), "refused"),
        (500, (), "refused"),
        (503, (), "refused"),
    ],
)
def test_what_is_not_taken_is_tried_again(
    desk: Desk, status: int, headers: tuple[str, ...], outcome: str
) -> None:
    with receiving(answering(status, *headers)) as receiver:
        made = desk.endpoint(receiver.url)
        desk.happen()
        assert desk.run() == 1
        assert [each.path for each in receiver.requests] == ["/"]
        delivery = desk.only()
        assert (delivery.state, outcomes(delivery)) == ("waiting", [(outcome, status)])
        assert timedelta(seconds=4.5) <= pause(delivery) <= timedelta(seconds=5.5)
        assert desk.run() == 0
        desk.make_due()
        assert desk.run() == 1
        assert set(receiver.ids()) == {delivery.event}
        first, second = receiver.requests
        assert first.body == second.body
        assert desk.state(made) == ("enabled", None)


def test_after_ten_attempts_it_is_given_up(desk: Desk) -> None:
    with receiving(answering(500)) as receiver:
        desk.endpoint(receiver.url)
        desk.happen()
        for number in range(1, 11):
            assert desk.run() == 1
            delivery = desk.only()
            assert len(delivery.attempts) == number
            desk.make_due()
        assert (delivery.state, delivery.next_attempt_at) == ("failed", None)
        assert desk.run() == 0
        assert len(receiver.requests) == 10
        assert len(set(receiver.ids())) == 1


def test_retry_after_is_heeded(desk: Desk) -> None:
    with receiving(answering(429, "Retry-After: 3600")) as receiver:
        desk.endpoint(receiver.url)
        desk.happen()
        desk.run()
        assert pause(desk.only()) == timedelta(hours=1)


def test_gone_disables_the_endpoint(desk: Desk) -> None:
    with receiving(answering(410)) as receiver:
        made = desk.endpoint(receiver.url)
        desk.happen()
        desk.run()
        delivery = desk.only()
        assert (delivery.state, outcomes(delivery)) == ("failed", [("gone", 410)])
        assert desk.state(made) == ("disabled", "gone")
        assert not desk.happen()
        assert desk.change(made, Wanted(enabled=True)).disabled_because is None
        assert desk.happen()


def test_gone_does_not_disable_what_was_moved_meanwhile(desk: Desk) -> None:
    with receiving(answering(410)) as receiver:
        made = desk.endpoint(f"{receiver.url}/old")
        desk.happen()
        with desk.services.database.unit_of_work() as session:
            (attempt,) = deliveries.begin(session, now=wall_now(), limit=10, each=10)
        desk.change(made, Wanted(url=f"{receiver.url}/new"))
        with desk.services.database.unit_of_work() as session:
            deliveries.end(
                session,
                endings=[
                    deliveries.Ending(
                        attempt=attempt,
                        outcome="gone",
                        status=410,
                        finished_at=wall_now(),
                        chance=0.5,
                    )
                ],
            )
        assert desk.state(made) == ("enabled", None)


def test_disabling_holds_back_and_enabling_goes_on(desk: Desk, receiver: Receiver) -> None:
    made = desk.endpoint(receiver.url)
    desk.happen(2)
    assert desk.change(made, Wanted(enabled=False)).disabled_because == "merchant"
    assert desk.run() == 0
    assert not desk.happen()
    desk.change(made, Wanted(enabled=True, url=f"{receiver.url}/moved"))
    assert desk.run() == 2
    assert {each.path for each in receiver.requests} == {"/moved"}


def test_a_removed_endpoint_gets_nothing_more(desk: Desk, receiver: Receiver) -> None:
    made = desk.endpoint(receiver.url)
    desk.happen()
    with desk.services.database.unit_of_work() as session:
        endpoints.remove(
            session, merchant_id=SHOP, endpoint_id=made.endpoint.endpoint_id, now=wall_now()
        )
    assert desk.run() == 0
    assert desk.only().state == "dropped"
    with pytest.raises(UnknownEndpointError):
        desk.state(made)
    with pytest.raises(UnknownEndpointError):
        desk.change(made, Wanted(enabled=True))


def test_a_slow_receiver_is_left_and_holds_nobody_up(desk: Desk, receiver: Receiver) -> None:
    with receiving(sending(b"", pause=60.0)) as slow:
        desk.endpoint(f"{slow.url}/slow")
        desk.endpoint(f"{receiver.url}/quick")
        desk.happen(40)
        worker = threading.Thread(target=lambda: desk.run(make=quick(2.0), work_seconds=1.0))
        worker.start()
        receiver.wait_for(40)
        assert len(slow.requests) <= 8
        worker.join()
    log = [each for each in desk.log() if each.attempts and each.state == "waiting"]
    assert {outcome for each in log for outcome in outcomes(each)} == {("timed_out", None)}
    assert all(each.number for each in log)


@pytest.mark.parametrize(
    ("parts", "times", "expected"),
    [
        ((b"H", b"T"), 1_000, ("timed_out", None)),  # a byte at a time
        ((b"HTTP/1.1 200 OK\r\n" + b"X-Filler: " + b"x" * 4000 + b"\r\n",), 9, "malformed_answer"),
        ((b"SSH-2.0-OpenSSH\r\n\r\n",), 1, "malformed_answer"),
        ((b"HTTP/2 200\r\n\r\n",), 1, "malformed_answer"),
        ((b"HTTP/1.1 101 Switching Protocols\r\n\r\n",), 1, "malformed_answer"),
        ((b"HTTP/1.1 100 Continue\r\n\r\n",), 30, "malformed_answer"),
        ((b"HTTP/1.1 200 OK\r\nContent-Le",), 1, "unreachable"),
        ((b"",), 1, "unreachable"),
    ],
)
def test_answers_that_are_none(
    desk: Desk, parts: tuple[bytes, ...], times: int, expected: object
) -> None:
    wait = 0.05 if isinstance(expected, tuple) else 0.0
    with receiving(sending(*parts, pause=wait, times=times)) as receiver:
        desk.endpoint(receiver.url)
        desk.happen()
        desk.run(make=quick(1.0))
        word = expected[0] if isinstance(expected, tuple) else expected
        assert outcomes(desk.only()) == [(word, None)]


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n",
    ],
)
def test_an_endless_body_is_not_read(desk: Desk, head: bytes) -> None:
    with receiving(sending(head, *([b"x" * 65_536] * 200))) as receiver:
        desk.endpoint(receiver.url)
        desk.happen(3)
        assert desk.run() == 3
        assert {each.state for each in desk.log()} == {"delivered"}
        assert receiver.connections == 3


def test_a_body_that_never_ends_delays_nothing_for_long(desk: Desk) -> None:
    with receiving(
        sending(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"x", pause=0.3, times=200)
    ) as receiver:
        desk.endpoint(receiver.url)
        desk.happen()
        desk.run(make=quick(5.0))
        assert outcomes(desk.only()) == [("delivered", 200)]


def test_a_closed_line_is_replaced(desk: Desk) -> None:
    with receiving(answering(200, "Connection: close")) as receiver:
        desk.endpoint(receiver.url)
        desk.happen(20)
        assert desk.run() == 20
        assert receiver.connections == 20


def test_nobody_there(desk: Desk) -> None:
    with receiving(answering(200)) as receiver:
        url = receiver.url
    desk.endpoint(url)
    desk.happen()
    desk.run()
    assert outcomes(desk.only()) == [("unreachable", None)]
