"""Proposals as pages show them: in words, with who proposed and where the subject stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from flask import url_for
from sqlalchemy.orm import Session

from network import ids
from network.clearing.parties import NETWORK_PARTY
from network.language import format_date, format_number, format_points
from network.language import gettext as _
from network.language import lazy_gettext as _l
from network.ledger import queries as ledger
from network.members import merging
from network.merchants import live_keys
from network.merchants import queries as merchants
from network.money import direct
from network.money import queries as money
from network.operators import queries as operators
from network.operators.proposals import Proposal
from network.portal import ways_in
from network.programme import cancelling
from network.programme import proposing as programme
from settlement import defaults, second_person
from settlement.console import proposing_programme
from settlement.console.filters import party
from settlement.console.words import said as label
from settlement.console.words_money import MONEY_ACCOUNTS
from settlement.payments.importing import TAKE_RETURNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A proposal with its words, the page of its subject, and the name of who proposed it."""

    proposal: Proposal
    words: str
    address: str
    proposer: str

    @property
    def public_id(self) -> str:
        """Return the id by which forms name the proposal."""
        return ids.encode("ppl", self.proposal.proposal_id)


def shown(session: Session, found: Sequence[Proposal]) -> list[Waiting]:
    """Return proposals as pages show them."""
    people = {each.operator_id: each.name for each in operators.all_operators(session)}
    made = []
    for each in found:
        words, address = _WORDS[each.kind](session, each)
        proposer = people.get(each.proposed_by) or _("Somebody")
        made.append(Waiting(proposal=each, words=words, address=address, proposer=proposer))
    return made


def _cancellation(session: Session, proposal: Proposal) -> tuple[str, str]:
    payment = money.payment(session, payment_id=proposal.subject_id)
    words = _(
        "Cancel the payment of %(amount)s rials, %(merchant)s",
        amount=format_number(int(proposal.terms["amount"])),
        merchant=party(None if payment is None else payment.merchant),
    )
    return words, url_for("payments.show", public_id=ids.encode("pay", proposal.subject_id))


def _abort(session: Session, proposal: Proposal) -> tuple[str, str]:
    del session
    day = date.fromisoformat(proposal.terms["first_day"])
    words = _("Abort the window of %(day)s", day=format_date(day))
    return words, url_for("windows.show", public_id=ids.encode("win", proposal.subject_id))


def _returns(session: Session, proposal: Proposal) -> tuple[str, str]:
    del session
    terms = proposal.terms
    words = _(
        "Take the bank's statement: %(settled)s booked, %(changing)s that say money came in or "
        "back, %(amount)s rials",
        settled=format_number(terms["settled"]),
        changing=format_number(terms["changing"]),
        amount=format_number(terms["amount"]),
    )
    return words, url_for("payments.bank")


def _again(session: Session, proposal: Proposal) -> tuple[str, str]:
    del session
    terms = proposal.terms
    words = _(
        "Let the bank's booking %(reference)s of %(amount)s rials count: %(outcome)s",
        reference=terms["bank_ref"],
        amount=format_number(int(terms["amount"])),
        outcome=label(terms["outcome"], "bank"),
    )
    return words, url_for("findings.show", public_id=ids.encode("bnk", proposal.subject_id))


def _direct(session: Session, proposal: Proposal) -> tuple[str, str]:
    found = direct.direct(session, direct_payment_id=proposal.subject_id)
    facts = {
        "amount": format_number(int(proposal.terms["amount"])),
        "payer": party(None if found is None else found.payer),
        "payee": party(None if found is None else found.payee),
    }
    words = (
        _("%(payer)s has paid %(payee)s %(amount)s rials", **facts)
        if proposal.kind == second_person.CONFIRM_DIRECT
        else _("%(payer)s has not paid %(payee)s %(amount)s rials", **facts)
    )
    return words, url_for("direct.show", public_id=ids.encode("dpy", proposal.subject_id))


def _merge(session: Session, proposal: Proposal) -> tuple[str, str]:
    wallet = ledger.stored_wallet(session, member_id=proposal.subject_id)
    words = _(
        "Two members are one person: merge them for good, with %(points)s and a debt of %(debt)s",
        points=format_points(0 if wallet is None else wallet.available + wallet.pending),
        debt=format_points(0 if wallet is None else wallet.debt),
    )
    return words, url_for(
        "entries.wallet", public_id=ids.encode("mem", proposal.subject_id), _anchor="merge"
    )


def _fund(session: Session, proposal: Proposal) -> tuple[str, str]:
    del session
    amount = format_number(int(proposal.terms["amount"]))
    words = (
        _("%(amount)s rials from the margin to the network's fund", amount=amount)
        if proposal.terms["act"] == "allotted"
        else _("%(amount)s rials from the network's fund to the margin", amount=amount)
    )
    return words, url_for("exposure.fund")


def _default(session: Session, proposal: Proposal) -> tuple[str, str]:
    merchant = merchants.merchant(session, merchant_id=proposal.subject_id)
    facts = {
        "amount": format_number(int(proposal.terms["amount"])),
        "merchant": party(merchant),
    }
    if proposal.terms["step"] == "fund":
        words = _("The network's fund pays %(amount)s rials for %(merchant)s", **facts)
    else:
        words = _("Who took its points bear %(amount)s rials for %(merchant)s", **facts)
        parts = [
            f"{_bearer(session, UUID(who))} {format_number(part)}"
            for who, part in sorted(proposal.terms["shares"].items())
        ]
        words += f" ({' · '.join(parts)})"
    return words, url_for("cover.show", code=merchant.code)


