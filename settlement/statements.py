"""Drafts of statements: one pass over a window's lines, memory flat in their number.

A merchant gets a statement for a window in which it had a line or paid into its deposit, or into
which it carried a balance; one that had none of these gets none. What the figures mean, and the
document itself, stand in ``network.clearing.statements``, from where the gateway serves it too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from uuid import UUID

from network.clearing.facts import ReserveView, Totals, WindowView
from network.clearing.line_texts import ENTRY, LineSum, LineText
from network.clearing.parties import clearing_id
from network.clearing.signed_statements import sign_statement
from network.clearing.statements import StatementDigest, entry_namer
from network.clearing.tax_facts import StatedTax
from network.ids import EntryIds
from network.signing.queries import ActiveKey
from settlement.payments.orders import Amounts, Terms
from settlement.reserves import NOBODY_LEAVES, Leaving

_REPORT_EVERY = 5000


@dataclass(slots=True)
class _Account:
    """What one merchant's lines come to."""

    digest: StatementDigest = field(default_factory=StatementDigest)
    receivable: int = 0
    payable: int = 0
    fees: int = 0
    vat: int = 0
    deposit_used: int = 0
    lines: int = 0

    def take(self, found: LineSum) -> None:
        self.lines += found.lines
        if found.direction == "receivable":
            self.receivable += found.share
        elif found.direction == "payable":
            self.payable += found.share
        elif found.direction == "deposit":
            self.deposit_used += found.share
        else:
            self.fees += found.share
            self.vat += found.share if found.direction == "vat" else 0

    def totals(self, *, merchant_id: UUID, currency: str, opening: int, terms: Terms) -> Totals:
        net = self.receivable - self.payable - self.fees
        key = (merchant_id, currency)
        returned = terms.returned.get(key, 0)
        deposit, paid_in = terms.deposits.get(key, 0), terms.paid_in.get(key, 0)
        called = terms.called(deposit + paid_in - self.deposit_used)
        balance = opening + net + returned - called
        paid, carried = terms.due(merchant_id=merchant_id, balance=balance)
        return Totals(
            currency=currency,
            opening=opening,
            receivable=self.receivable,
            payable=self.payable,
            fees=self.fees,
            net=net,
            returned=returned,
            paid=paid,
            closing=balance - paid,
            lines=self.lines,
            carried=carried,
            vat=self.vat,
            called=called,
            deposit_opening=deposit,
            deposit_paid_in=paid_in,
            deposit_used=self.deposit_used,
            deposit_closing=deposit + paid_in - self.deposit_used + called,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A statement before it is published."""

    merchant_id: UUID
    totals: Totals
    digest: bytes
    reserve: ReserveView | None = None
    taxes: tuple[StatedTax, ...] = ()

    def statement_id(self, *, window_id: UUID) -> UUID:
        """Return the statement's id, which follows from the facts."""
        return clearing_id("statement", window_id, self.merchant_id, self.totals.currency)

    def row(self, *, window_id: UUID, seal: bytes, signed: str) -> dict[str, object]:
        """Return the statement as a row of its table."""
        return {
            "statement_id": self.statement_id(window_id=window_id),
            "window_id": window_id,
            "merchant_id": self.merchant_id,
            "digest": self.digest,
            "seal": seal,
            "signed": signed,
            **asdict(self.totals),
        }


def signed_rows(
    drafts: Iterable[Draft],
    *,
    window: WindowView,
    head: bytes,
    codes: Mapping[UUID, str],
    key: ActiveKey,
) -> list[dict[str, object]]:
    """Return drafts as rows to publish, each signed by the network."""
    return [
        draft.row(
            window_id=window.window_id,
            seal=head,
            signed=sign_statement(
                key=key,
                merchant=codes[draft.merchant_id],
                window=window,
                totals=draft.totals,
                digest=draft.digest,
                head=head,
            ),
        )
        for draft in drafts
    ]


def draft_statements(
    *,
    sums: Iterable[LineSum],
    texts: Iterable[LineText],
    openings: Amounts,
    terms: Terms,
    entry_ids: EntryIds,
    report: Callable[[int], None],
    leaving: Leaving = NOBODY_LEAVES,
    taxes: Mapping[tuple[UUID, str], tuple[StatedTax, ...]] = MappingProxyType({}),
) -> dict[tuple[UUID, str], Draft]:
    """Return a draft per merchant and currency; ``report`` is told how many lines were read.

    ``taxes`` are what each pays of VAT, as its statement tells it.
    """
    accounts: defaultdict[tuple[UUID, str], _Account] = defaultdict(_Account)
    for carried in (openings, terms.returned, terms.paid_in):
        for key in carried:
            if carried[key]:
                accounts[key] = _Account()
    for found in sums:
        accounts[found.merchant_id, found.currency].take(found)
    name = entry_namer(entry_ids)
    read = told = 0
    for merchant_id, currency, member_id, sequence, lines, piece in texts:
        accounts[merchant_id, currency].digest.add_written(
            piece.replace(ENTRY, name(member_id, sequence))
        )
        read += lines
        if read - told >= _REPORT_EVERY:
            told = read
            report(read)
    drafts = {}
    for key, account in sorted(accounts.items()):
        totals = account.totals(
            merchant_id=key[0], currency=key[1], opening=openings.get(key, 0), terms=terms
        )
        reserve = leaving.told(merchant_id=key[0], totals=totals)
        stated = taxes.get(key, ())
        drafts[key] = Draft(
            merchant_id=key[0],
            totals=totals,
            digest=account.digest.close(totals, reserve=reserve, taxes=stated),
            reserve=reserve,
            taxes=stated,
        )
    return drafts
