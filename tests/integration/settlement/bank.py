"""A bank's statement as banks write it: camt.053.001.08, by hand rather than by our own writer."""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape

HOUSE_IBAN = "IR280540000000000000000042"


@dataclass(frozen=True, kw_only=True)
class Booking:
    """One booked transaction; ``reason`` makes it a return."""

    reference: str
    end_to_end_id: str | None
    amount: int
    credit: bool = False
    reason: str | None = None
    currency: str = "IRR"
    status: str = "BOOK"

    def xml(self) -> str:
        sign = "CRDT" if self.credit else "DBIT"
        names = (
            f"<EndToEndId>{escape(self.end_to_end_id)}</EndToEndId>" if self.end_to_end_id else ""
        )
        back = f"<RtrInf><Rsn><Cd>{self.reason}</Cd></Rsn></RtrInf>" if self.reason else ""
        amount = f'<Amt Ccy="{self.currency}">{self.amount}</Amt>'
        return (
            f"<Ntry>{amount}<CdtDbtInd>{sign}</CdtDbtInd><Sts><Cd>{self.status}</Cd></Sts>"
            f"<BookgDt><Dt>2026-03-24</Dt></BookgDt><AcctSvcrRef>{self.reference}</AcctSvcrRef>"
            "<BkTxCd><Prtry><Cd>TRF</Cd></Prtry></BkTxCd>"
            f"<NtryDtls><TxDtls><Refs>{names}</Refs>{amount}<CdtDbtInd>{sign}</CdtDbtInd>{back}"
            "</TxDtls></NtryDtls></Ntry>"
        )


def statement(*bookings: Booking, number: int = 1) -> bytes:
    """Return a statement of the house's account with these bookings."""
    entries = "".join(each.xml() for each in bookings)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>B{number}</MsgId><CreDtTm>2026-03-24T06:00:00Z</CreDtTm></GrpHdr>"
        f"<Stmt><Id>S{number}</Id><Acct><Id><IBAN>{HOUSE_IBAN}</IBAN></Id></Acct>{entries}</Stmt>"
        "</BkToCstmrStmt></Document>"
    ).encode()
