"""By what purchases are priced and checked, as a process of the gateway keeps it.

Prices and campaigns of all merchants are read at once, and again when the database says that they
have another edition, which is asked twice a second (``network/database/editions.py``). What was
read is believed for a second: while one thread asks, the others go on with what there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from threading import Lock
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway.caches import BriefCache
from merchant_gateway.errors import FieldError, InvalidRequestError
from network.campaigns import book as campaign_book
from network.campaigns import queries as campaigns
from network.campaigns.book import CampaignBook
from network.database.connection import DatabaseUnavailableError
from network.database.driver import Direct
from network.database.editions import Editions, editions
from network.errors import UnavailableError
from network.ledger.values import GrantKind
from network.merchants import queries as merchants
from network.merchants.named_places import NamedPlace, listed_tills, named_place
from network.merchants.queries import NoAgreementError
from network.programme import price_book
from network.programme import queries as programme
from network.programme.campaigns import Campaign
from network.programme.plain_pricing import PlainPricing
from network.programme.price_book import Agreed, PriceBook
from network.programme.queries import NoEarningTermsError, NoFaceValueError
from network.programme.rules import EarningTerms
from network.second_factor.threshold import threshold_at
from network.services import Services

ASKED_SECONDS = 0.5
"""So often a process asks whether anything has changed."""

BELIEVED_SECONDS = 1.0
"""What is older than this prices nothing: who meets it waits for whoever asks."""

WAITED_SECONDS = 5.0
"""So long a thread waits for another that reads; then the database is silent for this one, too."""

LEFT_SECONDS = 2.0
"""What is left of campaigns' budgets is read so often; the ledger has the last word on it."""

REACHES_BACK = timedelta(days=31)
"""Purchases so much older than the open day are priced by the books; older ones are looked up."""

