"""What can be wrong with a signature, one class and one stable code for each outcome.

The messages name the header, component or parameter to mend, for the engineer of a merchant. They
keep their text and its values apart, so that whoever shows one can say it in another language.
This module imports nothing of the network, so that the client library can be installed alone;
the gateway turns `code` into a problem of its catalogue.
"""

from typing import ClassVar


class SigningError(Exception):
    """Anything that keeps a message from being signed or believed."""

    code: ClassVar[str] = "signing"

    def __init__(self, text: str = "", /, **values: object) -> None:
        """Say ``text``, in which ``%(name)s`` stands for one of ``values``."""
        super().__init__(text % values if values else text)
        self.text, self.values = text, values


class SignatureMissingError(SigningError):
    """Signature-Input or Signature is absent or empty."""

    code = "signature_missing"


class SignatureMalformedError(SigningError):
    """Signature-Input or Signature cannot be read, or is longer than allowed."""

    code = "signature_malformed"


class SignatureMultipleError(SigningError):
    """More than one signature stands in the message."""

    code = "signature_multiple"


class SignatureParametersError(SigningError):
    """A parameter of the signature is missing, unknown, repeated or of the wrong form."""

    code = "signature_parameters"


class SignatureNonceError(SigningError):
    """The nonce is not base64 or carries fewer bytes than the profile asks for."""

    code = "signature_nonce"


class SignatureComponentsError(SigningError):
    """The covered components are not exactly those of the profile."""

    code = "signature_components"


class SignatureAlgorithmError(SigningError):
    """The algorithm is unknown, or is not the one registered for the key."""

    code = "signature_algorithm"


class SignatureExpiredError(SigningError):
    """`created` lies further back than the profile allows."""

    code = "signature_expired"


class SignatureNotYetValidError(SigningError):
    """`created` lies further ahead than the profile allows."""

    code = "signature_not_yet_valid"


class SignatureInvalidError(SigningError):
    """The signature does not fit the message and the key.

    ``signature_base`` is what must have been signed, where the message could be read so far.
    """

    code = "signature_invalid"

    def __init__(self, message: str, *, signature_base: bytes | None = None) -> None:
        super().__init__(message)
        self.signature_base = signature_base


class MessageMalformedError(SigningError):
    """A part of the message that is to be signed holds characters that cannot be signed."""

    code = "message_malformed"


class ContentTypeMissingError(SigningError):
    """The message has a body but no Content-Type."""

    code = "content_type_missing"


class IdempotencyKeyMissingError(SigningError):
    """A POST came without Idempotency-Key."""

    code = "idempotency_key_missing"


class DigestMissingError(SigningError):
    """The message has a body but no Content-Digest."""

    code = "digest_missing"


class DigestMalformedError(SigningError):
    """Content-Digest cannot be read or names an algorithm that is not accepted."""

    code = "digest_malformed"


class DigestMismatchError(SigningError):
    """Content-Digest is that of another body."""

    code = "digest_mismatch"


class KeyMalformedError(SigningError):
    """Key material that is not an acceptable key."""

    code = "key_malformed"
