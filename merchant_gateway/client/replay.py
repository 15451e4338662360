"""A merchant's replay: its own record against the network's statement, with code of its own.

Three things are compared, and nothing of the network's code is used:

* every entry that the network says the merchant made, against the signed answers in the journal,
  and every answer in the journal against what the network says (``entries``);
* every line of the statement that stands for an entry of the merchant's own, against the same
  answers (``lines``); lines for what others did with its points are the network's signed word;
* every sum, the price of every line, the opening balance, the digest, the seal and what the
  network signed of the statement (``sums``).

An entry has one id under several prefixes (``ern_x``, ``ent_x``): what follows is compared.
"""

from __future__ import annotations

import base64
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any

from merchant_gateway.client.errors import JournalError, UntrustedAnswerError
from merchant_gateway.client.journal import Record
from merchant_gateway.client.statement_proof import (
    StatementProofError,
    check_statement,
    hashed_form,
)
from merchant_gateway.client.statement_taxes import check_taxes
from merchant_gateway.signing import Ed25519VerifyingKey

_SEAL_TAG = b"peyvand.seal.v1\n"
_NO_PATH_ID = r"[^/]+"
# Which kind of entry a call makes, and whether its answer carries that entry's own id.
_CALLS: tuple[tuple[re.Pattern[str], str, bool], ...] = (
    (re.compile(r"/v1/earnings"), "issuance", True),
    (re.compile(r"/v1/redemptions"), "redemption", True),
    (re.compile(rf"/v1/earnings/{_NO_PATH_ID}/refunds"), "refund_issuance", True),
    (re.compile(rf"/v1/redemptions/{_NO_PATH_ID}/refunds"), "refund_redemption", True),
    (re.compile(rf"/v1/redemptions/{_NO_PATH_ID}/capture"), "capture", False),
)
_BATCH_KINDS = {
    "earn": "issuance",
    "redeem": "redemption",
    "refund_earn": "refund_issuance",
    "refund_redeem": "refund_redemption",
}
_SETTLED_KINDS = {"redemption": 1, "capture": 1, "refund_redemption": -1}
"""Kinds of entries whose points stand on a statement, and the sign with which they do."""

_COMPARED = frozenset({*_BATCH_KINDS.values(), "capture", "authorisation"})
_TAKEN = frozenset({"redemption", "redeposit"})
"""Kinds of lines for what an acceptor took and gave back."""

_PRICED = _TAKEN.union(
    ("margin", "margin_return", "issuance", "clawback", "adjustment_up", "adjustment_down"),
    ("expiry",),
)
"""Kinds of lines whose amount is points × price; tax has a rate of its own."""

_SHARE_SLACK = Decimal("1.5")
"""An obligation is rounded by half a unit, its share on a line by less than one more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that does not agree; ``code`` is stable, ``subject`` an entry, a line or a sum."""

    code: str
    subject: str
    recorded: str | None = None
    stated: str | None = None


@dataclass(slots=True, kw_only=True)
class Replay:
    """What a replay came to. It agrees where there is no finding."""

    settlement: str
    first_day: str
    end_day: str
    digest: str
    entries: int = 0
    lines: int = 0
    own_lines: int = 0
    net: int = 0
    closing: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Return whether record and statement agree in everything."""
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        """Return the replay as an object."""
        return {"agrees": self.agrees, **asdict(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    """What a signed answer says that a call of ours moved; ``entry`` without its prefix."""

    kind: str
    entry: str | None
    merchant_ref: str | None
    points: int
    day: str

    @property
    def name(self) -> str:
        return self.entry or f"{self.kind} {self.merchant_ref or ''}".strip()


def replay(
    statement: Mapping[str, Any],
    *,
    records: Iterable[Record],
    transactions: Iterable[Mapping[str, Any]],
    keys: Mapping[str, Ed25519VerifyingKey],
    previous: Mapping[str, Any] | None,
) -> Replay:
    """Compare a statement with the journal's ``records`` and return what does not agree.

    ``transactions`` are the merchant's entries of the window's days as the network lists them,
    ``keys`` the network's published ones by id, ``previous`` the totals of the statement before
    (``None`` for the first: it must open at zero). Memory grows with the window's own entries.
    """
    window, totals = statement["window"], statement["totals"]
    found = Replay(
        settlement=window["id"],
        first_day=window["first_day"],
        end_day=window["end_day"],
        digest=statement["digest"],
        lines=len(statement["lines"]),
        net=totals["net"],
        closing=totals["closing"],
    )
    moves = _moves(records, keys=keys, window=window, found=found)
    found.entries = len(moves)
    listed = [each for each in transactions if each["kind"] in _COMPARED]
    captures = _match(moves, listed, found)
    _own_lines(statement["lines"], moves, captures, found)
    _sums(statement, previous, found)
    _seal(statement["seal"], keys, found)
    _signed(statement, keys, found)
    return found


def _moves(
    records: Iterable[Record],
    *,
    keys: Mapping[str, Ed25519VerifyingKey],
    window: Mapping[str, Any],
    found: Replay,
) -> list[_Move]:
    """Return what the window's signed answers say; the same answer twice counts once."""
    moves: dict[object, _Move] = {}
    for record in records:
        inside = [
            each for each in _told(record) if window["first_day"] <= each.day < window["end_day"]
        ]
        if not inside:
            continue
        try:
            record.believe(keys)
        except UntrustedAnswerError as error:
            found.findings += [
                Finding(code="answer_not_signed", subject=each.name, recorded=str(error))
                for each in inside
            ]
            continue
        for move in inside:
            again = moves.setdefault(move.entry or (record.path, record.idempotency_key), move)
            if again != move:
                found.findings.append(
                    Finding(
                        code="answers_differ",
                        subject=move.name,
                        recorded=str(again.points),
                        stated=str(move.points),
                    )
                )
    return list(moves.values())


