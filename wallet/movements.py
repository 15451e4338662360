"""Ledger entries as a member reads them: a title, a sign, and who was involved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from network.clearing.parties import NETWORK_PARTY
from network.language import LazyText, current_locale, gettext
from network.language import lazy_gettext as _l
from network.ledger.views import OWN_ACCOUNTS, EntryView
from network.merchants.queries import MerchantView, StoreView

KIND_GROUPS: Mapping[str, frozenset[str]] = {
    "earned": frozenset({"issuance", "activation"}),
    "spent": frozenset({"authorisation", "capture", "void", "redemption", "release"}),
    "returned": frozenset({"refund_issuance", "refund_redemption"}),
    "expired": frozenset({"expiry"}),
    "other": frozenset(
        {"transfer", "join", "leave", "merge", "extension", "adjustment", "write_off"}
    ),
}
"""What the filter offers, and the ledger's kinds behind each."""

GROUP_WORDS: Mapping[str, LazyText] = {
    "earned": _l("Earned"),
    "spent": _l("Spent"),
    "returned": _l("Returns"),
    "expired": _l("Expired"),
    "other": _l("Gifts and corrections"),
}


@dataclass(frozen=True, slots=True)
class KindWords:
    """How one kind of entry looks."""

    title: LazyText
    icon: str
    moves_inside: bool = False


KINDS: Mapping[str, KindWords] = {
    "issuance": KindWords(_l("Points earned"), "arrow-in"),
    "activation": KindWords(_l("Points became available"), "clock", moves_inside=True),
    "authorisation": KindWords(_l("Points set aside"), "hourglass", moves_inside=True),
    "capture": KindWords(_l("Paid with points"), "arrow-out"),
    "void": KindWords(_l("Payment cancelled"), "return", moves_inside=True),
    "redemption": KindWords(_l("Paid with points"), "arrow-out"),
    "refund_issuance": KindWords(_l("Taken back after a return"), "return"),
    "refund_redemption": KindWords(_l("Points given back"), "return"),
    "expiry": KindWords(_l("Points expired"), "hourglass"),
    "release": KindWords(_l("Set-aside points released"), "return", moves_inside=True),
    "transfer": KindWords(_l("Gift of points"), "arrow-out"),
    "join": KindWords(_l("Joined a shared wallet"), "arrow-out"),
    "leave": KindWords(_l("Left a shared wallet"), "arrow-in"),
    "merge": KindWords(_l("Two wallets became one"), "arrow-in"),
    "extension": KindWords(_l("Points live longer"), "clock", moves_inside=True),
    "adjustment": KindWords(_l("Correction"), "return"),
    "write_off": KindWords(_l("Debt forgiven"), "return"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One entry with the words around it; ``points`` is signed unless it only ``moves_inside``.

    ``who`` names the person in a shared wallet, and is empty in a wallet of one's own.
    """

    entry: EntryView
    public_id: str
    title: str
    icon: str
    points: int
    moves_inside: bool
    merchant: MerchantView | None
    store: StoreView | None
    who: str = ""

    @property
    def tone(self) -> str:
        """Return how the figure is coloured."""
        if self.moves_inside or self.points == 0:
            return "nil"
        return "positive" if self.points > 0 else "negative"


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Merchants and stores by their keys, to put names to entries."""

    merchants: Mapping[UUID, MerchantView]
    stores: Mapping[UUID, StoreView]

    @classmethod
    def of(cls, merchants: Iterable[MerchantView], stores: Iterable[StoreView]) -> Directory:
        """Index what the queries returned."""
        return cls(
            merchants={merchant.merchant_id: merchant for merchant in merchants},
            stores={store.store_id: store for store in stores},
        )

    def merchant_name(self, merchant_id: UUID | None) -> str:
        """Return a merchant's name in the reader's language, empty where it is unknown."""
        if merchant_id == NETWORK_PARTY:
            return gettext("The network")
        found = self.merchants.get(merchant_id) if merchant_id else None
        return found.name(current_locale()) if found else ""


def movement(entry: EntryView, *, public_id: str, directory: Directory, who: str = "") -> Movement:
    """Return an entry as a member reads it."""
    words = KINDS[entry.kind]
    return Movement(
        entry=entry,
        public_id=public_id,
        title=str(words.title),
        icon=words.icon,
        points=moved(entry) if words.moves_inside else entry.gain,
        moves_inside=words.moves_inside,
        merchant=directory.merchants.get(entry.merchant_id) if entry.merchant_id else None,
        store=directory.stores.get(entry.store_id) if entry.store_id else None,
        who=who,
    )


def moved(entry: EntryView) -> int:
    """Return how many points changed their state inside the wallet."""
    return sum(
        posting.points
        for posting in entry.postings
        if posting.account in OWN_ACCOUNTS and posting.points > 0
    )
