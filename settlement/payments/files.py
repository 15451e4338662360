"""Payment files: ISO 20022 pain.001 for payouts, pain.008 for collections, and CSV beside them.

A file follows from a window's released payments alone: message and end-to-end ids, the moment of
creation (when a second person let them out) and the order of payments are the same each time, and
so are the bytes. The day of that moment is also the one on which the bank is asked to pay: it takes
none that is past, as the window's own day is where the release had to wait. Every file is held
against ISO's schema and read back for its count and control sum before it leaves. The schema files
are those of iso20022.org in the wheel of sepaxml.

Amounts are whole rials; ``DECIMALS`` says how many decimal places a currency has in a file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from pyiso20022.pain import pain_001_001_09 as credit
from pyiso20022.pain import pain_008_001_09 as debit
from xsdata.formats.dataclass.serializers import XmlSerializer
from xsdata.formats.dataclass.serializers.config import SerializerConfig
from xsdata.models.datatype import XmlDate, XmlDateTime

from network.language.spreadsheets import guarded
from network.money.errors import MoneyError
from network.money.facts import FileKind, PaymentFact, PaymentView

if TYPE_CHECKING:
    from xmlschema import XMLSchema

DECIMALS = {"IRR": 0}
"""Decimal places of a currency's amounts in a file: the rial has none in use."""

Kind = Literal["pain.001", "pain.008"]
_MESSAGES = {"pain.001": "pain.001.001.09", "pain.008": "pain.008.001.09"}
_LONGEST_NAME = 70  # Nm of the SEPA rule books and of most banks; the schema allows 140
_COLUMNS = (
    *(
        "end_to_end_id",
        "direction",
        "merchant",
        "holder",
        "iban",
        "amount",
        "currency",
        "mandate",
        "state",
    ),
)


class PaymentFileError(MoneyError):
    """A payment file can't be made, or what was made is not what it should be."""

    code = "payment_file_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The account that payments leave from and collections come to."""

    name: str
    iban: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFile:
    """A file as it leaves the house: its bytes, and what they come to.

    ``control_sum`` is what the file says, in the currency's units; ``total`` the same, minor units.
    """

    name: str
    kind: FileKind
    message_id: str
    payments: tuple[UUID, ...]
    control_sum: Decimal
    total: int
    content: bytes

    @property
    def count(self) -> int:
        """Return how many payments are in it."""
        return len(self.payments)

    @property
    def digest(self) -> bytes:
        """Return the SHA-256 of the bytes."""
        return sha256(self.content).digest()


def payouts_file(
    payments: Sequence[PaymentFact], *, house: House, first_day: date, created_at: datetime
) -> PaymentFile:
    """Return the pain.001.001.09 file of a window's payouts; raise PaymentFileError."""
    chosen = [each for each in payments if each.direction == "payout"]
    message_id = _message_id(first_day, "C")
    header = _header(message_id, payments=chosen, created_at=created_at)
    transactions = [
        credit.CreditTransferTransaction34(
            pmt_id=credit.PaymentIdentification6(
                instr_id=each.end_to_end_id, end_to_end_id=each.end_to_end_id
            ),
            amt=credit.AmountType4Choice(
                instd_amt=credit.ActiveOrHistoricCurrencyAndAmount(
                    value=_decimal(each), ccy=each.currency
                )
            ),
            cdtr=_party(credit, each.holder),
            cdtr_acct=_account(credit, each.iban),
            rmt_inf=credit.RemittanceInformation16(ustrd=[_purpose(first_day)]),
        )
        for each in chosen
    ]
    instruction = credit.PaymentInstruction30(
        pmt_inf_id=message_id,
        pmt_mtd=credit.PaymentMethod3Code.TRF,
        nb_of_txs=header["nb_of_txs"],
        ctrl_sum=header["ctrl_sum"],
        reqd_exctn_dt=credit.DateAndDateTime2Choice(dt=_day(created_at)),
        dbtr=_party(credit, house.name),
        dbtr_acct=_account(credit, house.iban),
        dbtr_agt=_unnamed_bank(credit),
        cdt_trf_tx_inf=transactions,
    )
    document = credit.Document(
        cstmr_cdt_trf_initn=credit.CustomerCreditTransferInitiationV09(
            grp_hdr=credit.GroupHeader85(initg_pty=_party(credit, house.name), **header),
            pmt_inf=[instruction],
        )
    )
    return _checked(document, kind="pain.001", message_id=message_id, payments=chosen)


