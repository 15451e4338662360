"""What the words of settlement mean, one meaning each; the console's tables lead here.

``docs/glossary.md`` says the same in both languages.
"""

from __future__ import annotations

from dataclasses import dataclass

from network.language import LazyText
from network.language import lazy_gettext as _l


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A word, the anchor that tables lead to, and what it means."""

    anchor: str
    word: LazyText
    meaning: LazyText


def _term(anchor: str, word: LazyText, meaning: LazyText) -> Term:
    return Term(anchor=anchor, word=word, meaning=meaning)


PARTIES = (
    _term("issuer", _l("Issuer"), _l("The merchant that gave a point and pays for it.")),
    _term(
        "acceptor",
        _l("Acceptor"),
        _l("The merchant that took a point in payment and is paid for it."),
    ),
    _term(
        "side",
        _l("Side"),
        _l(
            "Where a line stands on one party's statement: what it gets, owes, or its deposit pays."
        ),
    ),
    _term(
        "counterparty",
        _l("Counterparty"),
        _l(
            "Who stands on the other side of a line, as its merchant reads it: by name only where "
            "both agreements allow it, else the network."
        ),
    ),
)
EVENTS = (
    _term(
        "earning",
        _l("Earning"),
        _l("A member gets points for a purchase; seen from the issuer, an issuance."),
    ),
    _term("redemption", _l("Redemption"), _l("A member pays with points.")),
    _term(
        "redeposit",
        _l("Redemption given back"),
        _l("A purchase paid with points is returned: points go back to their lots."),
    ),
    _term("clawback", _l("Clawback"), _l("Points of a returned purchase are taken back.")),
    _term(
        "expiry", _l("Expiry"), _l("A lot's time is over, and what is left of it is worth nothing.")
    ),
    _term("lot", _l("Lot"), _l("Points of one issuer with one price and one expiry.")),
    _term("entry", _l("Entry"), _l("One event in one wallet; its postings sum to zero.")),
    _term("posting", _l("Posting"), _l("One line of an entry: points on one account.")),
    _term(
        "reference",
        _l("Merchant's reference"),
        _l("What the merchant calls the event in its own books."),
    ),
)
PRICES = (
    _term("face_value", _l("Face value"), _l("What a point is worth to a member, in rials.")),
    _term("price", _l("Price p"), _l("What the issuer pays per point; it stands on the lot.")),
    _term(
        "accepting",
        _l("Price q"),
        _l("What the acceptor is paid per point: the face value less its acceptance fee."),
    ),
    _term(
        "acceptance_fee",
        _l("Acceptance fee"),
        _l(
            "The part of the face value that the acceptor gives up. It is within q and is no line "
            "of its own."
        ),
    ),
    _term(
        "margin",
        _l("Network's margin"),
        _l("p − q per point, a line of its own; below zero the network adds it."),
    ),
    _term(
        "vat",
        _l("VAT"),
        _l(
            "Value added tax on the margin or on the acceptance fee, a line of its own. It is paid "
            "from the balance or, by a prefunded issuer, from its deposit; “of which VAT” counts "
            "the balance's part alone."
        ),
    ),
    _term("tax_base", _l("Tax base"), _l("Points × the fee per point that VAT falls on.")),
    _term(
        "share",
        _l("Share"),
        _l(
            "A posting's part of an obligation. Rials left over go to the largest remainders; "
            "equal ones in the order of member, entry and line."
        ),
    ),
    _term(
        "rounding",
        _l("Rounding"),
        _l("Single rials by which rounded amounts miss the rounded whole."),
    ),
)
MONEY = (
    _term(
        "obligation",
        _l("Obligation"),
        _l("What one account owes another in a window: points × price, rounded once."),
    ),
    _term("receivable", _l("Receivable"), _l("What others owe a merchant in a window.")),
    _term("payable", _l("Payable"), _l("What it owes others, without margin and VAT.")),
    _term("net", _l("Net"), _l("Receivable − payable − margin and VAT.")),
    _term(
        "netted",
        _l("Netted"),
        _l("Receivables and payables are set against each other; no money has moved yet."),
    ),
    _term(
        "instructed",
        _l("To be paid"),
        _l("What a statement instructs: above zero to the merchant, below zero from it."),
    ),
    _term(
        "booked", _l("Settled"), _l("Of a payment: the bank has booked it, the money has moved.")
    ),
    _term(
        "clearing",
        _l("Clearing"),
        _l(
            "What statements instruct and the bank has not booked: not released yet, released to "
            "the bank, or awaited from a merchant. It is at zero once the bank has booked it all."
        ),
    ),
    _term(
        "balance",
        _l("Opening and closing balance"),
        _l(
            "What the network owes the merchant and has not instructed to pay. A closing balance "
            "is the next opening balance."
        ),
    ),
    _term(
        "deposit",
        _l("Deposit"),
        _l(
            "What a prefunded issuer has paid in advance. It pays for its redemptions, with margin "
            "and VAT; what it lacks is called from the balance."
        ),
    ),
    _term(
        "reserve", _l("Reserve"), _l("What covers a merchant's points should its deposit not do.")
    ),
    _term(
        "pool",
        _l("Pool"),
        _l("What issuers paid when they gave points (on issue), until they are redeemed."),
    ),
)
PROOF = (
    _term(
        "control_total",
        _l("Control total"),
        _l("A sum reckoned in two ways; the night publishes only where both agree."),
    ),
    _term("seal", _l("Seal"), _l("The signed hash of a closed day, chained to the day before.")),
    _term(
        "check_code",
        _l("Check code"),
        _l("The beginning of a statement's digest, to check a paper by."),
    ),
    _term(
        "recorded",
        _l("Happened and recorded"),
        _l("When it happened at the merchant, and when the network learnt of it."),
    ),
    _term(
        "programme_time",
        _l("Programme time"),
        _l(
            "The clock of business days. A simulated installation may move it; signatures always "
            "carry wall time."
        ),
    ),
)
GROUPS: tuple[tuple[LazyText, tuple[Term, ...]], ...] = (
    (_l("Who"), PARTIES),
    (_l("What happens to points"), EVENTS),
    (_l("Prices, fees and tax"), PRICES),
    (_l("Money between merchants"), MONEY),
    (_l("Proof and time"), PROOF),
)
