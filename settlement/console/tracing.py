"""From a posting of the points ledger to the obligations that it stands behind. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from network.clearing.facts import Obligation, ObligationView
from network.ledger.views import PostingView

_ACCOUNTS = {
    "issuance": "issuance",
    "clawback": "clawback",
    "expiry": "expiry",
    "adjustment_up": "adjustment",
    "adjustment_down": "adjustment",
}
"""What kinds that nobody accepts say of their postings; every other kind stands on a redemption."""


def pair_of(posting: PostingView) -> tuple[UUID, UUID]:
    """Return issuer and acceptor of the obligations that a posting can have a share in."""
    return posting.issuer_id, posting.acceptor_id or posting.issuer_id


def obligations_of(
    posting: PostingView, *, found: Iterable[ObligationView]
) -> list[ObligationView]:
    """Return a window's obligations that a posting has a share in, as ``clearing.lines`` spreads.

    Those are the price to the acceptor, the margin and its VAT of a redemption; what moves the
    pool for points on issue; and none where no money follows the posting.
    """
    return [each for each in found if _stands_behind(posting, each.fact)]


def _stands_behind(posting: PostingView, fact: Obligation) -> bool:
    account = _ACCOUNTS.get(fact.kind, "redemption")
    negative = fact.kind in {"issuance", "adjustment_up"} or fact.points < 0
    return (
        fact.kind != "rounding"
        and posting.account == account
        and pair_of(posting) == (fact.issuer_id, fact.acceptor_id)
        and posting.terms_id == fact.terms_id
        and (posting.points < 0) == negative
        and (account != "redemption" or posting.priced_on in fact.priced_on)
    )
