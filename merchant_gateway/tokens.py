"""Member tokens: what a merchant gets for a phone, a card or a code, instead of a member id.

An EdDSA JWT (RFC 7519, RFC 8037) for one merchant and a quarter of an hour. Its subject is
pairwise: the member's id sealed for this merchant (AES-SIV, RFC 5297), so that two merchants
cannot compare theirs. It names a member and says how the member was identified; it never confers
spending.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt

from merchant_gateway.errors import TokenInvalidError
from merchant_gateway.network_keys import NetworkKeys
from network import ids
from network.members.pairwise import PairwiseNames, UnknownNameError
from network.vault import Vault

TYPE = "peyvand-member+jwt"
ALGORITHM = "EdDSA"
LIFE = timedelta(minutes=15)
_CLAIMS = ["iss", "aud", "sub", "iat", "exp", "amr"]
_PURPOSE = "tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenMember:
    """Whom a token names, how the member was identified, and until when it may be used."""

    member_id: UUID
    method: str
    expires_at: datetime


class MemberTokens:
    """Issues and reads member tokens."""

    def __init__(self, *, vault: Vault, issuer: str, keys: NetworkKeys) -> None:
        self._pairs = PairwiseNames(vault)
        self._issuer = issuer
        self._keys = keys

    def pairwise(self, *, member_id: UUID, merchant_id: UUID) -> str:
        """Return the name by which this merchant, and no other, knows the member."""
        return self._pairs.name(member_id=member_id, merchant_id=merchant_id)

    def issue(
        self, *, member_id: UUID, merchant_id: UUID, method: str, wall: datetime
    ) -> tuple[str, datetime]:
        """Return a token and the time at which it runs out."""
        key = self._keys.signing(_PURPOSE)
        issued = wall.replace(microsecond=0)
        expires = issued + LIFE
        claims = {
            "iss": self._issuer,
            "aud": ids.encode("mer", merchant_id),
            "sub": self.pairwise(member_id=member_id, merchant_id=merchant_id),
            "amr": [method],
            "iat": issued,
            "exp": expires,
        }
        token = jwt.encode(
            claims,
            key.key.private_key,
            algorithm=ALGORITHM,
            headers={"typ": TYPE, "kid": key.key_id},
        )
        return token, expires

    def read(self, token: str, *, merchant_id: UUID, wall: datetime) -> TokenMember:
        """Return whom ``token`` names, even when it ran out: the caller judges its time.

        ``wall`` is when it was shown. Raises TokenInvalidError where it was not issued here, or to
        another merchant, or lives longer than any that is, and once no token of its key lives.
        """
        try:
            header = jwt.get_unverified_header(token)
            if header.get("typ") != TYPE or header.get("alg") != ALGORITHM:
                raise TokenInvalidError("this is no member token", field="/member/token")
            claims: dict[str, Any] = jwt.decode(
                token,
                self._keys.public(purpose=_PURPOSE, key_id=str(header.get("kid"))),
                algorithms=[ALGORITHM],
                audience=ids.encode("mer", merchant_id),
                issuer=self._issuer,
                options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False},
            )
            issued, expires = (
                datetime.fromtimestamp(int(claims[name]), UTC) for name in ("iat", "exp")
            )
            if expires - issued > LIFE:
                raise TokenInvalidError("no token lives as long", field="/member/token")
            self._keys.check_signed(key_id=str(header["kid"]), at=issued, life=LIFE, wall=wall)
            return self._member(claims, merchant_id, expires)
        except (jwt.PyJWTError, ValueError, LookupError, TypeError) as error:
            raise TokenInvalidError("this token was not issued here", field="/member/token") from (
                error
            )

    def _member(
        self, claims: dict[str, Any], merchant_id: UUID, expires_at: datetime
    ) -> TokenMember:
        subject = str(claims["sub"])
        try:
            member_id = self._pairs.member(subject, merchant_id=merchant_id)
        except UnknownNameError as error:
            raise TokenInvalidError("the subject does not open", field="/member/token") from error
        return TokenMember(member_id=member_id, method=str(claims["amr"][0]), expires_at=expires_at)


def method_said(token: str) -> str | None:
    """Return how a token says that the member was identified, ``None`` where it is no token.

    Nothing of it is checked: only for one that was read when it was new.
    """
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        return str(claims["amr"][0])
    except (jwt.PyJWTError, ValueError, LookupError, TypeError):
        return None
