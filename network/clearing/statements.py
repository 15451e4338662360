"""A merchant's statement as a document: canonical JSON with its digest, and CSV.

The balance is what the network and the merchant owe each other and have not paid: above zero the
merchant gets it, below it pays. opening + net + returned − called − paid = closing, and the closing
balance is the next opening. A balance that can be paid is instructed with the statement that it
stands on, so that statement closes at zero; what the bank sends back stands on the next one as
``returned``.
``carried`` says why a balance was not paid: no account, not its settlement day, below its minimum,
or an issuer that was stopped because it does not pay.

Amounts of lines are signed as the merchant sees them: what it is owed above zero, what it owes
below; they add up to ``net``, but for those that its deposit paid (``deposit``), which add up to
``deposit_used``: what the deposit lacked is ``called`` from the balance. VAT has lines of its own
(``vat``) and stands among the fees. Figures of VAT and of a deposit stand in a statement only if
one of them is not zero. A counterparty is named by its code only where both agreements in force on
the window's last day allow it (``naming``). Else it is the network, as for all that the network
itself gets and pays; for its own points in its own shop it is the merchant itself. A merchant that
leaves also reads what the network holds of it (``reserve``), and by which month that comes free at
the latest; one that pays VAT reads on what and at which rate (``taxes``): fee per point × rate is
the price of its lines, points × fee the base.
``digest`` is the SHA-256 of ``{"lines": …, "reserve": …, "taxes": …, "totals": …}`` in the form of
RFC 8785, ``reserve`` and ``taxes`` only where they are told; seal, times and what the network
``signed`` over it (``signed_statements``) stand outside that form.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Any
from uuid import UUID

from network.clearing.facts import (
    ReserveView,
    StatementLine,
    StatementView,
    Totals,
    WindowView,
)
from network.clearing.parties import NETWORK_NAME
from network.clearing.tax_facts import StatedTax
from network.ids import EntryIds, encode
from network.language.spreadsheets import guarded
from network.language.spreadsheets import line as csv_line
from network.signing.queries import LIVE

_COLUMNS = (
    "record",
    "entry",
    "merchant_ref",
    "kind",
    "direction",
    "counterparty",
    "points",
    "price",
    "amount",
    "currency",
    "tax_base",
    "tax_rate",
)
_CANONICAL = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
)
_NAMES_KEPT = 256
_FIGURES = ("points", "price", "amount", "tax_base", "tax_rate")
_TOLD_SOMETIMES = ("reserve", "taxes")
_TOTALS = (
    "opening",
    "receivable",
    "payable",
    "fees",
    "vat",
    "net",
    "returned",
    "called",
    "paid",
    "closing",
    "deposit_opening",
    "deposit_paid_in",
    "deposit_used",
    "deposit_closing",
)
_RARE = {
    "vat": ("vat",),
    "deposit": ("called", "deposit_opening", "deposit_paid_in", "deposit_used", "deposit_closing"),
}
"""Totals that most merchants have nothing to do with."""


def canonical(value: object) -> bytes:
    """Return the one JSON form of ``value``: RFC 8785 for objects of strings and whole numbers."""
    return _CANONICAL.encode(value).encode()


def entry_namer(entry_ids: EntryIds) -> Callable[[UUID, int], str]:
    """Return a function from an entry's member and sequence to its public id.

    It remembers the last few: the lines of one entry follow each other.
    """

    @lru_cache(maxsize=_NAMES_KEPT)
    def name(member_id: UUID, sequence: int) -> str:
        return entry_ids.encode(prefix="ent", member_id=member_id, sequence=sequence)

    return name


def line_record(line: StatementLine, *, name: Callable[[UUID, int], str]) -> dict[str, Any]:
    """Return a statement line as its merchant may see it."""
    return {
        "amount": line.share if line.direction == "receivable" else -line.share,
        "counterparty": line.counterparty or NETWORK_NAME,
        "direction": line.direction,
        "entry": name(line.member_id, line.sequence),
        "kind": line.kind,
        "merchant_ref": line.merchant_ref,
        "points": line.points,
        "price": plain(line.price),
    }


def totals_record(totals: Totals) -> dict[str, Any]:
    """Return a statement's totals: amounts in minor units, and how many lines there are."""
    return {
        name: getattr(totals, name) for name in ("currency", "lines", "carried", *sum_names(totals))
    }


