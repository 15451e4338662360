"""Member tokens: for one merchant, of one form, and never more than a name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from merchant_gateway.errors import TokenInvalidError
from merchant_gateway.network_keys import NetworkKeys
from merchant_gateway.tokens import LIFE, TYPE, MemberTokens, method_said
from network import ids
from network.clock import wall_now
from network.services import Services
from network.signing.service import ensure_keys

ISSUER = "https://gateway.example"
WALL = datetime(2026, 3, 21, 8, 0, 0, 500, tzinfo=UTC)


@pytest.fixture
def keys(services: Services) -> NetworkKeys:
    """Return the network's keys in a database of their own."""
    with services.database.unit_of_work() as session:
        ensure_keys(session, services.vault, now=wall_now())
    return NetworkKeys(database=services.database, vault=services.vault)


@pytest.fixture
def tokens(services: Services, keys: NetworkKeys) -> MemberTokens:
    """Return what issues and reads tokens."""
    return MemberTokens(vault=services.vault, issuer=ISSUER, keys=keys)


def test_a_token_names_the_member_to_its_merchant_only(tokens: MemberTokens) -> None:
    member, merchant, other = ids.uuid7(), ids.uuid7(), ids.uuid7()
    token, expires = tokens.issue(member_id=member, merchant_id=merchant, method="card", wall=WALL)
    read = tokens.read(token, merchant_id=merchant, wall=WALL)
    assert (read.member_id, read.method, read.expires_at) == (member, "card", expires)
    assert expires == WALL.replace(microsecond=0) + LIFE
    with pytest.raises(TokenInvalidError):
        tokens.read(token, merchant_id=other, wall=WALL)
    assert str(member) not in token
    names = {tokens.pairwise(member_id=member, merchant_id=each) for each in (merchant, other)}
    assert len(names) == 2


def test_forged_tokens_are_refused(tokens: MemberTokens, keys: NetworkKeys) -> None:
    member, merchant = ids.uuid7(), ids.uuid7()
    own = keys.signing("tokens")
    seals = keys.signing("seals")
    good: dict[str, Any] = {
        "iss": ISSUER,
        "aud": ids.encode("mer", merchant),
        "sub": tokens.pairwise(member_id=member, merchant_id=merchant),
        "amr": ["card"],
        "iat": WALL,
        "exp": WALL + timedelta(minutes=15),
    }
    headers = {"typ": TYPE, "kid": own.key_id}

    def forged(
        claims: dict[str, Any],
        key: Any = own.key.private_key,
        algorithm: str = "EdDSA",
        **head: Any,
    ) -> str:
        return jwt.encode(claims, key, algorithm=algorithm, headers={**headers, **head})

    assert tokens.read(forged(good), merchant_id=merchant, wall=WALL).member_id == member
    for bad in (
        forged(good, key=Ed25519PrivateKey.generate()),
        forged(good, key="x" * 32, algorithm="HS256"),
        forged(good, key=None, algorithm="none"),
        forged(good, typ="JWT"),
        forged(good, kid="other"),
        forged(good, key=seals.key.private_key, kid=seals.key_id),
        forged({**good, "iss": "https://else.example"}),
        forged({**good, "sub": "AAAA"}),
        forged({**good, "amr": []}),
        forged({**good, "exp": WALL + LIFE + timedelta(seconds=1)}),
        forged({name: value for name, value in good.items() if name != "exp"}),
        "",
        "a.b.c",
        "پیوند",
    ):
        with pytest.raises(TokenInvalidError):
            tokens.read(bad, merchant_id=merchant, wall=WALL)


def test_a_replaced_key_makes_no_new_tokens(
    tokens: MemberTokens, keys: NetworkKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    member, merchant = ids.uuid7(), ids.uuid7()
    issued, _ = tokens.issue(member_id=member, merchant_id=merchant, method="phone", wall=WALL)
    published = keys.published()

    def replaced(until: datetime) -> None:
        found = [{**each, "signs_until": until.isoformat()} for each in published]
        monkeypatch.setattr(keys, "published", lambda: found)

    replaced(WALL + timedelta(seconds=1))
    assert tokens.read(issued, merchant_id=merchant, wall=WALL).member_id == member
    # Whoever stole the key writes any time of issue: what counts later is when it was replaced.
    for later in (LIFE, timedelta(days=300)):
        with pytest.raises(TokenInvalidError):
            tokens.read(issued, merchant_id=merchant, wall=WALL + later + timedelta(minutes=2))
    replaced(WALL - timedelta(minutes=5))
    with pytest.raises(TokenInvalidError):
        tokens.read(issued, merchant_id=merchant, wall=WALL)
    # What was done with it stays as it was: a retry is answered as the first call.
    assert method_said(issued) == "phone"
    assert method_said("a.b.c") is None


def test_an_expired_token_still_says_whom_it_named(tokens: MemberTokens) -> None:
    merchant = UUID(int=7)
    token, expires = tokens.issue(
        member_id=UUID(int=5), merchant_id=merchant, method="phone", wall=WALL - timedelta(days=1)
    )
    assert tokens.read(token, merchant_id=merchant, wall=WALL).expires_at == expires < WALL
