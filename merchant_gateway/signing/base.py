"""The signature base and the texts around it, for any RFC 9421 signature.

Nothing here knows the profile: `profile.py` and the modules above it decide what is covered.
"""

from binascii import b2a_base64
from collections.abc import Iterable, Mapping

from merchant_gateway.signing import profile
from merchant_gateway.signing.errors import MessageMalformedError
from merchant_gateway.signing.words import gettext as _


def format_bytes(value: bytes) -> str:
    """Return a Byte Sequence as a structured field writes it (RFC 9651, 4.1.8)."""
    return f":{b2a_base64(value, newline=False).decode('ascii')}:"


def format_parameters(*, components: Iterable[str], parameters: Mapping[str, int | str]) -> str:
    """Return the value of `@signature-params`: the covered identifiers, then the parameters.

    Strings must be free of quotes and backslashes, as everything in the profile is; so the text
    is both what goes into the header and what is signed (RFC 9421, 2.3).
    """
    listed = " ".join(components)
    tail = "".join(
        f";{name}={value}" if isinstance(value, int) else f';{name}="{value}"'
        for name, value in parameters.items()
    )
    return f"({listed}){tail}"


def build_base(*, components: Iterable[tuple[str, str]], parameters: str) -> bytes:
    """Return the bytes that are signed (RFC 9421, 2.5).

    `components` are serialised identifiers with their values, in the order covered;
    `parameters` is the text of `@signature-params`. Raises MessageMalformedError for a value
    that is not printable ASCII, or that has spaces around it: a line break would let one value
    pass for two components.
    """
    listed = [*components]
    together = "".join([value for _, value in listed])
    if not _is_plain(together) or " " in together:
        for identifier, value in listed:
            _check_value(identifier, value)
    lines = [f"{identifier}: {value}\n" for identifier, value in listed]
    lines.append(f'"@signature-params": {parameters}')
    return "".join(lines).encode("ascii")


def _is_plain(value: str) -> bool:
    return (
        value.isascii() and value.isprintable() and len(value) <= profile.COMPONENT_MAX_CHARACTERS
    )


def _check_value(identifier: str, value: str) -> None:
    if not _is_plain(value) or value[:1] == " " or value[-1:] == " ":
        raise MessageMalformedError(
            _(
                "The value of %(name)s must be printable ASCII without surrounding spaces, of at "
                "most %(most)s characters."
            ),
            name=identifier,
            most=profile.COMPONENT_MAX_CHARACTERS,
        )
