"""Reading Signature-Input and Signature, strictly.

`parse_member` reads any single RFC 9421 signature that is written canonically, so that the text
received is at once the text signed. `parse_request_signature` and `parse_answer_signature` then
hold it to the profile. More than one signature, repeated or unknown parameters, escapes in
strings, decimals, and spaces where the canonical form has none are refused.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from merchant_gateway.signing import profile
from merchant_gateway.signing.base import format_bytes
from merchant_gateway.signing.errors import (
    SignatureAlgorithmError,
    SignatureComponentsError,
    SignatureMalformedError,
    SignatureMissingError,
    SignatureMultipleError,
    SignatureNonceError,
    SignatureParametersError,
)
from merchant_gateway.signing.keys import Algorithm
from merchant_gateway.signing.messages import ParsedSignature
from merchant_gateway.signing.words import gettext as _

# The grammar of RFC 9651 as far as signatures need it. Each alternative begins with a character
# of its own, so matching is linear in the length of the header.
_KEY: Final = r"[a-z*][a-z0-9_.*-]{0,63}"
_STRING: Final = r'"[ !#-\[\]-~]*"'
_INTEGER: Final = r"(?:0|[1-9][0-9]{0,14})"
_PARAMETERS: Final = rf"(?:;{_KEY}(?:=(?:{_STRING}|{_INTEGER}))?)*"
_ITEM: Final = rf"{_STRING}{_PARAMETERS}"

_MEMBER_PATTERN = re.compile(rf"({_KEY})=(\(((?:{_ITEM}(?: {_ITEM})*)?)\)({_PARAMETERS}))")
_ITEM_PATTERN = re.compile(_ITEM)
_PARAMETER_PATTERN = re.compile(rf";({_KEY})(?:=({_STRING}|{_INTEGER}))?")
_SIGNATURE_PATTERN = re.compile(rf"({_KEY})=(:[A-Za-z0-9+/]*={{0,2}}:)")
_LABEL_PATTERN = re.compile(_KEY)
_KEY_ID_PATTERN = re.compile(r"[A-Za-z0-9_.:~-]{1,128}")
_NONCE_PATTERN = re.compile(r"(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)(={0,2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A single signature as the two headers give it, held to no profile.

    `parameters` is the text of `@signature-params`; `values` are the same parameters by name, a
    flag being True.
    """

    label: str
    components: tuple[str, ...]
    parameters: str
    values: dict[str, int | str | bool]
    signature: bytes


def parse_member(*, signature_input: str | None, signature: str | None) -> Member:
    """Read the one signature of a message.

    Raises SignatureMissingError, SignatureMalformedError, SignatureMultipleError, and
    SignatureParametersError or SignatureComponentsError for what is repeated.
    """
    match = _match("Signature-Input", _MEMBER_PATTERN, signature_input)
    label, parameters, listed, tail = match.groups()
    signature_match = _match("Signature", _SIGNATURE_PATTERN, signature)
    if signature_match[1] != label:
        raise SignatureMalformedError(
            _("Signature and Signature-Input must use the same label before '='.")
        )
    return Member(
        label=label,
        components=_components(listed),
        parameters=parameters,
        values=_parameter_values(tail),
        signature=_decode(signature_match[2]),
    )


def parse_request_signature(
    *, signature_input: str | None, signature: str | None
) -> ParsedSignature:
    """Read a request's signature and hold its parameters to the profile.

    Which components have to be covered depends on the request, and is checked with it. Raises
    what `parse_member` raises, SignatureParametersError, SignatureAlgorithmError and
    SignatureNonceError.
    """
    member = parse_member(signature_input=signature_input, signature=signature)
    _check_names(member, profile.REQUEST_PARAMETERS)
    nonce = _text(member, "nonce")
    check_nonce(nonce)
    return _parsed(member, nonce=nonce)


def parse_answer_signature(
    *, signature_input: str | None, signature: str | None
) -> ParsedSignature:
    """Read the signature of an answer, as `parse_request_signature` reads a request's."""
    member = parse_member(signature_input=signature_input, signature=signature)
    _check_names(member, profile.ANSWER_PARAMETERS)
    return _parsed(member, nonce=None)


def check_nonce(nonce: str) -> None:
    """Check that a nonce is base64 or base64url, padded or not, and long enough.

    Raises SignatureNonceError.
    """
    match = _NONCE_PATTERN.fullmatch(nonce)
    if match is None:
        raise SignatureNonceError(_("The nonce of Signature-Input must be base64 or base64url."))
    digits = match.start(1)
    if digits % 4 == 1 or (match[1] and len(nonce) % 4):
        raise SignatureNonceError(
            _("The nonce of Signature-Input is base64 of an impossible length.")
        )
    if not profile.NONCE_MIN_BYTES <= digits * 3 // 4 <= profile.NONCE_MAX_BYTES:
        raise SignatureNonceError(
            _("The nonce of Signature-Input must carry %(least)s to %(most)s random bytes."),
            least=profile.NONCE_MIN_BYTES,
            most=profile.NONCE_MAX_BYTES,
        )


