"""The keys of merchants as the gateway uses them.

What a key is (its material, its merchant) never changes, so a loaded key is kept for long. Whether
it may be used does: that view is kept for a second at most, and dropped at once when the epoch in
Valkey moves, which the nonce script reports with every request (see
``network.merchants.access_epoch``). While Valkey is away there is no epoch, and every request reads
its key anew.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime

from merchant_gateway.caches import BriefCache
from merchant_gateway.errors import (
    KeyExpiredError,
    KeyRevokedError,
    KeyUnknownError,
    MerchantSuspendedError,
)
from merchant_gateway.signing import Algorithm, Ed25519VerifyingKey, HmacKey, VerifyingKey
from network.database.connection import Database
from network.errors import UnavailableError
from network.merchants import keys, queries, service
from network.merchants.queries import KeyView
from network.vault import Vault

VIEW_SECONDS = 1.0
MATERIAL_SECONDS = 3600.0
_MOST_KEYS = 10_000


class MerchantKeys:
    """Finds a merchant's key by its id, and says whether it may be used now."""

    def __init__(self, *, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._views: BriefCache[str, KeyView | None] = BriefCache(
            size=_MOST_KEYS, seconds=VIEW_SECONDS
        )
        self._material: BriefCache[str, VerifyingKey] = BriefCache(
            size=_MOST_KEYS, seconds=MATERIAL_SECONDS
        )
        self._epoch: bytes | None = None
        self._noted: dict[str, date] = {}

    def usable(self, key_id: str, *, wall: datetime) -> KeyView:
        """Return the view of a key that is active at ``wall``.

        Raises KeyUnknownError, KeyRevokedError or KeyExpiredError. Whether its merchant is
        suspended is told only to who has signed with it, by ``check_merchant``.
        """
        view = self._views.get(key_id, lambda: self._load(key_id))
        if view is None:
            raise KeyUnknownError(f"no key {key_id}")
        if view.revoked_at is not None:
            raise KeyRevokedError(f"the key {key_id} was revoked")
        if view.expires_at is not None and view.expires_at <= wall:
            raise KeyExpiredError(f"the key {key_id} was replaced")
        return view

    def material(self, view: KeyView) -> VerifyingKey:
        """Return the loaded key of ``view``."""
        return self._material.get(view.key_id, lambda: self._open(view))

    def note_use(self, view: KeyView, *, day: date) -> None:
        """Remember, once a day for each process and key, that a key was used on ``day``.

        A database that is away does not keep a call from going on: the next day's use says more.
        """
        if view.last_used_on == day or self._noted.get(view.key_id) == day:
            return
        self._noted[view.key_id] = day
        with suppress(UnavailableError), self._database.unit_of_work() as session:
            service.note_key_use(session, key_id=view.key_id, day=day)

    def renewed(self, epoch: bytes | None) -> bool:
        """Note the epoch that Valkey reported; return whether views were dropped for it.

        Without one (Valkey is away) they are dropped every time.
        """
        if epoch is None:
            self._views.clear()
            return True
        if epoch == self._epoch:
            return False
        first = self._epoch is None
        self._epoch = epoch
        self._views.clear()
        return not first

    def _load(self, key_id: str) -> KeyView | None:
        with self._database.direct() as connection:
            return queries.key(connection, key_id=key_id)

    def _open(self, view: KeyView) -> VerifyingKey:
        if view.algorithm == Algorithm.ED25519 and view.public_key is not None:
            return Ed25519VerifyingKey.from_raw(view.public_key)
        if view.sealed_secret is None:
            raise KeyUnknownError(f"the key {view.key_id} has no material")
        return HmacKey(service.open_secret(self._vault, sealed_secret=view.sealed_secret))


_MAY_CALL = {
    keys.LIVE: frozenset({"active", "leaving"}),
    keys.TEST: frozenset({"applied", "approved", "active", "leaving"}),
}


def check_merchant(view: KeyView) -> None:
    """Refuse a merchant that is suspended or gone; raises MerchantSuspendedError."""
    if view.merchant_status not in _MAY_CALL[view.environment]:
        raise MerchantSuspendedError(f"{view.merchant_code} is {view.merchant_status}")
