"""Refusals of the merchants' services."""

from __future__ import annotations

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


class UnknownKeyError(PeyvandError):
    """The merchant has no such key."""

    code = "unknown_key"


class InvalidKeyError(PeyvandError):
    """A public key or a secret cannot be used."""

    code = "invalid_key"


class UnknownAgreementError(PeyvandError):
    """There is no such agreement."""

    code = "unknown_agreement"


class AlreadyApprovedError(PeyvandError):
    """The agreement was approved before, or another one begins on the same day."""

    code = "already_approved"


class SamePersonError(PeyvandError):
    """Whoever proposed an agreement cannot approve it."""

    code = "second_person_required"


class BackdatedAgreementError(PeyvandError):
    """An agreement would begin today or earlier: points were already priced without it."""

    code = "backdated"
