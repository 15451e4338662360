"""The reader's words for what is refused about payments, and about what needs two people."""

from __future__ import annotations

from collections.abc import Mapping

from network.clearing.aborting import AbortError
from network.errors import PeyvandError
from network.language import LazyText
from network.language import lazy_gettext as _l
from network.members.errors import InvalidMemberDataError
from network.members.merging import MergeError
from network.merchants import errors as merchants
from network.money.errors import MoneyError
from network.operators.errors import ProposalError
from network.programme.cancelling import ValueKeptError
from network.programme.service import ProgrammeError
from settlement.console.programme_form import TAKEN, WRONG

_PLAIN_FIELDS = frozenset(
    {None, "file", "amount", "act", "account", "bank_ref", "mode", "effective_from", "source"}
)
REFUSED = (
    *(MoneyError, ProposalError, AbortError, ProgrammeError, InvalidMemberDataError),
    *(ValueKeptError, MergeError),
    *(merchants.InvalidKeyError, merchants.KeyKnownError, merchants.MerchantStateError),
    *(merchants.TooManyKeysError, merchants.TooManyNewKeysError, merchants.TestCallMissingError),
    merchants.SponsorSellsNothingError,
)
"""What these words are about."""

_WORDS: Mapping[str, Mapping[str, LazyText]] = {
    "window_abort_refused": {
        "unknown": _l("There is no such window."),
        "settled": _l("This window is settled: what is published stays."),
        "aborted": _l("This window is aborted already."),
        "not_reckoned": _l("This window is not reckoned yet: its night can simply run again."),
        "running": _l("A night works on this window right now: try again shortly."),
    },
    "payment_release_refused": {
        "nothing": _l("This window has nothing to pay or to collect."),
        "totals": _l("The totals are no longer those of the window's payments: look again."),
        "proposed": _l("The release of these payments has been proposed already."),
        "not_proposed": _l("Nobody has proposed the release of these payments."),
        "released": _l("These payments are released already."),
        "not_own": _l("Only whoever proposed it can take it back."),
        "same_person": _l("Whoever proposed the release can't approve it: ask a colleague."),
    },
    "payment_file_refused": {
        "none": _l("No payment of this window belongs in that file."),
        "invalid": _l("The file is not what it should be, so it was not given out."),
        "currency": _l("No file can be made in this currency."),
        "not_settled": _l("This window is not settled."),
        "not_released": _l("Two people have to release the payments of this window first."),
        "no_window": _l("There is no such window."),
        "no_account": _l("The account that payments leave from is not set (PEYVAND_PAYMENT_IBAN)."),
        "iban": _l("An IBAN is not valid, so nothing was given out."),
        "totals": _l(
            "Payments, statements and the money ledger come to different totals: nothing leaves "
            "the house."
        ),
    },
    "business_day_closing": {
        "closing": _l("The business day is just closing: try again shortly."),
    },
    "night_unpublished": {
        "unpublished": _l(
            "The night of an earlier day is not published yet, and may collect this debt: approve "
            "it after that."
        ),
    },
    "payment_cancellation_refused": {
        "answered": _l("The bank has answered this payment, so it can't be cancelled."),
        "cancelled": _l("This payment is cancelled already."),
        "not_released": _l("This payment has not left the house yet."),
        "unknown": _l("There is no such payment."),
    },
    "cover_refused": {
        "amount": _l("Give an amount above zero."),
        "unknown": _l("There is no such movement."),
        "balance": _l("The network does not hold as much."),
        "deposit_first": _l("The deposit pays before the reserve."),
        "not_owed": _l("The merchant does not owe as much unpaid."),
        "covers": _l("This still covers what the merchant stands to owe."),
        "bank_ref_missing": _l("The bank's reference is needed: without it nobody can look it up."),
        "bank_ref_long": _l("No reference of a bank is as long as this: give it as it stands."),
        "bank_ref_entered": _l(
            "The bank's reference has been entered before: one booking counts once."
        ),
        "bank_ref_answered": _l(
            "The bank's reference is that of a payment's booking, not of a deposit or reserve."
        ),
    },
    "default_refused": {
        "unknown": _l("There is no such movement."),
        "amount": _l("Give an amount above zero."),
        "balance": _l("The fund does not hold as much."),
        "margin": _l("The network's margin does not hold as much."),
        "not_stopped": _l("Two people have to stop it from giving points first."),
        "not_owed": _l("The merchant does not owe as much unpaid."),
        "earlier_step": _l("Deposit, reserve and fund pay first, in this order."),
        "not_taken": _l("What it has not paid of its windows does not come to as much."),
        "changed": _l("The shares are no longer those shown: decline it, and propose it anew."),
        "no_balance": _l("Its balance does not hold as much."),
        "owes_itself": _l(
            "It still owes on its balance: enter the money as a deposit and draw it for that first."
        ),
        "not_borne": _l("Others and its own cover have not paid as much for it."),
        "bank_ref_long": _l("No reference of a bank is as long as this: give it as it stands."),
        "bank_ref_missing": _l("The bank's reference is needed: without it nobody can look it up."),
        "bank_ref_entered": _l(
            "The bank's reference has been entered before: one booking counts once."
        ),
        "bank_ref_answered": _l(
            "The bank's reference is that of a payment's booking, not of money paid late."
        ),
    },
    "direct_payment_refused": {
        "not_released": _l("Nobody was told to pay this yet: release the window's payments first."),
        "answered": _l("What became of it was written down before."),
        "unknown": _l("There is no such payment."),
    },
    "payment_mode_refused": {
        "unknown": _l("There is no such way to pay."),
        "too_early": _l("Give a day that has not begun."),
    },
    "issuer_suspension_refused": {
        "suspended": _l("It gives no points already."),
        "not_suspended": _l("Nobody has stopped it from giving points."),
        "points_first": _l("Its points are suspended: lift that first."),
        "recover_first": _l(
            "Others still bear its loss: what it earns belongs to them. Give that back first."
        ),
        "points_suspended": _l("Its points are suspended already."),
        "points_not_suspended": _l("Its points are not suspended."),
    },
    "value_kept": {
        "unknown": _l("Nothing that two people approved begins on that day."),
        "begun": _l("Its day has begun, so it stays: propose another value for a day to come."),
        "funds_campaign": _l("A campaign is paid by this agreement: end the campaign first."),
        "changed": _l("It says something else by now: decline this, and propose it anew."),
    },
    "merge_refused": {
        "same": _l("That is the same member: name the other one."),
        "unknown": _l("Nobody is found: give a member's whole id, card number or mobile number."),
        "closed": _l("One of them has closed the account: there is nobody to merge with."),
        "merged": _l("One of them was merged before: name the member who remains."),
        "shared": _l("One of them shares a wallet: they leave it first, or end it."),
        "frozen": _l("The network has locked the spending of one of them: let go first."),
        "holds": _l("Merchants hold points of who would go: wait until these are settled."),
    },
    "proposal_refused": {
        "no_reason": _l("Say why, in a sentence or two."),
        "waiting": _l("The same waits for a second person already."),
        "unknown": _l("There is no such proposal."),
        "decided": _l("Somebody has decided on this already."),
        "same_person": _l("Whoever proposed this can't approve it: ask a colleague."),
        "way_in_ended": _l("The code was ended meanwhile, or is too old: decline this."),
    },
    "bank_line_refused": {
        "reference_reused": _l(
            "A reference of the bank stands for another booking than the one taken before."
        ),
    },
    "bank_line_again_refused": {
        "unknown": _l("There is no such line."),
        "counted": _l("This line has counted already."),
        "entered": _l("This booking is entered otherwise, or waits to be: decline that first."),
        "nothing": _l("This line would still move nothing: payment, amount or direction differ."),
        "changed": _l("It would mean something else now: decline it, and propose it anew."),
    },
    "bank_file_refused": {
        "effect_changed": _l(
            "The file would have another effect now than the one shown: decline it, and take the "
            "file anew."
        ),
        "not_camt": _l("The file can't be read as a camt.053.001.08 statement."),
        "too_large": _l("The file is too large."),
        "dtd": _l("The file holds a document type definition, which is not allowed."),
        "not_xml": _l("The file is not XML."),
        "other_message": _l("The file is another message, not camt.053.001.08."),
        "no_account": _l("The statement names no account."),
        "other_account": _l("The statement is of another account than ours."),
        "no_name": _l("The statement has no name."),
        "no_amount": _l("A booking has no amount, or does not say in or out."),
        "no_reference": _l("A booking has no reference of the bank."),
        "too_long": _l("A reference or an account is longer than the message allows."),
        "repeated": _l("Something stands twice that may stand once."),
        "state": _l("The state of a booking is not known: it may be booked or not."),
        "direction": _l("A booking says neither in nor out."),
        "reversal": _l("It is not clear whether a booking is a reversal."),
        "currency": _l("The file holds amounts in a currency that is not known here."),
        "amount": _l("An amount is not a number, or out of range."),
        "date": _l("A booking's date is none."),
        "no_date": _l("A booking has no date."),
    },
}