_MOST = 10_000
"""Values of each kind that are kept beside the books."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PlainTerms:
    """How plain purchases are priced, and what the grants of all of them have in common."""

    pricing: PlainPricing
    kind: GrantKind


def _cache() -> BriefCache[Any, Any]:
    return BriefCache(size=_MOST, seconds=float("inf"))


@dataclass(frozen=True, slots=True)
class _Prices:
    """The book of an edition, and what was made of it."""

    edition: str
    book: PriceBook
    earning: BriefCache[tuple[UUID, date], EarningTerms] = field(default_factory=_cache)
    agreements: BriefCache[tuple[UUID, date], Agreed] = field(default_factory=_cache)
    plain: BriefCache[tuple[UUID, date, date], PlainTerms] = field(default_factory=_cache)


@dataclass(frozen=True, slots=True)
class _Campaigns:
    """The book of an edition and an open day, and when what is left was read."""

    edition: tuple[str, date | None]
    book: CampaignBook
    read_at: float
    earlier: BriefCache[tuple[UUID, date], tuple[Campaign, ...]] = field(default_factory=_cache)


@dataclass(frozen=True, slots=True)
class _Places:
    """Stores and tills of an edition, each read where it is first named."""

    edition: str
    stores: BriefCache[tuple[UUID, str], UUID] = field(default_factory=_cache)
    tills: BriefCache[UUID, frozenset[str] | None] = field(default_factory=_cache)


@dataclass(frozen=True, slots=True)
class _Kept:
    """All of it, as it was or later than at a moment of the monotonic clock."""

    asked_at: float
    prices: _Prices
    campaigns: _Campaigns
    places: _Places


class Terms:
    """Agreements, earning terms, face values, stores, tills and campaigns, as they are now."""

    def __init__(
        self,
        services: Services,
        *,
        asked_seconds: float = ASKED_SECONDS,
        believed_seconds: float = BELIEVED_SECONDS,
    ) -> None:
        self._database = services.database
        self._settings = services.settings
        self._asked_seconds = asked_seconds
        self._believed_seconds = believed_seconds
        self._kept: _Kept | None = None
        self._asking = Lock()
        self._failed_at = float("-inf")

    def earning(self, *, merchant_id: UUID, day: date) -> EarningTerms:
        """Return the merchant's earning terms in force on ``day``; raises NoEarningTermsError."""
        return self._by(lambda prices: self._earning(prices, merchant_id, day))

    def agreement(self, *, merchant_id: UUID, day: date) -> Agreed:
        """Return the merchant's agreement in force on ``day``; raises NoAgreementError."""
        return self._by(lambda prices: self._agreement(prices, merchant_id, day))

    def plain(self, *, merchant_id: UUID, bought: date, day: date) -> PlainTerms:
        """Return by what purchases of the day ``bought`` earn where no campaign runs, on ``day``.

        Raises NoEarningTermsError and NoAgreementError.
        """

        def load(prices: _Prices) -> PlainTerms:
            own = self._earning(prices, merchant_id, bought)
            agreed = self._agreement(prices, merchant_id, day)
            pricing = PlainPricing(terms=own, day=day)
            kind = GrantKind(
                issuer_id=merchant_id,
                terms_id=agreed.agreement_id,
                price=agreed.issue_price,
                active_from=pricing.active_from,
                expires_on=pricing.expires_on,
            )
            return PlainTerms(pricing, kind)

        key = (merchant_id, bought, day)
        return self._by(lambda prices: prices.plain.get(key, lambda: load(prices)))

    def campaigns(self, *, merchant_id: UUID, day: date) -> tuple[Campaign, ...]:
        """Return the campaigns for purchases that were made here on ``day``.

        What one has left, and that it runs, the ledger checks again; both only ever fall short.
        """
        kept = self._now().campaigns
        if day >= kept.book.first_day:
            return kept.book.at(merchant_id=merchant_id, day=day)

        def load(session: Session) -> tuple[Campaign, ...]:
            return campaigns.running(session, merchant_id=merchant_id, day=day)

        return kept.earlier.get((merchant_id, day), lambda: self._read(load))

    def face_value(self, *, day: date) -> Fraction:
        """Return rials per point on ``day``; raises NoFaceValueError."""
        return self._by(lambda prices: prices.book.face_value_on(day=day))

    def face_values(self, *, day: date) -> Callable[[date], Fraction]:
        """Return rials per point by day, up to ``day``; raises NoFaceValueError.

        What is returned answers from memory: nobody waits for it, as none may who holds a lock.
        """

        def look(prices: _Prices) -> PriceBook:
            prices.book.face_value_on(day=day)
            return prices.book

        book = self._by(look)
        return lambda earlier: book.face_value_on(day=earlier)

    def ask_above(self, *, day: date) -> int:
        """Return above how many points a member proves themselves on ``day``."""
        return threshold_at(self._settings, lambda: self.face_value(day=day))

    def store(self, *, merchant_id: UUID, code: str | None) -> UUID | None:
        """Return the id of a store by its code; raises InvalidRequestError naming the field."""
        if code is None:
            return None
        places = self._now().places

        def load() -> UUID:
            found = self._place(merchant_id, code)
            if found is None:
                raise InvalidRequestError([FieldError("/store", "unknown_store")])
            if found.closed:
                raise InvalidRequestError([FieldError("/store", "closed_store")])
            places.tills.put(found.store_id, found.tills)
            return found.store_id

        return places.stores.get((merchant_id, code), load)

    def check_terminal(self, *, store_id: UUID | None, code: str | None) -> None:
        """Refuse a till that is not on the list of a store that has one.

        Raises InvalidRequestError naming the field.
        """
        if store_id is None or code is None:
            return
        listed = self._now().places.tills.get(store_id, lambda: self._tills(store_id))
        if listed is not None and code not in listed:
            raise InvalidRequestError([FieldError("/terminal", "unknown_terminal")])

    def _by(self, look: Callable[[_Prices], T]) -> T:
        """Return what prices say; nobody is refused for want of one that has just begun to be."""
        prices = self._now().prices
        try:
            return look(prices)
        except (NoEarningTermsError, NoAgreementError, NoFaceValueError):
            newer = self._since(monotonic()).prices
            if newer is prices:
                raise
            return look(newer)

    def _earning(self, prices: _Prices, merchant_id: UUID, day: date) -> EarningTerms:
        def load() -> EarningTerms:
            found = prices.book.terms_on(merchant_id=merchant_id, day=day)
            if found is not None:
                return found
            return self._read(
                lambda session: programme.terms_on(session, merchant_id=merchant_id, day=day)
            )

        return prices.earning.get((merchant_id, day), load)

    def _agreement(self, prices: _Prices, merchant_id: UUID, day: date) -> Agreed:
        def load() -> Agreed:
            found = prices.book.agreement_on(merchant_id=merchant_id, day=day)
            if found is not None:
                return found
            whole = self._read(
                lambda session: merchants.agreement_on(session, merchant_id=merchant_id, day=day)
            )
            return Agreed(whole.agreement_id, whole.issue_price)

        return prices.agreements.get((merchant_id, day), load)

    def _place(self, merchant_id: UUID, code: str) -> NamedPlace | None:
        with self._database.direct() as connection:
            return named_place(connection, merchant_id=merchant_id, code=code)

    def _tills(self, store_id: UUID) -> frozenset[str] | None:
        with self._database.direct() as connection:
            return listed_tills(connection, store_id=store_id)

    def _now(self) -> _Kept:
        """Return what is kept, asked for within a second; raises UnavailableError."""
        kept = self._kept
        if kept is not None:
            age = monotonic() - kept.asked_at
            if age < self._asked_seconds:
                return kept
            if age < self._believed_seconds and not self._asking.acquire(blocking=False):
                return kept
            if age < self._believed_seconds:
                return self._ask(monotonic() - self._asked_seconds)
        return self._since(monotonic() - self._asked_seconds)

    def _since(self, moment: float) -> _Kept:
        """Return what was asked for after a moment, waiting for whoever asks meanwhile."""
        if not self._asking.acquire(timeout=WAITED_SECONDS):
            raise DatabaseUnavailableError("prices are not known: the database does not answer")
        return self._ask(moment)

    def _ask(self, since: float) -> _Kept:
        """Ask whether anything has changed, unless another just did, and let others ask again."""
        try:
            kept = self._kept
            if kept is None or kept.asked_at <= since:
                if monotonic() - self._failed_at < self._asked_seconds:
                    # Who waited while another asked in vain does not ask for as long again.
                    raise DatabaseUnavailableError("prices are not known: nobody could read them")
                with self._database.direct() as connection:
                    kept = self._kept = _asked(connection, kept)
        except UnavailableError:
            self._failed_at = monotonic()
            raise
        else:
            return kept
        finally:
            self._asking.release()

    def prepare(self) -> None:
        """Read everything before a request waits for it; raises UnavailableError."""
        self._now()

    def _read(self, load: Callable[[Session], T]) -> T:
        with self._database.glance() as session:
            return load(session)


def _asked(connection: Direct, kept: _Kept | None) -> _Kept:
    """Return what is kept with what has changed read anew."""
    asked_at = monotonic()
    now = editions(connection)
    return _Kept(
        asked_at,
        _prices(connection, None if kept is None else kept.prices, now),
        _campaigns(connection, None if kept is None else kept.campaigns, now),
        _Places(now.places) if kept is None or kept.places.edition != now.places else kept.places,
    )


def _prices(connection: Direct, kept: _Prices | None, now: Editions) -> _Prices:
    if kept is not None and kept.edition == now.prices:
        return kept
    return _Prices(now.prices, price_book.read_book(connection, first_day=_first_day(now)))


def _campaigns(connection: Direct, kept: _Campaigns | None, now: Editions) -> _Campaigns:
    edition, read_at = (now.campaigns, now.open_day), monotonic()
    if kept is None or kept.edition != edition:
        book = campaign_book.read_book(connection, first_day=_first_day(now))
        return _Campaigns(edition, book, read_at)
    if read_at - kept.read_at < LEFT_SECONDS:
        return kept
    return _Campaigns(edition, kept.book.renewed(connection), read_at)


def _first_day(now: Editions) -> date:
    return date.min if now.open_day is None else now.open_day - REACHES_BACK