def collections_file(
    payments: Sequence[PaymentFact], *, house: House, first_day: date, created_at: datetime
) -> PaymentFile:
    """Return the pain.008.001.09 file of the collections that a mandate allows.

    Raises PaymentFileError. Collections without a mandate are awaited, and stand in the CSV only.
    """
    chosen = [each for each in payments if each.direction == "collection" and each.mandate_id]
    message_id = _message_id(first_day, "D")
    header = _header(message_id, payments=chosen, created_at=created_at)
    transactions = [
        debit.DirectDebitTransactionInformation23(
            pmt_id=debit.PaymentIdentification6(
                instr_id=each.end_to_end_id, end_to_end_id=each.end_to_end_id
            ),
            instd_amt=debit.ActiveOrHistoricCurrencyAndAmount(
                value=_decimal(each), ccy=each.currency
            ),
            drct_dbt_tx=debit.DirectDebitTransaction10(
                mndt_rltd_inf=debit.MandateRelatedInformation14(
                    mndt_id=each.mandate_id,
                    dt_of_sgntr=(
                        XmlDate.from_date(each.mandate_signed_on)
                        if each.mandate_signed_on is not None
                        else None
                    ),
                )
            ),
            dbtr_agt=_unnamed_bank(debit),
            dbtr=_party(debit, each.holder),
            dbtr_acct=_account(debit, each.iban),
            rmt_inf=debit.RemittanceInformation16(ustrd=[_purpose(first_day)]),
        )
        for each in chosen
    ]
    instruction = debit.PaymentInstruction37(
        pmt_inf_id=message_id,
        pmt_mtd=debit.PaymentMethod2Code.DD,
        nb_of_txs=header["nb_of_txs"],
        ctrl_sum=header["ctrl_sum"],
        reqd_colltn_dt=_day(created_at),
        cdtr=_party(debit, house.name),
        cdtr_acct=_account(debit, house.iban),
        cdtr_agt=_unnamed_bank(debit),
        drct_dbt_tx_inf=transactions,
    )
    document = debit.Document(
        cstmr_drct_dbt_initn=debit.CustomerDirectDebitInitiationV09(
            grp_hdr=debit.GroupHeader83(initg_pty=_party(debit, house.name), **header),
            pmt_inf=[instruction],
        )
    )
    return _checked(document, kind="pain.008", message_id=message_id, payments=chosen)


def payments_table(payments: Sequence[PaymentView], *, first_day: date) -> PaymentFile:
    """Return payments as CSV (RFC 4180, UTF-8), awaited collections included.

    Raises PaymentFileError where there are none.
    """
    if not payments:
        raise PaymentFileError("there is no payment of this kind in the window", reason="none")
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for each in payments:
        writer.writerow(
            [
                each.fact.end_to_end_id,
                each.fact.direction,
                guarded(each.merchant.code),
                guarded(each.fact.holder),
                each.fact.iban,
                str(each.fact.amount),
                each.fact.currency,
                guarded(each.fact.mandate_id or ""),
                each.state,
            ]
        )
    facts = [each.fact for each in payments]
    return PaymentFile(
        name=f"payments-{first_day}.csv",
        kind="table",
        message_id=_message_id(first_day, "T"),
        payments=tuple(each.payment_id for each in facts),
        control_sum=_total(facts),
        total=sum(each.amount for each in facts),
        content=buffer.getvalue().encode(),
    )


