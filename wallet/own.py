"""Which wallet a member's pages are about: their own, or the one they share with others."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from network.ledger import queries as ledger
from network.ledger import shared_wallets
from network.ledger.shared_wallets import Stay
from network.ledger.views import WalletView
from wallet import access


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the member's points are; ``stay`` is their place there where others share it."""

    wallet_id: UUID
    stay: Stay | None

    @property
    def first(self) -> int | None:
        """Return the first entry there that is the member's to see: the one of their joining."""
        return None if self.stay is None else self.stay.sequence

    def shows(self, *, wallet_id: UUID, sequence: int) -> bool:
        """Return whether an entry is one of the member's own wallet, or of the shared one since."""
        if wallet_id == access.member().member_id:
            return True
        return wallet_id == self.wallet_id and (self.first is None or sequence >= self.first)


def place(session: Session) -> Place:
    """Return where the points of the member who is signed in are."""
    member_id = access.member().member_id
    home = shared_wallets.home(session, member_id=member_id)
    stay = None
    if home != member_id:
        person = shared_wallets.person(session, member_id=member_id)
        stay = shared_wallets.stay(session, member_id=person)
    return Place(wallet_id=home, stay=stay)


def wallet_of(session: Session, where: Place) -> WalletView | None:
    """Return the wallet as its member may use it: with their own lock, as their limit leaves it."""
    found = ledger.wallet(session, member_id=where.wallet_id, now=access.now(), wall=access.wall())
    if found is None:
        return None
    return shared_wallets.seen_by(session, found, member_id=access.member().member_id)
