"""Reading what the bank says: camt.053.001.08, ISO 20022's statement of an account.

The file comes from outside, so it is bounded in size, and a document type definition, with which
XML can be made to expand or to fetch, is refused before anything else is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from pyiso20022.camt import camt_053_001_08 as camt
from xsdata.exceptions import ConverterError, ConverterWarning, ParserError
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig

from network.money.errors import MoneyError
from network.money.facts import BankLine
from settlement.payments.files import DECIMALS

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
LARGEST_FILE = 32 * 1024 * 1024
"""Bytes: some forty thousand bookings."""

_LONGEST = {"bank_ref": 70, "end_to_end_id": 35, "reason": 140, "account": 34}


class BankFileError(MoneyError):
    """This is not a bank's statement that can be read; ``field`` names where it fails."""

    code = "bank_file_refused"


def read_statement(content: bytes) -> list[BankLine]:
    """Return the booked transactions of a camt.053.001.08 file, in its order.

    Entries that are not booked yet are left out. Raises BankFileError.
    """
    _check(content)
    parser = XmlParser(config=ParserConfig(fail_on_unknown_properties=False))
    try:
        document = parser.from_bytes(content, camt.Document)
    except (ParserError, ConverterError, ConverterWarning, ParseError, TypeError) as error:
        raise BankFileError(
            "the file is not a camt.053.001.08 document", reason="not_camt", field="file"
        ) from error
    return [
        line
        for statement in document.bk_to_cstmr_stmt.stmt
        for number, entry in enumerate(statement.ntry, start=1)
        if (entry.sts.cd or entry.sts.prtry) == "BOOK"
        for line in _lines(statement, entry, where=f"Stmt {statement.id}, Ntry {number}")
    ]


def _check(content: bytes) -> None:
    if len(content) > LARGEST_FILE:
        raise BankFileError(
            f"the file is larger than {LARGEST_FILE} bytes", reason="too_large", field="file"
        )
    try:
        root = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise BankFileError(
            "a document type definition is not allowed", reason="dtd", field="file"
        ) from error
    except (ParseError, ValueError) as error:
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


def _lines(statement: Any, entry: Any, *, where: str) -> Iterator[BankLine]:
    """Yield an entry's transactions; the entry itself where the bank gives no details."""
    details = [each for part in entry.ntry_dtls for each in part.tx_dtls] or [None]
    account = statement.acct.id.iban or _text(statement.acct.id.othr, "id")
    if not account:
        raise BankFileError(
            "the statement names no account", reason="no_account", field=f"{where}: Acct"
        )
    for place, detail in enumerate(details, start=1):
        amount = entry.amt
        if detail is not None and detail.amt is not None:
            amount = detail.amt
        elif len(details) > 1:
            raise BankFileError(
                "a transaction of a batch has no amount", reason="no_amount", field=f"{where}: Amt"
            )
        indicator = (detail is not None and detail.cdt_dbt_ind) or entry.cdt_dbt_ind
        back = None if detail is None else detail.rtr_inf
        reference = entry.acct_svcr_ref
        if not reference and entry.ntry_ref:
            # Often a number within one statement only.
            reference = f"{statement.id}/{entry.ntry_ref}"
        if not reference:
            raise BankFileError(
                "a booking has no reference", reason="no_reference", field=f"{where}: AcctSvcrRef"
            )
        yield BankLine(
            account=account[: _LONGEST["account"]],
            bank_ref=reference[: _LONGEST["bank_ref"]],
            place=place,
            end_to_end_id=_reference(detail),
            credit=indicator is camt.CreditDebitCode.CRDT,
            amount=_minor_units(amount, where=where),
            currency=amount.ccy,
            booked_on=_booked_on(entry, where=where),
            returned=back is not None or bool(entry.rvsl_ind),
            reason=_reason(back),
        )


def _reference(detail: Any) -> str | None:
    found = None if detail is None or detail.refs is None else detail.refs.end_to_end_id
    return None if found in {None, "", "NOTPROVIDED"} else found[: _LONGEST["end_to_end_id"]]


def _minor_units(amount: Any, *, where: str) -> int:
    places = DECIMALS.get(amount.ccy)
    if places is None:
        raise BankFileError(
            f"amounts in {amount.ccy} are not known here",
            reason="currency",
            field=f"{where}: Amt/@Ccy",
        )
    units = Decimal(amount.value).scaleb(places)
    if units != units.to_integral_value() or not 0 < units < 2**63:
        raise BankFileError("an amount is out of range", reason="amount", field=f"{where}: Amt")
    return int(units)


def _booked_on(entry: Any, *, where: str) -> date:
    stamp = entry.bookg_dt
    if stamp is not None and stamp.dt is not None:
        return date(stamp.dt.year, stamp.dt.month, stamp.dt.day)
    if stamp is not None and stamp.dt_tm is not None:
        return date(stamp.dt_tm.year, stamp.dt_tm.month, stamp.dt_tm.day)
    raise BankFileError("a booking has no date", reason="no_date", field=f"{where}: BookgDt")


def _reason(back: Any) -> str | None:
    if back is None:
        return None
    said = [_text(back.rsn, "cd") or _text(back.rsn, "prtry") or "", *back.addtl_inf]
    return " ".join(filter(None, said))[: _LONGEST["reason"]] or None


def _text(thing: Any, name: str) -> str | None:
    found = None if thing is None else getattr(thing, name)
    return None if found is None else str(found)
