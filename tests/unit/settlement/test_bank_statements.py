"""Statements of the bank: read in the form of the schema, or refused with the place."""

from __future__ import annotations

from datetime import date

import pytest

from settlement.payments.answers import BankFileError, read_statement
from tests.integration.settlement.bank import Booking, statement

_RIGHT = statement(Booking(reference="R1", end_to_end_id="PVX", amount=5))
_ENTRY = "Stmt S1, Ntry 1"
_DETAIL = f"{_ENTRY}, TxDtls 1"


def changed(old: str, new: str, *, count: int = -1) -> bytes:
    """Return a right statement with something else in one place, or in all such places."""
    assert old.encode() in _RIGHT
    return _RIGHT.replace(old.encode(), new.encode(), count)


_AMOUNT = '<Amt Ccy="IRR">5</Amt>'
_DAY = "<Dt>2026-03-24</Dt>"
_IN = "<CdtDbtInd>DBIT</CdtDbtInd>"
_REF = "<AcctSvcrRef>R1</AcctSvcrRef>"
_STATE = "<Sts><Cd>BOOK</Cd></Sts>"


@pytest.mark.parametrize(
    ("content", "reason", "field"),
    [
        (b"no xml", "not_xml", "file"),
        (b"<?xml version='1.0' encoding='klingon'?><a/>", "not_xml", "file"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "dtd", "file"),
        (changed("camt.053.001.08", "camt.053.001.02"), "other_message", "Document"),
        (changed("BkToCstmrStmt>", "BkToCstmrSttm>"), "not_camt", "Document: BkToCstmrStmt/Stmt"),
        (changed("<Id>S1</Id>", ""), "no_name", "Stmt 1: Id"),
        (changed("<Acct>", "<Acct><Id><IBAN>IR1</IBAN></Id>"), "repeated", "Stmt 1: Acct/Id/IBAN"),
        (changed("IBAN>", "IBN>"), "no_account", "Stmt 1: Acct"),
        (changed("<IBAN>", f"<IBAN>{'I' * 34}"), "too_long", "Stmt 1: Acct/Id/IBAN"),
        (changed(_REF, ""), "no_reference", f"{_ENTRY}: AcctSvcrRef"),
        (changed(">R1<", "> <"), "no_reference", f"{_ENTRY}: AcctSvcrRef"),
        (changed(">R1<", f">{'R' * 36}<"), "too_long", f"{_ENTRY}: AcctSvcrRef"),
        (changed(_REF, f"<NtryRef>{'R' * 36}</NtryRef>"), "too_long", f"{_ENTRY}: NtryRef"),
        (changed(">PVX<", f">{'P' * 36}<"), "too_long", f"{_DETAIL}: Refs/EndToEndId"),
        (changed(_STATE, ""), "state", f"{_ENTRY}: Sts"),
        (changed(_STATE, "<Sts>BOOK</Sts>"), "state", f"{_ENTRY}: Sts"),
        (changed(">BOOK<", ">BOOKED<"), "state", f"{_ENTRY}: Sts"),
        (changed('Ccy="IRR"', 'Ccy="XTS"'), "currency", f"{_ENTRY}: Amt/@Ccy"),
        (changed(' Ccy="IRR"', ""), "currency", f"{_ENTRY}: Amt/@Ccy"),
        (changed(_AMOUNT, ""), "no_amount", f"{_ENTRY}: Amt, CdtDbtInd"),
        (changed(_AMOUNT, _AMOUNT * 2, count=1), "repeated", f"{_ENTRY}: Amt"),
        *(
            (changed(">5<", f">{wrong}<"), "amount", f"{_ENTRY}: Amt")
            for wrong in (
                *("5.5", "-5", "0", "five", "12,5", "", "NaN", "sNaN", "Infinity", "1E3"),
                *("1E999999999", "1_0", "۵", "5" * 19),
            )
        ),
        (changed(">5</Amt><Cdt", ">x</Amt><Cdt", count=1), "amount", f"{_ENTRY}: Amt"),
        (changed(_IN, ""), "no_amount", f"{_ENTRY}: Amt, CdtDbtInd"),
        (changed(">DBIT<", ">XX<"), "direction", f"{_ENTRY}: CdtDbtInd"),
        (changed(">DBIT<", "><"), "direction", f"{_ENTRY}: CdtDbtInd"),
        (changed("<Sts>", "<RvslInd>si</RvslInd><Sts>"), "reversal", f"{_ENTRY}: RvslInd"),
        (changed(_DAY, ""), "no_date", f"{_ENTRY}: BookgDt"),
        *(
            (changed(_DAY, f"<Dt>{wrong}</Dt>"), "date", f"{_ENTRY}: BookgDt/Dt")
            for wrong in ("2026-02-31", "soon", "", "99999-01-01", "20260324", "2026-W12-1")
        ),
        *(
            (changed(_DAY, f"<DtTm>{wrong}</DtTm>"), "date", f"{_ENTRY}: BookgDt/DtTm")
            for wrong in ("2026-03-24T25:00:00", "2026-03-24", "2026-02-31T10:00:00Z")
        ),
    ],
)
def test_a_bad_file_is_refused_with_the_place(content: bytes, reason: str, field: str) -> None:
    with pytest.raises(BankFileError) as refused:
        read_statement(content)
    assert (refused.value.reason, refused.value.field) == (reason, field)


def test_a_bad_detail_is_refused_with_its_place() -> None:
    before, entry, after = _RIGHT.partition(b"<TxDtls>")
    with pytest.raises(BankFileError) as refused:
        read_statement(before + entry + after.replace(b">5<", b">12,5<"))
    assert refused.value.field == f"{_DETAIL}: Amt"


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("<Dt>2026-03-24+03:30</Dt>", date(2026, 3, 24)),
        ("<Dt> 2026-03-24 </Dt>", date(2026, 3, 24)),
        ("<DtTm>2026-03-24T23:59:59.5Z</DtTm>", date(2026, 3, 24)),
        ("<DtTm>2026-03-24T00:00:00+03:30</DtTm>", date(2026, 3, 24)),
    ],
)
def test_days_are_read_as_the_bank_writes_them(written: str, day: date) -> None:
    assert [each.booked_on for each in read_statement(changed(_DAY, written))] == [day]


def test_references_have_single_spaces_and_only_free_text_is_cut() -> None:
    returned = f"<RtrInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>{'x' * 105}</AddtlInf>"
    more = f"<AddtlInf>{'y' * 105}</AddtlInf></RtrInf></TxDtls>"
    content = changed("</TxDtls>", returned + more).replace(b">R1<", b">R \n 1<")
    (line,) = read_statement(content)
    assert (line.bank_ref, line.amount, line.credit, line.returned) == ("R 1", 5, False, True)
    assert line.reason == f"AC04 {'x' * 105} {'y' * 29}"


def test_what_is_not_booked_yet_is_left_out() -> None:
    for state in ("PDNG", "INFO", "FUTR"):
        assert read_statement(changed(">BOOK<", f">{state}<")) == []
    own = changed(_STATE, "<Sts><Prtry>BOOK</Prtry></Sts>")
    assert len(read_statement(own)) == 1
