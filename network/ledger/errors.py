"""The ledger's refusals: one class per stable code (``errors_by_code`` makes them)."""

from __future__ import annotations

from network.errors import InvariantError, PeyvandError, UnavailableError


class Refusal(PeyvandError):  # noqa: N818 - a refusal is an answer, not a malfunction
    """The ledger understood the call and will not do it; nothing was stored."""

    code = "refused"
    sentence = "the ledger refused the call"


class WalletClosed(Refusal):
    """The wallet was closed for good."""

    code = "wallet_closed"
    sentence = "this wallet is closed and takes no further points"


class SpendLocked(Refusal):
    """The member locked spending."""

    code = "spend_locked"
    sentence = "the member has locked spending; the lock is lifted in the wallet"


class InsufficientPoints(Refusal):
    """Fewer points are spendable here than were asked for."""

    code = "insufficient_points"
    sentence = "fewer points are spendable than were asked for; see facts.spendable"


class PointsSuspended(Refusal):
    """The points would suffice, but those of an issuer among them are suspended."""

    code = "points_suspended"
    sentence = "some of the member's points are suspended; see facts.spendable and facts.suspended"


class IssuerSuspended(Refusal):
    """Two people suspended the points of this issuer: none come into being meanwhile."""

    code = "issuer_suspended"
    sentence = "points of this issuer are suspended; none can be given now; see facts.issuer_id"


class CodeExpired(Refusal):
    """The member's code is older than its life."""

    code = "code_expired"
    sentence = "the member's code has expired; ask for the one now shown"


class CodeUsed(Refusal):
    """The member's code has already paid for something."""

    code = "code_used"
    sentence = "the member's code was used before; ask for the one now shown"


class CodeLimit(Refusal):
    """More points were asked for than the member allowed with this code."""

    code = "code_limit"
    sentence = "the member's code allows fewer points than were asked for; see facts.limit"


class DuplicateReference(Refusal):
    """The merchant used this reference for this member before."""

    code = "duplicate_reference"
    sentence = "this merchant_ref was used before; facts.sequence is the earlier entry"


class ReferenceBarred(Refusal):
    """The reference was reversed, so no call with it may succeed."""

    code = "reference_barred"
    sentence = "this merchant_ref was reversed and cannot be used again"


class UnknownOriginal(Refusal):
    """The entry to settle or refund does not exist for this member and merchant."""

    code = "unknown_original"
    sentence = "this member has no such entry of this merchant"


class AlreadyCaptured(Refusal):
    """The authorisation was captured before."""

    code = "already_captured"
    sentence = "the authorisation has been captured; refund the redemption instead"


class AlreadyVoided(Refusal):
    """The authorisation was voided before."""

    code = "already_voided"
    sentence = "the authorisation has been voided; authorise again"


class HoldExpired(Refusal):
    """The hold's life ended and its points can no longer be captured."""

    code = "hold_expired"
    sentence = "the hold has ended and its points are no longer there; authorise again"


class CaptureExceedsHold(Refusal):
    """More points were to be captured than are held."""

    code = "capture_exceeds_hold"
    sentence = "no more can be captured than was authorised; see facts.held"


class RefundExceedsOriginal(Refusal):
    """More was to be refunded than is left of the original."""

    code = "refund_exceeds_original"
    sentence = "no more can be refunded than is left of the original; see facts.refundable"


class TooManyRefunds(Refusal):
    """The redemption was refunded by amount as often as that may be: each reads all before it."""

    code = "too_many_refunds"
    sentence = "a redemption takes facts.refunds refunds by amount; give the rest back in points"


class RefundOfRefund(Refusal):
    """The original is itself a refund."""

    code = "refund_of_refund"
    sentence = "a refund cannot be refunded; post the purchase or redemption anew"


class NotRefundable(Refusal):
    """The original is of a kind that has nothing to refund."""

    code = "not_refundable"
    sentence = "an entry of this kind cannot be refunded; see facts.kind"


