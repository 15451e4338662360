"""The checks that requests and answers share, and the one for evidence."""

from collections.abc import Collection
from datetime import datetime

from merchant_gateway.signing import profile
from merchant_gateway.signing.errors import (
    SignatureAlgorithmError,
    SignatureComponentsError,
    SignatureExpiredError,
    SignatureInvalidError,
    SignatureNotYetValidError,
)
from merchant_gateway.signing.keys import VerifyingKey
from merchant_gateway.signing.messages import Evidence, ParsedSignature
from merchant_gateway.signing.words import gettext as _

_MILLISECONDS_LIE_AHEAD = 100 * 365 * 86_400
"""So many seconds no clock is wrong by; a time in milliseconds is, by fifty millennia."""


def check_created(*, parsed: ParsedSignature, now: datetime) -> None:
    """Check that `created` lies within the profile's window, both ends included.

    `now` is aware; a naive one raises ValueError, since it would be read as local time. Raises
    SignatureExpiredError or SignatureNotYetValidError.
    """
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    age_seconds = int(now.timestamp()) - parsed.created
    if age_seconds > profile.MAX_AGE_SECONDS:
        raise SignatureExpiredError(
            _(
                "Signature-Input: created is %(age)s s old, more than %(most)s s. Sign each "
                "attempt anew and check the clock."
            ),
            age=age_seconds,
            most=profile.MAX_AGE_SECONDS,
        )
    if age_seconds < -profile.MAX_AHEAD_SECONDS:
        if -age_seconds > _MILLISECONDS_LIE_AHEAD:
            raise SignatureNotYetValidError(
                _(
                    "Signature-Input: created is %(created)s. Is that in milliseconds? It must be "
                    "the seconds since 1970."
                ),
                created=parsed.created,
            )
        raise SignatureNotYetValidError(
            _(
                "Signature-Input: created lies %(ahead)s s ahead, more than %(most)s s. Check the "
                "clock of the machine that signs."
            ),
            ahead=-age_seconds,
            most=profile.MAX_AHEAD_SECONDS,
        )


def check_algorithm(*, parsed: ParsedSignature, key: VerifyingKey) -> None:
    """Check that the message names the algorithm of the key; raises SignatureAlgorithmError."""
    if parsed.algorithm is not key.algorithm:
        raise SignatureAlgorithmError(
            _(
                "Signature-Input: alg is %(named)s, but the key %(key)s is registered for "
                "%(registered)s."
            ),
            named=parsed.algorithm,
            key=parsed.key_id,
            registered=key.algorithm,
        )


def check_components(*, covered: Collection[str], expected: Collection[str]) -> None:
    """Check that exactly the expected components are covered, in any order.

    Raises SignatureComponentsError, which names what is missing and what is too much.
    """
    if [*covered] == [*expected]:
        return
    missing = " ".join(identifier for identifier in expected if identifier not in covered)
    extra = " ".join(identifier for identifier in covered if identifier not in expected)
    if missing and extra:
        told = _(
            "Signature-Input must cover exactly the components of the profile (missing: "
            "%(missing)s; not expected: %(extra)s)."
        )
    elif missing:
        told = _(
            "Signature-Input must cover exactly the components of the profile (missing: "
            "%(missing)s)."
        )
    elif extra:
        told = _(
            "Signature-Input must cover exactly the components of the profile (not expected: "
            "%(extra)s)."
        )
    else:
        return
    raise SignatureComponentsError(told, missing=missing, extra=extra)


def verify_evidence(*, evidence: Evidence, key: VerifyingKey) -> None:
    """Check evidence that was kept, whatever its age; raises SignatureInvalidError."""
    if not key.verify(signature=evidence.signature, message=evidence.signature_base):
        raise SignatureInvalidError(_("The signature does not fit the signature base and the key."))
