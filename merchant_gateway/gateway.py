"""What a gateway process holds, and what one authenticated call is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from fractions import Fraction
from functools import partial
from hashlib import sha256
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.orm import Session
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from merchant_gateway.caches import BriefCache
from merchant_gateway.errors import FieldError, InvalidRequestError
from merchant_gateway.guard import Admission, Guard
from merchant_gateway.limits import Limits, LocalRate
from merchant_gateway.merchant_keys import MerchantKeys
from merchant_gateway.network_keys import NetworkKeys
from merchant_gateway.signing import Evidence
from merchant_gateway.tokens import MemberTokens
from merchant_gateway.unsalted import unsalted
from network.campaigns import queries as campaigns
from network.database.installation import ProgrammeClock
from network.ledger.values import Claim, GrantKind
from network.ledger.values import Evidence as LedgerEvidence
from network.members.signed_bodies import check_unnamed
from network.merchants import queries as merchants
from network.merchants.queries import AgreementView, KeyView, TerminalView
from network.programme import queries as programme
from network.programme.campaigns import Campaign
from network.programme.plain_pricing import PlainPricing
from network.programme.rules import EarningTerms
from network.sandboxes.queries import SandboxView
from network.services import Services

TERMS_SECONDS = 2.0
"""Stores, tills and campaigns are held so long."""

DATED_SECONDS = 45.0
"""Prices and terms are dated in the future by rule: those of a day that has begun do not change.

Less than ``network.programme.days.NOTICE``, so that nothing is kept from before it was settled.
"""

MEMBER_KEY_SECONDS = 60.0
"""What is sealed within this time of a member's erasure nobody can open, as nobody should."""


@dataclass(frozen=True, slots=True)
class PlainTerms:
    """How plain purchases are priced, and what the grants of all of them have in common."""

    pricing: PlainPricing
    kind: GrantKind


class Terms:
    """Agreements, earning terms, face values, stores, tills and campaigns, kept for a while."""

    def __init__(self, services: Services) -> None:
        self._database = services.database
        self._earning: BriefCache[tuple[UUID, date], EarningTerms] = _cache(DATED_SECONDS)
        self._agreements: BriefCache[tuple[UUID, date], AgreementView] = _cache(DATED_SECONDS)
        self._face_values: BriefCache[date, Fraction] = _cache(DATED_SECONDS)
        self._plain: BriefCache[tuple[UUID, date, date], PlainTerms] = _cache(DATED_SECONDS)
        self._stores: BriefCache[tuple[UUID, str], UUID] = _cache()
        self._terminals: BriefCache[UUID, list[TerminalView]] = _cache()
        self._campaigns: BriefCache[tuple[UUID, date], tuple[Campaign, ...]] = _cache()
        self._campaigns_at: BriefCache[date, campaigns.Places] = _cache()

    def earning(self, *, merchant_id: UUID, day: date) -> EarningTerms:
        """Return the merchant's earning terms in force on ``day``."""
        load = partial(programme.terms_on, merchant_id=merchant_id, day=day)
        return self._earning.get((merchant_id, day), lambda: self._read(load))

    def agreement(self, *, merchant_id: UUID, day: date) -> AgreementView:
        """Return the merchant's agreement in force on ``day``."""
        load = partial(merchants.agreement_on, merchant_id=merchant_id, day=day)
        return self._agreements.get((merchant_id, day), lambda: self._read(load))

    def plain(self, *, merchant_id: UUID, bought: date, day: date) -> PlainTerms:
        """Return by what purchases of the day ``bought`` earn where no campaign runs, on ``day``.

        Raises NoEarningTermsError and NoAgreementError.
        """

        def load() -> PlainTerms:
            own = self.earning(merchant_id=merchant_id, day=bought)
            agreement = self.agreement(merchant_id=merchant_id, day=day)
            pricing = PlainPricing(terms=own, day=day)
            kind = GrantKind(
                issuer_id=merchant_id,
                terms_id=agreement.agreement_id,
                price=agreement.issue_price,
                active_from=pricing.active_from,
                expires_on=pricing.expires_on,
            )
            return PlainTerms(pricing, kind)

        return self._plain.get((merchant_id, bought, day), load)

    def campaigns(self, *, merchant_id: UUID, day: date) -> tuple[Campaign, ...]:
        """Return the campaigns for purchases that were made here on ``day``.

        What one has left, and that it runs, the ledger checks again; both only ever fall short.
        Where there is any is read for all merchants at once: most have none, and each of them would
        ask as often as all together.
        """
        places = self._campaigns_at.get(day, lambda: self._read(partial(campaigns.places, day=day)))
        if merchant_id not in places:
            return ()
        load = partial(campaigns.running, merchant_id=merchant_id, day=day)
        return self._campaigns.get((merchant_id, day), lambda: self._read(load))

    def face_value(self, *, day: date) -> Fraction:
        """Return rials per point on ``day``."""
        load = partial(programme.face_value_on, day=day)
        return self._face_values.get(day, lambda: self._read(load))

    def store(self, *, merchant_id: UUID, code: str | None) -> UUID | None:
        """Return the id of a store by its code; raises InvalidRequestError naming the field."""
        if code is None:
            return None

        def load(session: Session) -> UUID:
            found = merchants.store_by_code(session, merchant_id=merchant_id, code=code)
            if found is None:
                raise InvalidRequestError([FieldError("/store", "unknown_store")])
            if found.closed_at is not None:
                raise InvalidRequestError([FieldError("/store", "closed_store")])
            return found.store_id

        return self._stores.get((merchant_id, code), lambda: self._read(load))

    def check_terminal(self, *, store_id: UUID | None, code: str | None) -> None:
        """Refuse a till that is not on the list of a store that has one.

        Raises InvalidRequestError naming the field.
        """
        if store_id is None or code is None:
            return
        listed = self._terminals.get(
            store_id, lambda: self._read(partial(merchants.terminals, store_id=store_id))
        )
        if listed and not any(each.code == code and each.closed_at is None for each in listed):
            raise InvalidRequestError([FieldError("/terminal", "unknown_terminal")])

    def _read(self, load: Any) -> Any:
        with self._database.glance() as session:
            return load(session)


def _cache(seconds: float = TERMS_SECONDS) -> BriefCache[Any, Any]:
    return BriefCache(size=10_000, seconds=seconds)


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
    """The sandbox that a call is in."""

    view: SandboxView
    hands: SandboxHands


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