def _told(record: Record) -> Iterator[_Move]:
    """Yield the movements that an answer tells of."""
    data = record.data()
    if record.method == "GET":
        for item in data.get("items", []):
            if item.get("status") != "refused" and item.get("type") in _BATCH_KINDS:
                yield _move(_BATCH_KINDS[item["type"]], item, item.get("merchant_ref"), own_id=True)
        return
    for path, kind, own_id in _CALLS:
        if path.fullmatch(record.path):
            held = kind == "redemption" and data.get("state") == "authorised"
            ref = _reference(record)
            yield _move("authorisation" if held else kind, data, ref, own_id=own_id)


def _reference(record: Record) -> str | None:
    found = re.search(r'"merchant_ref":"((?:[^"\\]|\\.)*)"', record.body.decode())
    return None if found is None else found.group(1) or None


def _move(kind: str, data: Mapping[str, Any], ref: str | None, *, own_id: bool) -> _Move:
    try:
        return _Move(
            kind=kind,
            entry=_bare(data["id"]) if own_id else None,
            merchant_ref=ref,
            points=int(data["points"]) + int(data.get("debt", 0)),
            day=data["business_date"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise JournalError("an answer in the journal lacks its id, points or day") from error


def _match(
    moves: Iterable[_Move], listed: Iterable[Mapping[str, Any]], found: Replay
) -> dict[str, _Move]:
    """Compare our moves with the network's list; return captures by the entry they turned out as.

    A capture's answer names the redemption, so its entry is found by day, reference and points.
    """
    by_entry = {each.entry: each for each in moves if each.entry is not None}
    captures: defaultdict[tuple[str, int], list[_Move]] = defaultdict(list)
    for each in moves:
        if each.entry is None:
            captures[each.day, each.points].append(each)
    matched: dict[str, _Move] = {}
    for entry in listed:
        name = _bare(entry["id"])
        if entry["kind"] == "capture":
            move = _take(captures[entry["business_date"], entry["points"]], entry["merchant_ref"])
            if move is not None:
                matched[name] = move
        else:
            move = by_entry.pop(name, None)
        if move is None:
            found.findings.append(
                Finding(
                    code="not_in_journal",
                    subject=str(entry["id"]),
                    stated=f"{entry['kind']} of {entry['points']} points",
                )
            )
        elif (move.points, move.kind, move.day) != (
            entry["points"],
            entry["kind"],
            entry["business_date"],
        ):
            found.findings.append(
                Finding(
                    code="entry_differs",
                    subject=str(entry["id"]),
                    recorded=f"{move.kind} of {move.points} points on {move.day}",
                    stated=f"{entry['kind']} of {entry['points']} points"
                    f" on {entry['business_date']}",
                )
            )
    left = [*by_entry.values(), *(each for rest in captures.values() for each in rest)]
    found.findings += [
        Finding(code="not_at_network", subject=each.name, recorded=f"{each.points} points")
        for each in left
    ]
    return matched


def _take(candidates: list[_Move], merchant_ref: str | None) -> _Move | None:
    """Take the capture with this reference; one that was sent without a reference has any."""
    for move in candidates:
        if move.merchant_ref in {merchant_ref, None}:
            candidates.remove(move)
            return move
    return None


def _own_lines(
    lines: Iterable[Mapping[str, Any]],
    moves: Iterable[_Move],
    captures: Mapping[str, _Move],
    found: Replay,
) -> None:
    """Compare the points of each of our entries with its lines: one per lot and issuer."""
    stated: Counter[str] = Counter()
    for line in lines:
        if line["direction"] == "receivable" and line["kind"] in _TAKEN:
            found.own_lines += 1
            stated[_bare(line["entry"])] += line["points"]
    expected = {entry: move.points for entry, move in captures.items()}
    expected |= {
        each.entry: each.points * _SETTLED_KINDS[each.kind]
        for each in moves
        if each.entry is not None and each.kind in _SETTLED_KINDS
    }
    for entry in sorted({*stated, *expected}):
        points = expected.get(entry)
        if points != stated.get(entry):
            found.findings.append(
                Finding(
                    code="line_differs",
                    subject=entry,
                    recorded=None if points is None else str(points),
                    stated=str(stated[entry]) if entry in stated else None,
                )
            )


def _sums(statement: Mapping[str, Any], previous: Mapping[str, Any] | None, found: Replay) -> None:
    """Reckon every total from the lines; those of VAT and of a deposit are 0 where none is told."""
    lines, totals = statement["lines"], statement["totals"]
    before = previous or {"closing": 0}
    sums: Counter[str] = Counter()
    for number, line in enumerate(lines, start=1):
        sums[line["direction"]] += line["amount"]
        _price(number, line, found)
    told = Counter({name: value for name, value in totals.items() if isinstance(value, int)})
    reckoned = {
        "lines": len(lines),
        "receivable": sums["receivable"],
        "payable": -sums["payable"],
        "fees": -sums["fee"] - sums["vat"],
        "vat": -sums["vat"],
        # What the deposit paid is no part of the balance.
        "net": sum(sums.values()) - sums["deposit"],
        "opening": before["closing"],
        "closing": told["opening"] + told["net"] + told["returned"] - told["called"] - told["paid"],
        "deposit_opening": before.get("deposit_closing", 0),
        "deposit_used": -sums["deposit"],
        "deposit_closing": told["deposit_opening"]
        + told["deposit_paid_in"]
        - told["deposit_used"]
        + told["called"],
    }
    for name, value in reckoned.items():
        _expect(found, name, value, told[name])
    if "reserve" in statement:
        _expect(found, "reserve.deposit", told["deposit_closing"], statement["reserve"]["deposit"])
    check_taxes(statement, differs=lambda *figures: _expect(found, *figures))
    digest = sha256(hashed_form(statement)).hexdigest()
    _expect(found, "digest", f"sha-256:{digest}", statement["digest"])


def _price(number: int, line: Mapping[str, Any], found: Replay) -> None:
    """Hold a line's amount against points × price; it may differ by the rounding of its shares."""
    if line["kind"] not in _PRICED:
        return
    exact = abs(line["points"] * Decimal(line["price"]))
    if abs(abs(line["amount"]) - exact) >= _SHARE_SLACK:
        found.findings.append(
            Finding(
                code="price_differs",
                subject=f"line {number}",
                recorded=f"{exact:f}",
                stated=str(abs(line["amount"])),
            )
        )


def _expect(found: Replay, name: str, reckoned: object, stated: object) -> None:
    if reckoned != stated:
        found.findings.append(
            Finding(code="sum_differs", subject=name, recorded=str(reckoned), stated=str(stated))
        )


def _seal(seal: Mapping[str, Any], keys: Mapping[str, Ed25519VerifyingKey], found: Replay) -> None:
    """Check the network's signature under the head of the window's last day."""
    key = keys.get(str(seal.get("key", "")))
    message = f"{seal.get('business_date')}\n{seal['head']}\n".encode()
    signature = str(seal.get("signature", ""))
    try:
        raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    except ValueError:
        raw = b""
    if key is None or not key.verify(signature=raw, message=_SEAL_TAG + message):
        found.findings.append(Finding(code="seal_not_signed", subject=str(seal["head"])))


def _signed(
    statement: Mapping[str, Any], keys: Mapping[str, Ed25519VerifyingKey], found: Replay
) -> None:
    """Check that the network said just this of digest, totals, merchant and window."""
    try:
        check_statement(statement, keys=keys)
    except StatementProofError as error:
        finding = Finding(
            code="statement_not_signed", subject=found.settlement, recorded=str(error)
        )
        found.findings.append(finding)


def _bare(public_id: str) -> str:
    return public_id.partition("_")[2]
