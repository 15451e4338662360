"""From a posting of the points ledger to the obligations that it stands behind. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from network.clearing.facts import OBLIGATION_KINDS, Obligation, ObligationView
from network.clearing.shares import EntryShare
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """An obligation that a posting has a share in; ``share`` is ``None`` where it was not asked."""

    of: ObligationView
    share: EntryShare | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledSum:
    """What all postings of an entry have of obligations of one kind and side: points and units."""

    kind: str
    points: int
    share: int
    currency: str


def settled(
    behind: Mapping[int, Sequence[ObligationView]], *, shares: Iterable[EntryShare]
) -> dict[int, list[Settled]]:
    """Return the obligations behind each line of an entry with the line's share of them."""
    known = {(each.obligation_id, each.line): each for each in shares}
    return {
        line: [Settled(of=each, share=known.get((each.fact.obligation_id, line))) for each in views]
        for line, views in behind.items()
    }


def sums(found: Mapping[int, Sequence[Settled]]) -> list[SettledSum]:
    """Return what an entry's shares come to by kind, in the order of kinds; those asked for."""
    totals: dict[tuple[str, str], tuple[int, int]] = {}
    for each in (each for views in found.values() for each in views):
        if each.share is not None:
            key = (each.of.fact.kind, each.of.fact.currency)
            points, share = totals.get(key, (0, 0))
            totals[key] = (points + each.share.points, share + each.share.share)
    return [
        SettledSum(kind=kind, points=points, share=share, currency=currency)
        for (kind, currency), (points, share) in sorted(
            totals.items(), key=lambda each: OBLIGATION_KINDS.index(each[0][0])
        )
    ]
