"""The network's own keys change while merchants hold what the old ones signed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import jwt
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from network.clock import wall_now
from network.signing.queries import active_key
from network.signing.service import rotate_keys
from tests.fixtures.cluster import Cluster
from tests.integration.gateway.house import House, owner_url_of
from tests.integration.gateway.keys.hands import PROCESSES, code_of
from tests.integration.gateway.till import ask, purchase

AN_HOUR_OLD = (
    "UPDATE network.signing_key SET created_at = created_at - interval '1 hour', "
    "signs_from = signs_from - interval '1 hour' WHERE purpose = 'tokens'"
)


def test_a_token_of_a_key_that_was_rotated_away(house: House, cluster: Cluster) -> None:
    """What it signed in its time is good for a quarter of an hour; what a thief signs is not."""
    services, person = house.services, house.member()
    with psycopg.connect(owner_url_of(cluster, services).replace("+psycopg", "")) as owner:
        owner.execute(AN_HOUR_OLD)
    genuine = house.green.client.lookup(member={"phone": person.phone}).data["token"]
    with services.database.reading() as session:
        old = active_key(session, vault=services.vault, purpose="tokens")
    wall = wall_now()
    with services.database.unit_of_work() as session:
        rotate_keys(
            session,
            services.vault,
            now=wall - timedelta(minutes=5),
            announced=timedelta(0),
            purposes=["tokens"],
        )

    def signed(at: datetime) -> str:
        """Return a token as the old key would have signed it, or as its thief does."""
        claims: dict[str, Any] = jwt.decode(genuine, options={"verify_signature": False})
        head = jwt.get_unverified_header(genuine)
        assert head["kid"] == old.key_id
        issued = at.replace(microsecond=0)
        return jwt.encode(
            {**claims, "iat": issued, "exp": issued + timedelta(minutes=15)},
            Ed25519PrivateKey.from_private_bytes(old.private_key),
            algorithm="EdDSA",
            headers={"typ": head["typ"], "kid": head["kid"]},
        )

    def earn(token: str) -> Any:
        return ask(house, house.green, body=purchase("", member={"token": token}))

    stolen = signed(wall)
    in_a_row = 0
    while in_a_row < PROCESSES:  # each process holds for a second what it read
        answer = earn(stolen)
        in_a_row = in_a_row + 1 if answer.status_code != 201 else 0
    assert code_of(answer) == (422, "token_invalid")
    assert earn(signed(wall - timedelta(minutes=10))).status_code == 201
    assert code_of(earn(signed(wall - timedelta(minutes=20)))) == (422, "token_expired")
    fresh = genuine
    while jwt.get_unverified_header(fresh)["kid"] == old.key_id:  # kept for two seconds
        fresh = house.green.client.lookup(member={"phone": person.phone}).data["token"]
    assert earn(fresh).status_code == 201