def _recovery(session: Session, proposal: Proposal) -> tuple[str, str]:
    merchant = merchants.merchant(session, merchant_id=proposal.subject_id)
    terms = proposal.terms
    facts = {"amount": format_number(int(terms["amount"])), "merchant": party(merchant)}
    words = (
        _("%(amount)s rials from the balance of %(merchant)s back to who paid for it", **facts)
        if terms["source"] == "balance"
        else _("%(merchant)s paid %(amount)s rials late: back to who paid for it", **facts)
    )
    parts = [
        f"{_getter(session, account, UUID(who))} {format_number(part)}"
        for account, who, part in terms["parts"]
    ]
    reference = f" · {terms['bank_ref']}" if terms.get("bank_ref") else ""
    return f"{words} ({' · '.join(parts)}){reference}", url_for("cover.show", code=merchant.code)


def _getter(session: Session, account: str, party_id: UUID) -> str:
    if account == "settlement":
        return _bearer(session, party_id)
    return str(MONEY_ACCOUNTS[account])


def _bearer(session: Session, party_id: UUID) -> str:
    if party_id == NETWORK_PARTY:
        return _("The network")
    return party(merchants.merchant(session, merchant_id=party_id))


def _suspension(session: Session, proposal: Proposal) -> tuple[str, str]:
    merchant = merchants.merchant(session, merchant_id=proposal.subject_id)
    said = (
        _("Stop %(merchant)s from giving points", merchant=party(merchant))
        if proposal.kind == defaults.SUSPEND_ISSUER
        else _("Let %(merchant)s give points again", merchant=party(merchant))
    )
    return said, url_for("cover.show", code=merchant.code)


def _points(session: Session, proposal: Proposal) -> tuple[str, str]:
    merchant = merchants.merchant(session, merchant_id=proposal.subject_id)
    said = (
        _("Suspend the points of %(merchant)s: nobody can spend them", merchant=party(merchant))
        if proposal.kind == defaults.SUSPEND_POINTS
        else _("Let the points of %(merchant)s be spent again", merchant=party(merchant))
    )
    return said, url_for("cover.show", code=merchant.code)


def _key(session: Session, proposal: Proposal) -> tuple[str, str]:
    merchant = merchants.merchant(session, merchant_id=proposal.subject_id)
    words = _(
        "A live key of %(merchant)s, %(print)s; it opens: %(scopes)s",
        merchant=party(merchant),
        print=proposal.terms["fingerprint"],
        scopes=_(", ").join(label(each, "scope") for each in proposal.terms["scopes"]),
    )
    return words, url_for("merchants.show", code=merchant.code)


def _way_in(session: Session, proposal: Proposal) -> tuple[str, str]:
    terms = proposal.terms
    merchant = merchants.merchant(session, code=terms["merchant"])
    words = _(
        "A new way in to the portal for %(login)s, %(merchant)s",
        login=terms["login"],
        merchant=party(merchant),
    )
    return words, url_for("portal.show", code=merchant.code)


def _cover(session: Session, proposal: Proposal) -> tuple[str, str]:
    merchant = merchants.merchant(session, merchant_id=proposal.subject_id)
    terms = proposal.terms
    words = COVER_ACTS[terms["act"], terms["account"]]
    said = _(
        "%(act)s: %(amount)s rials, %(merchant)s",
        act=words,
        amount=format_number(int(terms["amount"])),
        merchant=party(merchant),
    )
    if terms.get("bank_ref"):
        said += f" ({terms['bank_ref']})"
    return said, url_for("cover.show", code=merchant.code)


COVER_ACTS = {
    ("received", "deposit"): _l("Deposit received from the bank"),
    ("received", "reserve"): _l("Reserve received from the bank"),
    ("released", "deposit"): _l("Deposit released"),
    ("released", "reserve"): _l("Reserve released"),
    ("drawn", "deposit"): _l("Deposit drawn for what it owes"),
    ("drawn", "reserve"): _l("Reserve drawn for what it owes"),
}
_WORDS: Mapping[str, Callable[[Session, Proposal], tuple[str, str]]] = {
    merging.MERGE: _merge,
    second_person.ABORT_WINDOW: _abort,
    second_person.CANCEL_PAYMENT: _cancellation,
    second_person.MOVE_COVER: _cover,
    defaults.MOVE_FUND: _fund,
    defaults.PAY_DEFAULT: _default,
    defaults.RECOVER_DEFAULT: _recovery,
    second_person.SET_MODE: proposing_programme.mode,
    second_person.CONFIRM_DIRECT: _direct,
    second_person.FAIL_DIRECT: _direct,
    TAKE_RETURNS: _returns,
    second_person.TAKE_AGAIN: _again,
    defaults.SUSPEND_ISSUER: _suspension,
    defaults.RESUME_ISSUER: _suspension,
    defaults.SUSPEND_POINTS: _points,
    defaults.RESUME_POINTS: _points,
    ways_in.WAY_IN: _way_in,
    live_keys.REGISTER: _key,
    programme.FACE_VALUE: proposing_programme.face_value,
    programme.TERMS: proposing_programme.terms,
    programme.TIER: proposing_programme.tier,
    programme.TAP_LIMIT: proposing_programme.tap_limit,
    **dict.fromkeys(cancelling.KINDS, proposing_programme.cancellation),
}
SHOWN = frozenset(_WORDS)
"""The kinds of proposals that have words."""
