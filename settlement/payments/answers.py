"""Reading what the bank says: camt.053.001.08, ISO 20022's statement of an account.

The file comes from outside, so it is bounded in size, and a document type definition, with which
XML can be made to expand or to fetch, is refused before anything else is read. Of the message only
what we need is read, each value in the form that its schema gives it, and whatever is not in that
form is refused with its place: nothing is guessed, and nothing that is a key is cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NoReturn
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from network.money.errors import MoneyError
from network.money.facts import BankLine
from settlement.payments.files import DECIMALS

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
LARGEST_FILE = 32 * 1024 * 1024
"""Bytes: some forty thousand bookings."""

_LONGEST_TEXT = 35  # Max35Text: ids and references
_LONGEST_ACCOUNT = 34  # IBAN2007Identifier and Max34Text
_LONGEST_REASON = 140
_STATES = frozenset({"BOOK", "PDNG", "INFO", "FUTR"})  # ExternalEntryStatus1Code
_CREDIT = {"CRDT": True, "DBIT": False}
_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_AMOUNT = re.compile(r"\+?[0-9]{1,18}(\.[0-9]{0,5})?")
_ZONE = r"(Z|[+-][0-9]{2}:[0-9]{2})?"
_DAY = re.compile(rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}){_ZONE}")
_MOMENT = re.compile(rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9:]{{8}})(\.[0-9]+)?{_ZONE}")


class BankFileError(MoneyError):
    """This is not a bank's statement that can be read; ``field`` names where it fails."""

    code = "bank_file_refused"


@dataclass(frozen=True, slots=True)
class _Place:
    """An element of the file, and how people are told where it stands."""

    element: Element
    where: str

    def refuse(self, message: str, *, reason: str, name: str) -> NoReturn:
        """Refuse what stands here under a name."""
        raise BankFileError(message, reason=reason, field=f"{self.where}: {name}")

    def all(self, name: str) -> list[Element]:
        """Return the elements of this name, in the file's order."""
        return self.element.findall(f"{{{NAMESPACE}}}{name}")

    def one(self, path: str) -> Element | None:
        """Return the one element on a path, ``None`` where there is none; refuse a second one."""
        found = self.element.findall("/".join(f"{{{NAMESPACE}}}{each}" for each in path.split("/")))
        if len(found) > 1:
            self.refuse("an element stands twice", reason="repeated", name=path)
        return found[0] if found else None

    def text(self, path: str, *, most: int) -> str | None:
        """Return the text on a path with single spaces, ``None`` where there is none.

        What is longer than the message allows is refused: half a reference is another one.
        """
        found = self.one(path)
        text = "" if found is None else _plain(found)
        if len(text) > most:
            self.refuse("a text is too long", reason="too_long", name=path)
        return text or None


def read_statement(content: bytes) -> list[BankLine]:
    """Return the booked movements of a camt.053.001.08 file, in its order.

    Entries that are not booked yet are left out. Raises BankFileError.
    """
    message = _Place(_document(content), "Document")
    body = message.one("BkToCstmrStmt")
    statements = [] if body is None else _Place(body, "BkToCstmrStmt").all("Stmt")
    if not statements:
        message.refuse("the file holds no statement", reason="not_camt", name="BkToCstmrStmt/Stmt")
    return [
        line
        for number, element in enumerate(statements, start=1)
        for line in _statement_lines(_Place(element, f"Stmt {number}"))
    ]