def sum_names(totals: Totals) -> tuple[str, ...]:
    """Return the sums that a statement tells, in the order in which a person reads them.

    Those of VAT and of a deposit are left out where all of them are zero.
    """
    untold = {
        name
        for names in _RARE.values()
        if not any(getattr(totals, name) for name in names)
        for name in names
    }
    return tuple(name for name in _TOTALS if name not in untold)


@lru_cache(maxsize=_NAMES_KEPT)
def plain(price: Decimal) -> str:
    """Return a price without exponent and trailing zeros."""
    text = f"{price:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class StatementDigest:
    """SHA-256 over lines, reserve and totals in canonical form, fed line by line."""

    def __init__(self) -> None:
        self._hash = sha256(b'{"lines":[')
        self._empty = True

    def add_written(self, lines: str) -> None:
        """Take the next lines: records in canonical form, with commas between."""
        self._hash.update(lines.encode() if self._empty else b"," + lines.encode())
        self._empty = False

    def close(
        self,
        totals: Totals,
        *,
        reserve: ReserveView | None = None,
        taxes: Sequence[StatedTax] = (),
    ) -> bytes:
        """Take what a leaving merchant is told, VAT and totals; return the digest (32 bytes)."""
        self._hash.update(b"]")
        if reserve is not None:
            self._hash.update(b',"reserve":' + canonical(reserve_record(reserve)))
        if taxes:
            self._hash.update(b',"taxes":' + canonical(tax_records(taxes)))
        self._hash.update(b',"totals":' + canonical(totals_record(totals)) + b"}")
        return self._hash.digest()


def hashed_form(document: Mapping[str, Any]) -> bytes:
    """Return what a statement's digest is taken of, from the statement as JSON.

    Raises KeyError where it is no statement.
    """
    kept = {"lines": document["lines"], "totals": document["totals"]}
    return canonical(kept | {name: document[name] for name in _TOLD_SOMETIMES if name in document})


def statement_json(
    statement: StatementView,
    *,
    lines: Iterable[StatementLine],
    entry_ids: EntryIds,
    environment: str = LIVE,
) -> Iterator[bytes]:
    """Yield the statement as one canonical JSON document, without holding its lines.

    ``environment`` is ``test`` for a sandbox's.
    """
    name = entry_namer(entry_ids)
    head, tail = json_frame(statement, environment=environment)
    yield head
    between = b""
    for line in lines:
        yield between + canonical(line_record(line, name=name))
        between = b","
    yield tail


def json_frame(statement: StatementView, *, environment: str = LIVE) -> tuple[bytes, bytes]:
    """Return what stands before and behind the lines of a statement as JSON."""
    head = b'{"digest":' + canonical(f"sha-256:{statement.digest.hex()}")
    head += b',"environment":' + canonical(environment) + b',"lines":['
    tail = b'],"merchant":' + canonical(statement.merchant.code)
    if statement.reserve is not None:
        tail += b',"reserve":' + canonical(reserve_record(statement.reserve))
    tail += b',"seal":' + canonical(seal_record(statement))
    tail += b',"signed":' + canonical(statement.signed)
    if statement.taxes:
        tail += b',"taxes":' + canonical(tax_records(statement.taxes))
    tail += b',"totals":' + canonical(totals_record(statement.totals))
    return head, tail + b',"window":' + canonical(window_record(statement.window)) + b"}"


def statement_csv(
    statement: StatementView,
    *,
    lines: Iterable[StatementLine],
    entry_ids: EntryIds,
    environment: str = LIVE,
) -> Iterator[bytes]:
    """Yield the statement as CSV (RFC 4180, UTF-8): a header, the lines, then the totals.

    ``record`` says what a row is. Text that a spreadsheet would read as a formula begins with an
    apostrophe. The last rows carry environment, window, digest, seal and signature in the column
    ``entry``.
    """
    currency = statement.totals.currency
    namer = entry_namer(entry_ids)
    head, tail = csv_frame(statement, environment=environment)
    yield head
    for line in lines:
        record = line_record(line, name=namer)
        yield csv_record(record, currency=currency)
    yield tail


