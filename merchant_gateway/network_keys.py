"""The network's own keys as the gateway uses them: opened, and kept for seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from merchant_gateway.caches import BriefCache
from merchant_gateway.signing import Ed25519SigningKey, Ed25519VerifyingKey
from network.database.connection import Database
from network.errors import UnavailableError
from network.signing import queries
from network.vault import Vault

KEPT_SECONDS = 2.0
"""So long a replaced key may still sign: every process notices a rotation within seconds."""

PUBLISHED_SECONDS = 1.0
"""Tokens are read with keys of a moment ago; one that is not among them is looked for anew."""

_GRACE = timedelta(minutes=1)
"""Clocks differ, and a process may have kept the key for a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkKey:
    """A signing key of the network, opened."""

    key_id: str
    key: Ed25519SigningKey


class NetworkKeys:
    """Finds the active key of a purpose, and published keys by their id.

    While the database is away the keys of before still sign: an answer that says so is signed too.
    """

    def __init__(self, *, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._active: BriefCache[str, NetworkKey] = BriefCache(size=8, seconds=KEPT_SECONDS)
        self._published: BriefCache[str, list[dict[str, str]]] = BriefCache(
            size=1, seconds=PUBLISHED_SECONDS
        )

    def signing(self, purpose: str) -> NetworkKey:
        """Return the active key of ``purpose``; raise UnavailableError where none was ever read."""
        try:
            return self._active.get(purpose, lambda: self._load(purpose))
        except UnavailableError:
            held = self._active.stale(purpose)
            if held is None:
                raise
            return held

    def public(self, *, purpose: str, key_id: str) -> Ed25519PublicKey:
        """Return a published key of ``purpose``; raise LookupError where there is none."""
        for published in (self.published, self.published_now):
            for jwk in published():
                if jwk["kid"] == key_id and jwk["purpose"] == purpose:
                    return Ed25519VerifyingKey.from_jwk(jwk).public_key
        raise LookupError(key_id)

    def check_signed(self, *, key_id: str, at: datetime, life: timedelta, wall: datetime) -> None:
        """Raise LookupError where a published key had been replaced when it signed, at ``at``.

        So a key that somebody stole, and that was replaced for it, makes nothing new. Whoever has
        it writes ``at`` too, so it counts for nothing once ``wall`` is beyond the ``life`` of the
        last that it signed.
        """
        for jwk in self.published():
            until = jwk.get("signs_until") if jwk["kid"] == key_id else None
            if until is None:
                continue
            end = datetime.fromisoformat(until) + _GRACE
            if at > end or wall > end + life:
                raise LookupError(key_id)

    def published(self) -> list[dict[str, str]]:
        """Return every public key, active and retired, as JWKs, as they were a moment ago."""
        try:
            return self._published.get("all", self._load_published)
        except UnavailableError:
            held = self._published.stale("all")
            if held is None:
                raise
            return held

    def published_now(self) -> list[dict[str, str]]:
        """Return the same as they are: another process may sign with a key of this very moment."""
        try:
            return self._load_published()
        except UnavailableError:
            return self.published()

    def _load(self, purpose: str) -> NetworkKey:
        with self._database.reading() as session:
            active = queries.active_key(session, vault=self._vault, purpose=purpose)
            published = queries.published_keys(session)
        # Whoever can sign can also say with which keys, also while the database is away.
        self._published.get("all", lambda: published)
        return NetworkKey(key_id=active.key_id, key=Ed25519SigningKey.from_raw(active.private_key))

    def _load_published(self) -> list[dict[str, str]]:
        with self._database.reading() as session:
            return queries.published_keys(session)
