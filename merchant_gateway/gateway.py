"""What a gateway process holds, and what one authenticated call is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.orm import Session
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from merchant_gateway.caches import BriefCache
from merchant_gateway.guard import Admission, Guard
from merchant_gateway.limits import Limits, LocalRate
from merchant_gateway.merchant_keys import MerchantKeys
from merchant_gateway.network_keys import NetworkKeys
from merchant_gateway.signing import Evidence
from merchant_gateway.terms import Terms
from merchant_gateway.tokens import MemberTokens
from merchant_gateway.unsalted import unsalted
from network.database.installation import ProgrammeClock
from network.lean import lean
from network.ledger.values import Claim
from network.ledger.values import Evidence as LedgerEvidence
from network.members.signed_bodies import check_unnamed
from network.merchants.queries import KeyView
from network.sandboxes.queries import SandboxView
from network.services import Services

MEMBER_KEY_SECONDS = 60.0
"""What is sealed within this time of a member's erasure nobody can open, as nobody should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """What every request of this process uses."""

    services: Services
    limits: Limits
    clock: ProgrammeClock
    guard: Guard
    failures: LocalRate
    merchant_keys: MerchantKeys
    network_keys: NetworkKeys
    tokens: MemberTokens
    terms: Terms
    member_keys: BriefCache[UUID, bytes]
    """Members' keys as they are stored, for what seals the requests that tokens come with."""

    @classmethod
    def build(cls, *, services: Services, redis: Any, limits: Limits) -> Gateway:
        """Put the parts together; connects to nothing yet."""
        database, vault = services.database, services.vault
        network_keys = NetworkKeys(database=database, vault=vault)
        return cls(
            services=services,
            limits=limits,
            clock=ProgrammeClock(database),
            guard=Guard(redis=redis, database=database, limits=limits),
            failures=LocalRate(quota=limits.address_failures, window=limits.address_window),
            merchant_keys=MerchantKeys(database=database, vault=vault),
            network_keys=network_keys,
            tokens=MemberTokens(
                vault=vault, issuer=services.settings.gateway_url, keys=network_keys
            ),
            terms=Terms(services),
            member_keys=BriefCache(size=20_000, seconds=MEMBER_KEY_SECONDS),
        )

    def inside(self, services: Services) -> Gateway:
        """Return the gateway as a call in a sandbox meets it: the same door, other data."""
        database, vault = services.database, services.vault
        network_keys = NetworkKeys(database=database, vault=vault)
        return replace(
            self,
            services=services,
            clock=ProgrammeClock(database),
            network_keys=network_keys,
            tokens=MemberTokens(
                vault=vault, issuer=services.settings.gateway_url, keys=network_keys
            ),
            terms=Terms(services),
        )

    @property
    def webhook_loopback(self) -> bool:
        """Return whether webhooks may go to this machine: asked for, and no real installation."""
        settings = self.services.settings
        return settings.webhook_loopback and (settings.embedded or self.clock.simulated)

    @property
    def documentation(self) -> str:
        """Return the address of the page that explains every code."""
        return f"{self.services.settings.gateway_url}/docs"


class SandboxHands(Protocol):
    """What is done for a sandbox by parts that the gateway does not know."""

    def settle(self, services: Services, *, through: date, seconds: float) -> int:
        """Run the nights of a sandbox up to a day; return how many are left after ``seconds``."""

    def stir(self) -> None:
        """Have a worker look into the sandboxes that are due; it may be lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """The sandbox that a call is in; ``full``: nothing new is done there, retries are answered."""

    view: SandboxView
    hands: SandboxHands
    full: bool = False


@lean
@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One authenticated request. ``wall`` was read once, when it arrived.

    ``session`` is the unit of work that the call is part of; without one it posts by itself.
    """

    gateway: Gateway
    request_id: str
    key: KeyView
    method: str
    authority: str
    target: str
    body: bytes
    signed: Evidence
    wall: datetime
    admission: Admission
    idempotency_key: str | None
    accept: str = ""
    session: Session | None = None
    sandbox: Entered | None = None

    @property
    def merchant_id(self) -> UUID:
        """Return the calling merchant."""
        return self.key.merchant_id

    @property
    def accepts(self) -> MIMEAccept:
        """Return the media types that the caller prefers, empty where it does not say."""
        return parse_accept_header(self.accept, MIMEAccept)

    def claim(self) -> Claim:
        """Return the idempotency claim: the key, and a digest of method, path and body.

        The body counts without the salts beside those it names: another one is the same request.
        So the digest is keyed: nobody else can try numbers against one that is kept. Method and
        path are printable ASCII without spaces, so the parts cannot run together.
        """
        digest = sha256(unsalted(self.body)).hexdigest()
        fingerprint = self.gateway.services.vault.blind_index(
            f"{self.method} {self.target} {digest}", purpose="claim"
        )
        return Claim(
            client_id=self.merchant_id, key=self.idempotency_key or "", fingerprint=fingerprint
        )

    def evidence(self, *, kept: bytes | None = None) -> LedgerEvidence:
        """Return what is kept with an entry: the signature base, the signature and the body.

        ``kept`` is the body sealed; without it the request names nobody, or NamesPersonError.
        """
        return LedgerEvidence(
            key_id=self.key.key_id,
            signature_base=self.signed.signature_base,
            signature=self.signed.signature,
            body=check_unnamed(self.body) if kept is None else kept,
        )
