"""The reader's words for what the database holds about money: payments, the bank, accounts."""

from __future__ import annotations

from network.language import lazy_gettext as _l

RELEASE_STATES = {
    "prepared": _l("Not released yet"),
    "proposed": _l("Waits for a second person"),
    "released": _l("Released"),
}
PAYMENT_STATES = {
    "prepared": _l("Prepared"),
    "released": _l("Released"),
    "settled": _l("Booked by the bank"),
    "returned": _l("Returned by the bank"),
    "cancelled": _l("Cancelled"),
}
STANDINGS = {
    "prepared": _l("Not released yet"),
    "awaited": _l("Awaited from the merchant"),
    "sent": _l("Released to the bank, not booked yet"),
    "settled": _l("Settled: booked by the bank"),
    "returned": _l("Returned by the bank"),
    "cancelled": _l("Cancelled"),
}
"""How far a payment is, as a reader of a statement asks: the money has moved or it has not."""

CARRIED = {
    "no_account": _l("carried over: no account to pay to"),
    "cycle": _l("carried over until its settlement day"),
    "minimum": _l("carried over: below the agreed minimum"),
    "default": _l("carried over: it was stopped because it did not pay"),
}
DIRECTIONS = {"payout": _l("To be paid out"), "collection": _l("To be collected")}
BANK_OUTCOMES = {
    "settled": _l("Booked as instructed"),
    "returned": _l("Returned"),
    "mismatched": _l("Amount or direction differs"),
    "duplicate": _l("Answered before"),
    "unknown": _l("No payment of ours"),
    "late": _l("Booked after it was cancelled"),
}
DIRECT_STATES = {
    "prepared": _l("Prepared"),
    "released": _l("Handed out"),
    "confirmed": _l("Arrived"),
    "failed": _l("Did not arrive"),
}
MODES = {"hub": _l("Through the network"), "direct": _l("Merchants pay each other")}
MODE_MEANINGS = {
    "hub": _l("Each merchant is paid by the network, or pays it: at most one payment each."),
    "direct": _l(
        "Who owes most pays who is owed most, until one side is out; the rest goes through the "
        "network. Among N merchants that is at most N − 1 payments."
    ),
}
MONEY_ACCOUNTS = {
    "settlement": _l("Merchant's settlement account"),
    "deposit": _l("Deposit"),
    "reserve": _l("Reserve"),
    "pool": _l("Pool"),
    "margin": _l("Network's margin"),
    "fees": _l("Network's fees"),
    "vat": _l("VAT"),
    "rounding": _l("Rounding"),
    "breakage": _l("Breakage"),
    "clearing": _l("Clearing: instructed, not booked yet"),
    "bank": _l("Bank"),
    "fund": _l("The network's fund"),
}
MONEY_KINDS = {
    "netting": _l("Netting of a window"),
    "call": _l("Deposit filled up"),
    "instruction": _l("Instruction to pay"),
    "settlement": _l("Booked by the bank"),
    "return": _l("Returned by the bank"),
    "cover": _l("Moved by two people"),
    "draw": _l("Drawn for what the merchant owes"),
    "correction": _l("Correction by two people"),
    "fund": _l("Allotted to the fund, or returned"),
    "fund_draw": _l("Paid by the network's fund"),
    "loss": _l("Loss shared by who took the points"),
    "recovery": _l("Paid after a default, back to who bore it"),
    "direct": _l("Between merchants"),
    "direct_return": _l("Did not arrive, between merchants"),
    "cancellation": _l("Cancelled by two people"),
    "reinstatement": _l("Cancellation taken back: the bank booked it"),
}