def _document(content: bytes) -> Element:
    if len(content) > LARGEST_FILE:
        raise BankFileError(
            f"the file is larger than {LARGEST_FILE} bytes", reason="too_large", field="file"
        )
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise BankFileError(
            "a document type definition is not allowed", reason="dtd", field="file"
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise BankFileError(
            f"the file is not well-formed XML: {error}", reason="not_xml", field="file"
        ) from error
    if root.tag != f"{{{NAMESPACE}}}Document":
        found = root.tag[1:].partition("}")[0] if root.tag.startswith("{") else root.tag
        raise BankFileError(
            f"the file is {found[:80]}, not {NAMESPACE.rpartition(':')[2]}",
            reason="other_message",
            field="Document",
        )
    return root


def _statement_lines(statement: _Place) -> Iterator[BankLine]:
    name = statement.text("Id", most=_LONGEST_TEXT)
    if name is None:
        statement.refuse("the statement has no name", reason="no_name", name="Id")
    account = statement.text("Acct/Id/IBAN", most=_LONGEST_ACCOUNT) or statement.text(
        "Acct/Id/Othr/Id", most=_LONGEST_ACCOUNT
    )
    if account is None:
        statement.refuse("the statement names no account", reason="no_account", name="Acct")
    for number, element in enumerate(statement.all("Ntry"), start=1):
        entry = _Place(element, f"Stmt {name}, Ntry {number}")
        if _booked(entry):
            yield from _entry_lines(entry, account=account, statement=name)


def _booked(entry: _Place) -> bool:
    """Return whether an entry is booked; its state is a code, or a word of the bank's own."""
    code = entry.text("Sts/Cd", most=_LONGEST_TEXT)
    own = entry.text("Sts/Prtry", most=_LONGEST_TEXT)
    if code not in _STATES and (code is not None or own is None):
        entry.refuse("the state of a booking is not known", reason="state", name="Sts")
    return "BOOK" in {code, own}


def _entry_lines(entry: _Place, *, account: str, statement: str) -> Iterator[BankLine]:
    """Yield an entry's movements; the entry itself where the bank gives no details."""
    details = entry.element.findall(f"{{{NAMESPACE}}}NtryDtls/{{{NAMESPACE}}}TxDtls")
    reference = entry.text("AcctSvcrRef", most=_LONGEST_TEXT)
    number = entry.text("NtryRef", most=_LONGEST_TEXT)
    if reference is None and number is not None:
        # Often a number within one statement only.
        reference = f"{statement}/{number}"
    if reference is None:
        entry.refuse("a booking has no reference", reason="no_reference", name="AcctSvcrRef")
    whole, credit, booked_on = _amount(entry), _credit(entry), _booked_on(entry)
    reversal = _reversal(entry)
    if whole is None or credit is None:
        entry.refuse(
            "a booking has no amount or no direction", reason="no_amount", name="Amt, CdtDbtInd"
        )
    for place, element in enumerate(details or [None], start=1):
        detail = None if element is None else _Place(element, f"{entry.where}, TxDtls {place}")
        own = None if detail is None else _amount(detail)
        if detail is not None and own is None and len(details) > 1:
            detail.refuse("a booking of a batch has no amount", reason="no_amount", name="Amt")
        amount, currency = own or whole
        direction = None if detail is None else _credit(detail)
        back = None if detail is None else detail.one("RtrInf")
        yield BankLine(
            account=account,
            bank_ref=reference,
            place=place,
            end_to_end_id=_end_to_end_id(detail),
            credit=credit if direction is None else direction,
            amount=amount,
            currency=currency,
            booked_on=booked_on,
            returned=back is not None or reversal,
            reason=_reason(back),
        )


def _end_to_end_id(detail: _Place | None) -> str | None:
    found = None if detail is None else detail.text("Refs/EndToEndId", most=_LONGEST_TEXT)
    return None if found == "NOTPROVIDED" else found


def _amount(place: _Place) -> tuple[int, str] | None:
    """Return the amount here in minor units and its currency, ``None`` where there is none."""
    found = place.one("Amt")
    if found is None:
        return None
    currency = found.get("Ccy", "")
    places = DECIMALS.get(currency)
    if places is None:
        place.refuse(
            f"amounts in {currency[:3]} are not known here", reason="currency", name="Amt/@Ccy"
        )
    given = _plain(found)
    units = Decimal(given).scaleb(places) if _AMOUNT.fullmatch(given) else Decimal(0)
    if units != units.to_integral_value() or not 0 < units < 2**63:
        place.refuse("an amount is out of range", reason="amount", name="Amt")
    return int(units), currency


def _credit(place: _Place) -> bool | None:
    """Return whether money came in, ``None`` where nothing is said."""
    found = place.one("CdtDbtInd")
    if found is None:
        return None
    if _plain(found) not in _CREDIT:
        place.refuse("this says neither in nor out", reason="direction", name="CdtDbtInd")
    return _CREDIT[_plain(found)]


def _reversal(entry: _Place) -> bool:
    found = entry.one("RvslInd")
    if found is None:
        return False
    if _plain(found) not in _TRUTH:
        entry.refuse("this is neither true nor false", reason="reversal", name="RvslInd")
    return _TRUTH[_plain(found)]


def _booked_on(entry: _Place) -> date:
    """Return the day of the booking as the bank writes it, in whatever zone that is."""
    name, form = ("BookgDt/Dt", _DAY)
    found = entry.one(name)
    if found is None:
        name, form = ("BookgDt/DtTm", _MOMENT)
        found = entry.one(name)
    if found is None:
        entry.refuse("a booking has no date", reason="no_date", name="BookgDt")
    given = form.fullmatch(_plain(found))
    try:
        day = None if given is None else datetime.fromisoformat(given[1]).date()
    except ValueError:
        day = None
    if day is None:
        entry.refuse("there is no such day", reason="date", name=name)
    return day


def _reason(back: Element | None) -> str | None:
    """Return why something came back: words for people, cut where they are too many."""
    if back is None:
        return None
    said = [
        _plain(each)
        for path in ("Rsn/Cd", "Rsn/Prtry", "AddtlInf")
        for each in back.findall("/".join(f"{{{NAMESPACE}}}{part}" for part in path.split("/")))
    ]
    return " ".join(filter(None, said))[:_LONGEST_REASON] or None


def _plain(element: Element) -> str:
    return " ".join((element.text or "").split())
