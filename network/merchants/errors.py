"""Refusals of the merchants' services."""

from __future__ import annotations

from collections.abc import Mapping

from network.errors import PeyvandError


class CodeTakenError(PeyvandError):
    """Another merchant, or another store of the merchant, has that code."""

    code = "code_taken"


class MerchantDataError(PeyvandError):
    """A name, a code or a figure is not one that a merchant can have; ``field`` names it."""

    code = "invalid_merchant_data"


class TooManyKeysError(PeyvandError):
    """The merchant has as many active keys in this environment as it may."""

    code = "too_many_keys"


class TooManyNewKeysError(PeyvandError):
    """The merchant has registered as many keys within a day as it may."""

    code = "too_many_new_keys"


class UnknownKeyError(PeyvandError):
    """The merchant has no such key."""

    code = "unknown_key"


class InvalidKeyError(PeyvandError):
    """A public key or a secret cannot be used."""

    code = "invalid_key"


class KeyKnownError(PeyvandError):
    """The merchant registered this public key before; a revoked one does not come back."""

    code = "key_known"


class KeyReplacedError(PeyvandError):
    """The key to be replaced is revoked or over already."""

    code = "key_ended"


class ScopeNotHeldError(PeyvandError):
    """A key would open what the key that registers it does not."""

    code = "scope_not_held"


class TestCallMissingError(PeyvandError):
    """A merchant gets a live key once it was approved and has made a signed test call."""

    code = "test_call_missing"


class MerchantStateError(PeyvandError):
    """The merchant is not in a state in which this can be done; ``facts`` name the state."""

    code = "merchant_state"


class SponsorSellsNothingError(PeyvandError):
    """Stores, keys, earning terms and purchases are for merchants that sell."""

    code = "sponsor_sells_nothing"


class ApplicationReviewedError(PeyvandError):
    """Somebody has decided on this application already."""

    code = "application_reviewed"


class UnknownApplicationError(PeyvandError):
    """There is no such application."""

    code = "unknown_application"


class TooManyApplicationsError(PeyvandError):
    """This address, or everybody together, has sent as many applications as may wait."""

    code = "too_many_applications"


class UnknownPlaceError(PeyvandError):
    """The merchant has no such store, or the store no such terminal."""

    code = "unknown_place"


class PointsOutstandingError(PeyvandError):
    """A merchant's points are still in wallets; ``facts`` say how many."""

    code = "points_outstanding"


class BalanceOpenError(PeyvandError):
    """A merchant's accounts with the network are not at zero; ``facts`` say what stands on which.

    ``accounts`` has amounts by account and currency, above zero where the network owes it.
    """

    code = "balance_open"

    def __init__(self, message: str, *, accounts: Mapping[str, Mapping[str, int]]) -> None:
        super().__init__(message, facts=dict(accounts))
        self.accounts = accounts


class UnknownAgreementError(PeyvandError):
    """There is no such agreement."""

    code = "unknown_agreement"


class AlreadyApprovedError(PeyvandError):
    """The agreement was approved before, or another one begins on the same day."""

    code = "already_approved"


class NotOwnError(PeyvandError):
    """Only whoever proposed an agreement takes it back."""

    code = "not_own_proposal"


class SamePersonError(PeyvandError):
    """Whoever proposed an agreement cannot approve it."""

    code = "second_person_required"


class BackdatedAgreementError(PeyvandError):
    """An agreement would begin today or earlier: points were already priced without it."""

    code = "backdated"


class KeyNeedsTwoError(PeyvandError):
    """A live key of a merchant that takes part is proposed by one operator, approved by another."""

    code = "key_needs_two"
