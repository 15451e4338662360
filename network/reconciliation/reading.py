"""Reading a merchant's record of a day: JSON lines (RFC 8259) or CSV (RFC 4180), strictly.

Pure: bytes in, lines or faults out, one at a time. Nothing is guessed and nothing is dropped: every
line becomes either a ``Line`` or at least one ``Fault`` that names its field. CSV has a first row
with the names of the fields, and an empty cell is a field that is not there.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, NoReturn
from uuid import UUID

from network.clock import day_start
from network.errors import PeyvandError
from network.reconciliation.facts import DONE, EARN, REFUND_EARN, STATUSES, TYPES, Fault, Form
from network.references import flaw_of
from network.settings import CURRENCY, PROGRAMME_ZONE

MOST_LINES = 1_000_000
LONGEST_LINE_BYTES = 16 * 1024
MOST_UNITS = 10**15
"""Points or minor units in a line, as in a call of the ledger."""

FIELDS = (
    *("type", "merchant_ref", "idempotency_key", "occurred_at", "amount", "currency", "points"),
    *("status", "member", "card", "store", "terminal", "receipt"),
)
"""Every field of a line, in the order of the documentation."""

_PLACES = {name: place for place, name in enumerate(FIELDS)}
_VALUES = tuple(name for name in FIELDS if name != "currency")
"""What a line keeps of its fields, in its own order."""

_ALWAYS = ("type", "merchant_ref", "occurred_at")
_LONGEST = 64
_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2})?", re.ASCII
)
_MOST_DIGITS = 19
_CARD = re.compile(r"[0-9]{16}", re.ASCII)
# As the gateway's fields: control characters, lone surrogates, and marks that change the direction
# of what follows. The zero-width non-joiner belongs to Persian.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_ONE_DAY = timedelta(days=1)


class Line(NamedTuple):
    """One line of a record. ``line`` counts from 1; times are aware, money is minor units.

    ``member_id`` is known where the merchant named the member by the name that is its own; a
    ``card`` is looked up later.
    """

    line: int
    type: str
    merchant_ref: str
    idempotency_key: str | None
    occurred_at: datetime
    amount: int | None
    points: int | None
    status: str
    member_id: UUID | None
    card: str | None
    store: str | None
    terminal: str | None
    receipt: str | None


class _WrongError(Exception):
    """A value is not what its field takes; the argument is the fault's code."""


class Reader:
    """Reads records of one business day. ``member`` opens a merchant's own name of a member."""

    def __init__(self, *, day: date, member: Callable[[str], UUID]) -> None:
        self._member = member
        # A shop's own day may begin or end some hours from the programme's.
        self._earliest = day_start(day - _ONE_DAY, zone=PROGRAMME_ZONE)
        self._end = day_start(day + 2 * _ONE_DAY, zone=PROGRAMME_ZONE)
        self._readers: dict[str, Callable[[Any], Any]] = {
            "type": _one_of_types,
            "merchant_ref": _reference,
            "idempotency_key": _text,
            "occurred_at": self._moment,
            "amount": _whole,
            "currency": _currency,
            "points": _whole,
            "status": _one_of_statuses,
            "member": self._named,
            "card": _card,
            "store": _text,
            "terminal": _reference,
            "receipt": _reference,
        }

    def read(self, pieces: Iterable[bytes], *, form: Form) -> Iterator[Line | Fault]:
        """Yield every line of a record, or what is wrong with it, in order."""
        lines = _split(pieces)
        for count, found in enumerate(self._csv(lines) if form == "csv" else self._json(lines)):
            if count >= MOST_LINES and isinstance(found, Line):
                yield Fault(line=found.line, field="", code="too_many")
                return
            yield found

    def _json(self, lines: Iterable[bytes]) -> Iterator[Line | Fault]:
        for number, raw in enumerate(lines, 1):
            try:
                given = _object_of(raw)
            except _WrongError as error:
                yield Fault(line=number, field="", code=str(error))
                continue
            if isinstance(given, _Twice):
                yield Fault(line=number, field=given.name, code="duplicate_key")
                continue
            yield from self._line(number, given)

    def _csv(self, lines: Iterable[bytes]) -> Iterator[Line | Fault]:
        texts = _Texts(lines)
        rows = csv.reader(texts, strict=True)
        header: list[str] | None = None
        while True:
            try:
                row = next(rows)
            except StopIteration:
                break
            except (csv.Error, UnicodeDecodeError):
                yield Fault(line=texts.number, field="", code="malformed_csv")
                return
            if header is None:
                header = row
                faults = [*_header_faults(header)]
                yield from faults
                if faults:
                    return
            elif len(row) != len(header):
                yield Fault(line=texts.number, field="", code="other_columns")
            else:
                given = {name: cell for name, cell in zip(header, row, strict=True) if cell}
                yield from self._line(texts.number, given)
        if header is None:
            yield Fault(line=1, field="", code="missing")

    def _line(self, number: int, given: dict[str, Any]) -> Iterable[Line | Fault]:
        """Return the line, or a fault for each field that is wrong."""
        values: dict[str, Any] = {}
        faults: list[tuple[str, str]] = []
        for name, value in given.items():
            read = self._readers.get(name)
            if read is None:
                faults.append((name, "unknown_field"))
            elif value is None:
                faults.append((name, "null"))
            else:
                try:
                    values[name] = read(value)
                except _WrongError as error:
                    faults.append((name, str(error)))
        faults += [(name, "missing") for name in _needed(values.get("type")) if name not in given]
        if "member" in given and "card" in given:
            faults.append(("card", "member_and_card"))
        if faults:
            return [
                Fault(line=number, field=name, code=code)
                for name, code in sorted(faults, key=lambda fault: _PLACES.get(fault[0], -1))
            ]
        values.setdefault("status", DONE)
        return (Line._make((number, *map(values.get, _VALUES))),)

    def _moment(self, value: Any) -> datetime:
        text = _string(value)
        if _TIME.fullmatch(text) is None:
            raise _WrongError("not_time")
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise _WrongError("not_time") from error
        if moment.tzinfo is None:
            raise _WrongError("time_without_zone")
        if not self._earliest <= moment < self._end:
            raise _WrongError("other_day")
        return moment

    def _named(self, value: Any) -> UUID:
        try:
            return self._member(_text(value))
        except PeyvandError as error:
            raise _WrongError("unknown_member") from error