def _checked(
    document: object, *, kind: Kind, message_id: str, payments: Sequence[PaymentFact]
) -> PaymentFile:
    """Hold a file against its schema and its payments; raise PaymentFileError where it differs."""
    if not payments:
        raise PaymentFileError("there is no payment of this kind in the window", reason="none")
    content = XmlSerializer(config=SerializerConfig(indent="  ")).render(
        document, ns_map={None: f"urn:iso:std:iso:20022:tech:xsd:{_MESSAGES[kind]}"}
    )
    for error in schema(kind).iter_errors(content):
        raise PaymentFileError(
            f"{kind} is not valid: {error.reason} at {error.path}", reason="invalid"
        )
    found = _read_back(content, kind=kind)
    wanted = [(each.end_to_end_id, _decimal(each), each.currency) for each in payments]
    total = _total(payments)
    if found != (len(wanted), total, wanted):
        raise PaymentFileError(
            f"{kind} does not read back as the payments that it is made of", reason="invalid"
        )
    return PaymentFile(
        name=f"{message_id}.{_MESSAGES[kind]}.xml",
        kind=kind,
        message_id=message_id,
        payments=tuple(each.payment_id for each in payments),
        control_sum=total,
        total=sum(each.amount for each in payments),
        content=content.encode(),
    )


def _read_back(content: str, *, kind: Kind) -> tuple[int, Decimal, list[tuple[str, Decimal, str]]]:
    """Return the header's count and control sum, and id, amount and currency of each payment."""
    tree = schema(kind).to_dict(content)
    if not isinstance(tree, dict):
        raise PaymentFileError(f"{kind} can't be read back", reason="invalid")
    body = tree["CstmrCdtTrfInitn" if kind == "pain.001" else "CstmrDrctDbtInitn"]
    payments = []
    for instruction in body["PmtInf"]:
        name = "CdtTrfTxInf" if kind == "pain.001" else "DrctDbtTxInf"
        for each in instruction[name]:
            amount = each["Amt"]["InstdAmt"] if kind == "pain.001" else each["InstdAmt"]
            payments.append(
                (each["PmtId"]["EndToEndId"], Decimal(str(amount["$"])), amount["@Ccy"])
            )
    header = body["GrpHdr"]
    return int(header["NbOfTxs"]), Decimal(str(header["CtrlSum"])), payments


@lru_cache(maxsize=4)
def schema(kind: Kind) -> XMLSchema:
    """Return ISO's schema of a message."""
    from xmlschema import XMLSchema  # half a second, for the one page in a day that checks a file

    return XMLSchema(str(files("sepaxml") / "schemas" / f"{_MESSAGES[kind]}.xsd"))


def _header(
    message_id: str, *, payments: Sequence[PaymentFact], created_at: datetime
) -> dict[str, Any]:
    """Return what the group header of either message says of its payments."""
    return {
        "msg_id": message_id,
        "cre_dt_tm": _moment(created_at),
        "nb_of_txs": str(len(payments)),
        "ctrl_sum": _total(payments),
    }


def _message_id(first_day: date, kind: str) -> str:
    return f"PEYVAND-{first_day:%Y%m%d}-{kind}"


def _purpose(first_day: date) -> str:
    return f"Peyvand settlement {first_day.isoformat()}"


def _decimal(payment: PaymentFact) -> Decimal:
    try:
        return Decimal(payment.amount).scaleb(-DECIMALS[payment.currency])
    except KeyError as error:
        raise PaymentFileError(
            f"payments in {payment.currency} are not known", reason="currency"
        ) from error


def _total(payments: Sequence[PaymentFact]) -> Decimal:
    return sum((_decimal(each) for each in payments), Decimal(0))


def _moment(at: datetime) -> XmlDateTime:
    return XmlDateTime.from_datetime(at.replace(microsecond=0))


def _day(at: datetime) -> XmlDate:
    return XmlDate.from_date(at.date())


def _party(message: Any, name: str) -> Any:
    return message.PartyIdentification135(nm=name[:_LONGEST_NAME])


def _account(message: Any, iban: str) -> Any:
    return message.CashAccount38(id=message.AccountIdentification4Choice(iban=iban))


def _unnamed_bank(message: Any) -> Any:
    """Return the bank of an account whose IBAN names it already."""
    return message.BranchAndFinancialInstitutionIdentification6(
        fin_instn_id=message.FinancialInstitutionIdentification18(
            othr=message.GenericFinancialIdentification1(id="NOTPROVIDED")
        )
    )
