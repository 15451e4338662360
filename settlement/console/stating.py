"""A statement taken apart into the obligations behind it, its tax and its payments. Pure.

A statement's lines are the postings behind obligations, so its sums by kind are sums of
obligations, to the last unit, and each leads to its own page.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from uuid import UUID

from network.clearing.facts import (
    MARGIN_KINDS,
    MOVED_KINDS,
    VAT_KINDS,
    Direction,
    FaceValue,
    Obligation,
    ObligationView,
    PartyView,
    Totals,
)
from network.clearing.parties import NETWORK_PARTY, Account
from network.clearing.terms import TermsView
from settlement.console import proof
from settlement.console.taxing import OWN, MarginTax

SIDES: tuple[Direction, ...] = ("receivable", "payable", "fee", "vat", "deposit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One obligation as one side of a statement; ``amount`` is signed as the merchant sees it.

    ``counterparty`` is who the merchant reads there: ``None`` for the network and whoever may not
    be named to it.
    """

    side: Direction
    of: ObligationView
    amount: int
    counterparty: PartyView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The obligations of one side and kind with their sums."""

    side: Direction
    kind: str
    lines: tuple[Line, ...]

    @property
    def amount(self) -> int:
        """Return what they come to, signed as the merchant sees it."""
        return sum(each.amount for each in self.lines)

    @property
    def points(self) -> int:
        """Return the points behind them."""
        return sum(each.of.fact.points for each in self.lines)

    @property
    def postings(self) -> int:
        """Return how many lines of the statement they are."""
        return sum(each.of.fact.postings for each in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """One obligation of VAT: what it falls on, at which rate, and who pays it from where.

    ``base`` is in minor units, before rounding; ``None`` where the obligation does not say it.
    ``on`` says how VAT meets the margin; ``None`` for an acceptor's, and where nothing says it.
    """

    of: ObligationView
    from_deposit: bool
    base: Decimal | None
    rate: Decimal | None
    on: MarginTax | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Untaxed:
    """Obligations of points without VAT on a margin, for one and the same reason."""

    why: MarginTax
    of: tuple[ObligationView, ...]


def lines(
    found: Iterable[ObligationView], *, merchant_id: UUID, named: Container[str]
) -> list[Line]:
    """Return a merchant's sides of a window's obligations, in the order of ``SIDES`` and kinds.

    ``named`` has the codes of merchants that may be named to those who may be named themselves.
    """
    sided = [
        Line(
            side=side,
            of=each,
            amount=each.fact.amount * (1 if side == "receivable" else -1),
            counterparty=_told(each, side=side, named=named),
        )
        for each in found
        for side in _sides(each.fact, merchant_id=merchant_id)
    ]
    return sorted(sided, key=lambda each: (SIDES.index(each.side), each.of.fact.kind))


def by_kind(found: Sequence[Line]) -> list[Kind]:
    """Return lines, sorted as ``lines`` gives them, in groups of one side and kind."""
    return [
        Kind(side=side, kind=kind, lines=tuple(group))
        for (side, kind), group in groupby(found, key=lambda each: (each.side, each.of.fact.kind))
    ]


def agree(found: Sequence[Line], *, totals: Totals) -> bool:
    """Return whether obligations come to the statement's sums and to its number of lines."""
    sums = dict.fromkeys(SIDES, 0)
    for each in found:
        sums[each.side] += each.amount
    return (
        sums["receivable"] == totals.receivable
        and sums["payable"] == -totals.payable
        and sums["fee"] + sums["vat"] == -totals.fees
        and sums["vat"] == -totals.vat
        and sums["deposit"] == -totals.deposit_used
        and sum(each.of.fact.postings for each in found) == totals.lines
    )


def taxes(
    found: Iterable[Line], *, terms: Mapping[UUID, TermsView], face_values: Sequence[FaceValue]
) -> list[Tax]:
    """Return the VAT that a merchant pays, from its balance and from its deposit."""
    paid = [each for each in found if each.of.fact.kind in VAT_KINDS and each.side != "receivable"]
    return [_tax(each, terms=terms, face_values=face_values) for each in paid]


def untaxed(
    found: Iterable[Line],
    *,
    merchant_id: UUID,
    terms: Mapping[UUID, TermsView],
    face_values: Sequence[FaceValue],
) -> list[Untaxed]:
    """Return why there is no VAT: on margins that a merchant owes, on points the network funds."""
    reasons: dict[MarginTax, list[ObligationView]] = {}
    for each in found:
        fact = each.of.fact
        why = None
        if fact.kind in MOVED_KINDS and fact.issuer_id == NETWORK_PARTY:
            why = OWN
        elif fact.kind in MARGIN_KINDS and fact.issuer_id == merchant_id:
            reckoned = proof.reckoning(fact, terms=terms, face_values=face_values)
            why = None if reckoned is None else reckoned.margin_tax
        if why is not None and not why.taxed:
            reasons.setdefault(why, []).append(each.of)
    return [Untaxed(why=why, of=tuple(behind)) for why, behind in reasons.items()]


def _told(of: ObligationView, *, side: Direction, named: Container[str]) -> PartyView | None:
    """Return the other party of a line as its merchant may read it (``clearing.naming``)."""
    other, own = (of.payer, of.payee) if side == "receivable" else (of.payee, of.payer)
    same = other.party_id == own.party_id
    return other if same or (other.code in named and own.code in named) else None


def _tax(line: Line, *, terms: Mapping[UUID, TermsView], face_values: Sequence[FaceValue]) -> Tax:
    fact = line.of.fact
    on_margin = fact.kind.removesuffix("_return") == "vat"
    reckoned = proof.reckoning(fact, terms=terms, face_values=face_values) if on_margin else None
    return Tax(
        of=line.of,
        from_deposit=line.side == "deposit",
        base=fact.points * fact.taxed if fact.vat_rate else None,
        rate=fact.vat_rate or None,
        on=None if reckoned is None else reckoned.margin_tax,
    )


def _sides(fact: Obligation, *, merchant_id: UUID) -> list[Direction]:
    """Return where an obligation stands on a statement, as its lines do (``clearing.lines``)."""
    found: list[Direction] = []
    if Account(fact.payee_id, fact.payee_account) == Account(merchant_id, "settlement"):
        found.append("receivable")
    if fact.payer_id == merchant_id:
        if fact.payer_account == "deposit":
            found.append("deposit")
        elif fact.payer_account == "settlement" and fact.payee_account == "vat":
            found.append("vat")
        elif fact.payer_account == "settlement" and fact.payee_account == "margin":
            found.append("fee")
        else:
            found.append("payable")
    return found