class UnknownWallet(Refusal):
    """The member has no wallet."""

    code = "unknown_wallet"
    sentence = "this member has no wallet"


class PointsOutOfRange(Refusal):
    """A count or amount is below one, or larger than a call or balance may carry."""

    code = "points_out_of_range"
    sentence = "a count of points or an amount must be at least 1 and at most 10^15"


class GrantLapsed(Refusal):
    """The points would have expired before they were credited: the caller's clock is behind."""

    code = "grant_lapsed"
    sentence = "these points had expired before they came; price the purchase anew"


class IdempotencyConflict(Refusal):
    """The idempotency key already stands for another request."""

    code = "idempotency_conflict"
    sentence = "this idempotency key stands for another request or another member"


class SameWallet(Refusal):
    """Both sides of the movement are one wallet."""

    code = "same_wallet"
    sentence = "points cannot move from a wallet to itself"


class OpenHolds(Refusal):
    """Merchants still hold points of the wallet."""

    code = "open_holds"
    sentence = "merchants still hold points of this wallet; wait until they are settled"


class OpenDebt(Refusal):
    """The member still owes points."""

    code = "open_debt"
    sentence = "this wallet owes points; they are repaid or written off first"


class NotInPool(Refusal):
    """The member has not joined this shared wallet, or has left it."""

    code = "not_in_pool"
    sentence = "this member is not part of that shared wallet"


class UnknownLot(Refusal):
    """The wallet has no such lot with available points."""

    code = "unknown_lot"
    sentence = "this wallet has no such lot with available points"


class ExpiryNotLater(Refusal):
    """An extension must end later than the lot does."""

    code = "expiry_not_later"
    sentence = "the new expiry must be later than the lot's own; see facts.expires_on"


class SamePerson(Refusal):
    """One person proposed and approved."""

    code = "same_person"
    sentence = "whoever proposed a correction cannot approve it"


class WriteOffExceedsDebt(Refusal):
    """More was to be forgiven than is owed."""

    code = "write_off_exceeds_debt"
    sentence = "the member owes this issuer fewer points; see facts.debt"


class ReferenceMoved(Refusal):
    """The reference belongs to a wallet that has moved into this one; see facts.member_id."""

    code = "reference_moved"
    sentence = "this merchant_ref was used with another wallet of the member; see facts.member_id"


class WalletMoved(Refusal):
    """The member's points moved while the call waited for them; asked again, it finds them."""

    code = "wallet_moved"
    sentence = "the member's points have just moved to another wallet; ask again"


class PersonLimit(Refusal):
    """The wallet's owner lets this person spend fewer points of it: ``facts["left"]``."""

    code = "person_limit"
    sentence = "this person may spend fewer points of the shared wallet; see facts.left"


class PricedAgain(Refusal):
    """The price no longer holds: whoever reckoned it reckons again and asks again."""


class Stale(PricedAgain):
    """The wallet has moved on since its history was read for the price."""

    code = "stale"
    sentence = "the wallet has moved on since the purchase was priced; price it again"


class CampaignExhausted(PricedAgain):
    """Less is left of a campaign's budget than the purchase was to have."""

    code = "campaign_exhausted"
    sentence = "too little is left of the campaign's budget; see facts.left"


class CampaignPaused(PricedAgain):
    """The campaign does not run at the moment, or any more."""

    code = "campaign_paused"
    sentence = "the campaign is paused or has ended; see facts.campaign_id"


class WalletBusyError(UnavailableError):
    """The wallet stayed locked by other calls for too long: nothing was done, try again."""

    code = "wallet_busy"


class ClockAheadError(UnavailableError):
    """The caller's clock is ahead of the database server's: nothing was done, set the clocks right.

    ``facts``: now (what the caller named), server.
    """

    code = "clock_ahead"


class ClockBehindError(UnavailableError):
    """The same, far behind the database server's: by more than work may take."""

    code = "clock_behind"


class LedgerInvariantError(InvariantError):
    """The ledger was asked for what its own rules exclude, or found them broken."""

    code = "ledger_invariant"