def csv_frame(statement: StatementView, *, environment: str = LIVE) -> tuple[bytes, bytes]:
    """Return the header and the rows behind the lines of a statement as CSV."""
    totals = statement.totals
    rows: list[dict[str, Any]] = [
        {"record": name, "amount": getattr(totals, name), "currency": totals.currency}
        for name in sum_names(totals)
    ]
    if totals.carried is not None:
        rows.append({"record": "carried", "entry": totals.carried})
    rows += [{"currency": totals.currency} | row for row in _tax_rows(statement.taxes)]
    rows += [{"currency": totals.currency} | row for row in _reserve_rows(statement.reserve)]
    rows += [
        {"record": "environment", "entry": environment},
        {"record": "window", "entry": encode("win", statement.window.window_id)},
        {"record": "digest", "entry": f"sha-256:{statement.digest.hex()}"},
        {"record": "seal", "entry": statement.seal_head.hex()},
        {"record": "signed", "entry": statement.signed},
    ]
    return csv_line(_COLUMNS), b"".join(map(_cells, rows))


def csv_record(record: dict[str, Any], *, currency: str) -> bytes:
    """Return a line's record as a row of CSV."""
    return _cells({"record": "line", "currency": currency} | record)


def csv_reference(merchant_ref: str | None) -> str:
    """Return a merchant's reference as a cell among others of a row of CSV."""
    return csv_line([guarded(merchant_ref)]).decode().removesuffix("\r\n") if merchant_ref else ""


def seal_record(statement: StatementView) -> dict[str, Any]:
    """Return the seal of the window's last day: the chain's head, and who signed it."""
    record: dict[str, Any] = {"head": statement.seal_head.hex()}
    if statement.seal is not None:
        signature = urlsafe_b64encode(statement.seal.signature).decode().rstrip("=")
        record |= {
            "business_date": statement.seal.business_date.isoformat(),
            "key": statement.seal.key_id,
            "signature": signature,
        }
    return record


def reserve_record(reserve: ReserveView) -> dict[str, Any]:
    """Return what the network holds of a merchant that leaves, and by when it comes free."""
    return {
        "deposit": reserve.deposit,
        "points": reserve.points,
        "release": [
            {
                "frees": each.frees,
                "month": f"{each.month:%Y-%m}",
                "points": each.points,
                "stays": each.stays,
            }
            for each in reserve.months
        ],
        "reserve": reserve.reserve,
    }


def tax_records(taxes: Iterable[StatedTax]) -> list[dict[str, Any]]:
    """Return the VAT that a statement tells; amounts are signed as those of its lines."""
    return [
        {
            "amount": -each.amount,
            "base": plain(each.base),
            "direction": each.direction,
            "fee": plain(each.fee),
            "kind": each.kind,
            "points": each.points,
            "price": plain(each.price),
            "rate": plain(each.rate),
        }
        for each in taxes
    ]


def _tax_rows(taxes: Iterable[StatedTax]) -> Iterator[dict[str, Any]]:
    for each in tax_records(taxes):
        record = {name: each[name] for name in _COLUMNS if name in each}
        yield record | {"record": "tax", "tax_base": each["base"], "tax_rate": each["rate"]}


def _reserve_rows(reserve: ReserveView | None) -> Iterator[dict[str, Any]]:
    if reserve is None:
        return
    yield {"record": "cover_deposit", "amount": reserve.deposit}
    yield {"record": "cover_reserve", "amount": reserve.reserve, "points": reserve.points}
    for each in reserve.months:
        month = f"{each.month:%Y-%m}"
        yield {"record": "release", "entry": month, "points": each.points, "amount": each.frees}


def window_record(window: WindowView) -> dict[str, Any]:
    """Return a window: its id and its business days [first_day, end_day)."""
    return {
        "end_day": window.end_day.isoformat(),
        "first_day": window.first_day.isoformat(),
        "id": encode("win", window.window_id),
    }


def _cells(record: dict[str, Any]) -> bytes:
    return csv_line([_cell(name, record.get(name)) for name in _COLUMNS])


def _cell(column: str, value: object) -> str:
    text = "" if value is None else str(value)
    # Figures are ours and may begin with a minus; text may come from anybody.
    return text if column in _FIGURES else guarded(text)