class _Twice(dict[str, Any]):
    """An object in which ``name`` stood twice."""

    name: str = ""


class _Texts:
    """Lines as text for the reader of CSV, which counts none itself that it could name."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = next(self._lines)
        self.number += 1
        text = raw.decode("utf-8-sig" if self.number == 1 else "utf-8")
        if len(raw) > LONGEST_LINE_BYTES:
            raise csv.Error("too long")
        return text + "\n"


def _split(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines without their ends; what follows the last line feed is a line unless empty."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n") if rest else piece.split(b"\n")
        for line in whole:
            yield line[:-1] if line.endswith(b"\r") else line
        if len(rest) > LONGEST_LINE_BYTES:
            rest = rest[: LONGEST_LINE_BYTES + 1]  # refused as it stands; the end adds nothing
    if rest:
        yield rest[:-1] if rest.endswith(b"\r") else rest


def _object_of(raw: bytes) -> dict[str, Any]:
    if not raw:
        raise _WrongError("blank")
    if len(raw) > LONGEST_LINE_BYTES:
        raise _WrongError("line_too_long")
    try:
        value = _DECODER.decode(raw.decode())
    except (ValueError, RecursionError) as error:
        raise _WrongError("malformed_json") from error
    if not isinstance(value, dict):
        raise _WrongError("not_object")
    return value


def _needed(kind: str | None) -> tuple[str, ...]:
    """Return the fields that a line of this kind must have; ``None`` for a kind not understood."""
    if kind is None:
        return _ALWAYS
    return (*_ALWAYS, "amount" if kind in {EARN, REFUND_EARN} else "points")


def _header_faults(header: list[str]) -> Iterator[Fault]:
    for place, name in enumerate(header):
        if name not in _PLACES:
            yield Fault(line=1, field=name[:_LONGEST], code="unknown_field")
        elif name in header[:place]:
            yield Fault(line=1, field=name, code="duplicate_key")
    for name in _ALWAYS:
        if name not in header:
            yield Fault(line=1, field=name, code="missing")


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _WrongError("not_text")
    if not value:
        raise _WrongError("blank")
    return value


def _text(value: Any) -> str:
    text = value if value and type(value) is str else _string(value)
    if len(text) > _LONGEST:
        raise _WrongError("too_long")
    if not (text.isascii() and text.isprintable()) and _UNPRINTABLE.search(text):
        raise _WrongError("control_character")
    if text[0].isspace() or text[-1].isspace():
        raise _WrongError("surrounding_spaces")
    return text


def _reference(value: Any) -> str:
    """Return one of the merchant's own numbers, as the gateway takes them."""
    text = _text(value)
    if not text.isascii() and (flaw := flaw_of(text)) is not None:
        raise _WrongError(flaw[0])
    return text


def _whole(value: Any) -> int:
    """Return a count; CSV has it as text, JSON as a number and never as text."""
    if isinstance(value, _Number):
        raise _WrongError("not_integer")
    if isinstance(value, str):
        digits = value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS
        if not digits or (value[0] == "0" and value != "0"):
            raise _WrongError("not_integer")
        value = int(value)
    if type(value) is not int:
        raise _WrongError("not_integer")
    if not 0 <= value <= MOST_UNITS:
        raise _WrongError("out_of_range")
    return value


def _one_of_types(value: Any) -> str:
    if value not in TYPES:
        raise _WrongError("not_one_of")
    return str(value)


def _one_of_statuses(value: Any) -> str:
    if value not in STATUSES:
        raise _WrongError("not_one_of")
    return str(value)


def _currency(value: Any) -> str:
    if value != CURRENCY:
        raise _WrongError("foreign_currency")
    return CURRENCY


def _card(value: Any) -> str:
    text = _string(value)
    if _CARD.fullmatch(text) is None:
        raise _WrongError("wrong_form")
    return text


class _Number:
    """Stands where JSON had a number with a fraction or an exponent, or digits as text."""

    __slots__ = ()


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        if type(value.get("amount")) is str or type(value.get("points")) is str:
            for name in ("amount", "points"):
                if type(value.get(name)) is str:
                    value[name] = _Number()
        return value
    seen: set[str] = set()
    twice = _Twice(value)
    for name, _ in pairs:
        if name in seen:
            twice.name = name[:_LONGEST]
            break
        seen.add(name)
    return twice


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_constant=_no_constant, parse_float=lambda _: _Number()
)


def form_of(head: bytes) -> Form:
    """Return what a file that begins like this is: JSON lines begin with a brace."""
    return "jsonl" if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else "csv"