def check_label(label: str) -> None:
    """Check that a text can be the label of a signature; raises SignatureMalformedError."""
    if _LABEL_PATTERN.fullmatch(label) is None:
        raise SignatureMalformedError(
            _("A signature's label is a lower-case letter followed by letters, digits, _ - . or *.")
        )


def check_key_id(key_id: str) -> None:
    """Check that a text can be a keyid; raises SignatureParametersError."""
    if _KEY_ID_PATTERN.fullmatch(key_id) is None:
        raise SignatureParametersError(
            _(
                "The keyid of Signature-Input is 1 to 128 letters, digits and _ . : ~ -, "
                "as shown when the key was registered."
            )
        )


def _match(name: str, pattern: re.Pattern[str], value: str | None) -> re.Match[str]:
    if not value:
        raise SignatureMissingError(_("The %(name)s header is missing."), name=name)
    if len(value) > profile.HEADER_MAX_CHARACTERS:
        raise SignatureMalformedError(
            _("%(name)s is longer than %(most)s characters."),
            name=name,
            most=profile.HEADER_MAX_CHARACTERS,
        )
    if not (value.isascii() and value.isprintable()):
        raise SignatureMalformedError(_("%(name)s must be printable ASCII on one line."), name=name)
    match = pattern.fullmatch(value)
    if match is not None:
        return match
    beginning = pattern.match(value)
    if beginning is None:
        raise SignatureMalformedError(
            _("%(name)s cannot be read as one labelled signature."), name=name
        )
    if value[beginning.end() :].lstrip(" ").startswith(","):
        raise SignatureMultipleError(_("%(name)s must hold exactly one signature."), name=name)
    raise SignatureMalformedError(
        _("%(name)s cannot be read from character %(place)s on."),
        name=name,
        place=beginning.end() + 1,
    )


@lru_cache(maxsize=256)
def _components(listed: str) -> tuple[str, ...]:
    """Return the identifiers that are covered; most requests list the same."""
    components = tuple(_ITEM_PATTERN.findall(listed))
    if len(set(components)) != len(components):
        raise SignatureComponentsError(_("Signature-Input names a component twice."))
    return components


def _parameter_values(tail: str) -> dict[str, int | str | bool]:
    values: dict[str, int | str | bool] = {}
    for name, text in _PARAMETER_PATTERN.findall(tail):
        if name in values:
            raise SignatureParametersError(
                _("Signature-Input gives the parameter %(name)s twice."), name=name
            )
        if not text:
            values[name] = True
        elif text[0] == '"':
            values[name] = text[1:-1]
        else:
            values[name] = int(text)
    return values


def _decode(text: str) -> bytes:
    try:
        value = a2b_base64(text[1:-1], strict_mode=True)
    except Base64Error:
        value = b""
    # Writing it again finds what the decoder lets through, such as bits beyond the last byte.
    if not value or format_bytes(value) != text:
        raise SignatureMalformedError(
            _("Signature is not padded, canonical base64 between colons.")
        )
    return value


def _check_names(member: Member, expected: frozenset[str]) -> None:
    if member.values.keys() == expected:
        return
    missing = ", ".join(sorted(expected - member.values.keys()))
    unknown = ", ".join(sorted(member.values.keys() - expected))
    if missing and unknown:
        told = _(
            "The parameters of Signature-Input are not those of the profile (missing: %(missing)s; "
            "unknown: %(unknown)s)."
        )
    elif missing:
        told = _(
            "The parameters of Signature-Input are not those of the profile (missing: %(missing)s)."
        )
    else:
        told = _(
            "The parameters of Signature-Input are not those of the profile (unknown: %(unknown)s)."
        )
    raise SignatureParametersError(told, missing=missing, unknown=unknown)


def _text(member: Member, name: str) -> str:
    value = member.values[name]
    if not isinstance(value, str):
        raise SignatureParametersError(
            _("The %(name)s of Signature-Input must be a quoted string."), name=name
        )
    return value


def _parsed(member: Member, *, nonce: str | None) -> ParsedSignature:
    created = member.values["created"]
    if type(created) is not int:
        raise SignatureParametersError(
            _("The created of Signature-Input must be a whole number of seconds, unquoted.")
        )
    if _text(member, "tag") != profile.TAG:
        raise SignatureParametersError(
            _('The tag of Signature-Input must be "%(tag)s".'), tag=profile.TAG
        )
    key_id = _text(member, "keyid")
    check_key_id(key_id)
    try:
        algorithm = Algorithm(_text(member, "alg"))
    except ValueError as error:
        raise SignatureAlgorithmError(
            _("The alg of Signature-Input must be one of %(known)s."), known=", ".join(Algorithm)
        ) from error
    return ParsedSignature(
        label=member.label,
        components=member.components,
        parameters=member.parameters,
        created=created,
        key_id=key_id,
        algorithm=algorithm,
        nonce=nonce,
        signature=member.signature,
    )
