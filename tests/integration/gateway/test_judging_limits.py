"""Where the page that judges files says: not now, and: it did not arrive."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from io import BytesIO

import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config.preparation import prepare_installation
from config.sandboxes.nights import Hands
from merchant_gateway.app import create_app
from merchant_gateway.routes import verifying
from network import ids
from network.clock import wall_now
from network.sandboxes.models import Sandbox
from network.sandboxes.queries import keys_of_signers
from network.services import Services

ADDRESS = "192.0.2.7"


@pytest.fixture
def client(gateway_services: Services, redis_client: redis.Redis) -> FlaskClient:
    """Return a client of a gateway in this process."""
    prepare_installation(gateway_services, wall=wall_now())
    return create_app(gateway_services, redis_client, hands=Hands(redis_client)).test_client()


class _Gone(BytesIO):
    """A body whose sender says nothing more after some bytes."""

    def read(self, size: int | None = -1, /) -> bytes:
        if piece := super().read(size):
            return piece
        raise TimeoutError


def _brought(
    client: FlaskClient, body: BytesIO, *, length: int, address: str = ADDRESS
) -> TestResponse:
    return client.post(
        "/verify?lang=en",
        input_stream=body,
        content_type="multipart/form-data; boundary=x",
        environ_overrides={"REMOTE_ADDR": address, "CONTENT_LENGTH": str(length)},
    )


@pytest.mark.parametrize("kid", ["\x00", "\ud800", "x" * 42 + "\x00", "x" * 43, 7])
def test_a_key_of_any_name_is_looked_for_and_nobody_s(client: FlaskClient, kid: object) -> None:
    head = urlsafe_b64encode(json.dumps({"typ": "x", "kid": kid}).encode()).decode().rstrip("=")
    answer = client.post("/verify?lang=en", data={"text": f"{head}.a.a"})
    assert (answer.status_code, "It does not hold" in answer.text) == (200, True)


def test_keys_of_two_sandboxes_stay_apart(gateway_services: Services) -> None:
    keys = [[{"kid": each * 43}] for each in "ab"]
    with gateway_services.database.unit_of_work() as session:
        for theirs in keys:
            row = Sandbox(sandbox_id=ids.uuid7(), schema_digest=bytes(32), begun_at=wall_now())
            row.signing_keys = theirs
            session.add(row)
            session.flush()
        wanted = ["b" * 43, "c" * 43, "a" * 43]
        found = keys_of_signers(session, key_ids=wanted)
        session.rollback()
    assert sorted(found, key=str) == keys


@pytest.mark.parametrize("body", [BytesIO(b"--x\r\n"), _Gone(b"--x\r\n")])
def test_what_does_not_arrive_whole_is_a_408(client: FlaskClient, body: BytesIO) -> None:
    answer = _brought(client, body, length=500)
    assert (answer.status_code, "did not arrive whole" in answer.text) == (408, True)


def test_what_drips_for_too_long_is_a_408(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "SECONDS", 0.0)
    answer = _brought(client, BytesIO(b"x" * 40_000), length=40_000)
    assert answer.status_code == 408


def test_who_brings_file_after_file_is_told_when_to_come_back(client: FlaskClient) -> None:
    def status(address: str = ADDRESS) -> int:
        return _brought(client, BytesIO(b"--x--"), length=5, address=address).status_code

    assert {status() for _ in range(verifying.ATTEMPTS)} == {422}
    refused = _brought(client, BytesIO(b"--x--"), length=5)
    assert (refused.status_code, "much at once" in refused.text) == (429, True)
    wait = int(refused.headers["Retry-After"])
    assert 0 < wait <= verifying.ATTEMPTS_WINDOW
    assert status("192.0.2.8") == 422  # another line is judged meanwhile
    assert client.get("/verify").status_code == 200