_PROGRAMME: Mapping[str, LazyText] = {
    "backdated": WRONG["effective_from"],
    "date_taken": TAKEN,
    "invalid_member_data": _l(
        "A tier has a code and a rank that no other has, and a name in both languages."
    ),
}


KEYS: Mapping[type[PeyvandError], LazyText] = {
    merchants.InvalidKeyError: _l(
        "This is not an Ed25519 public key, or a weak one, or no scope was chosen."
    ),
    merchants.KeyKnownError: _l("This public key was registered before: a new pair is needed."),
    merchants.TooManyKeysError: _l("There are four active keys already: revoke one first."),
    merchants.TooManyNewKeysError: _l("There were twenty new keys today: wait until tomorrow."),
    merchants.TestCallMissingError: _l(
        "Its test key has signed nothing yet: a live key follows a signed test call."
    ),
    merchants.MerchantStateError: _l("That can't be done in the state this merchant is in."),
    merchants.SponsorSellsNothingError: _l(
        "A sponsor sells nothing: it has no stores, keys or earning terms."
    ),
}


def refusal(error: PeyvandError) -> str:
    """Return in one sentence what is refused, with the place in a file where it stands."""
    if type(error) in KEYS:
        return str(KEYS[type(error)])
    if isinstance(error, (ProgrammeError, InvalidMemberDataError)):
        said = _PROGRAMME.get(error.code) or WRONG.get(error.field or "")
        return str(said or error.message)
    words = str(_WORDS.get(error.code, {}).get(getattr(error, "reason", ""), error.message))
    return f"{words} ({error.field})" if error.field not in _PLAIN_FIELDS else words
