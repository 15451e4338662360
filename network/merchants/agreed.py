"""What two people signed with an agreement, as the audit log keeps it.

The page and the command write the same, every term that is agreed on, so that ``peyvand audit`` can
hold each of them against the agreement. Of the account the log has its last four places and a
SHA-256 over number, holder and a salt. The salt stands on the agreement's row alone: an IBAN has so
few unknown digits that without it a copy of the log, which leaves the house, would give them away.
"""

from __future__ import annotations

from hashlib import sha256

from network import ids
from network.merchants.queries import AgreementView

SHOWN_PLACES = 4


def facts_of(agreement: AgreementView) -> dict[str, object]:
    """Return every term of an agreement as text, whole numbers and lists."""
    pays, signed_on = agreement.settling, agreement.settling.mandate_signed_on
    iban = agreement.settlement_iban
    return {
        "agreement": ids.encode("agr", agreement.agreement_id),
        "version": agreement.version,
        "effective_from": agreement.effective_from.isoformat(),
        "issue_price": f"{agreement.issue_price:f}",
        "acceptance_fee": f"{agreement.acceptance_fee:f}",
        "funding": agreement.funding,
        "breakage_beneficiary": agreement.breakage_beneficiary,
        "vat_rate": f"{agreement.vat_rate:f}",
        "vat_on": agreement.vat_on,
        "named": agreement.named,
        "currency": agreement.currency,
        "account": None if iban is None else f"…{iban[-SHOWN_PLACES:]}",
        "account_digest": account_digest(agreement),
        "credit_cap": pays.cap,
        "settlement_cycle": pays.cycle,
        "settlement_weekday": pays.weekday,
        "settlement_days": [each.isoformat() for each in pays.days],
        "settlement_holidays": [each.isoformat() for each in pays.holidays],
        "minimum_payment": pays.minimum,
        "mandate_id": pays.mandate_id,
        "mandate_signed_on": None if signed_on is None else signed_on.isoformat(),
    }


def account_digest(agreement: AgreementView) -> str:
    """Return by what the log knows an account again; ``audit_agreed.py`` reckons the same."""
    account = f"{agreement.settlement_iban or ''}\n{agreement.account_holder or ''}"
    return sha256(agreement.account_salt + account.encode()).hexdigest()
