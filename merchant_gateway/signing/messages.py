"""The values that signing works on: messages as received, signatures as read, evidence."""

from dataclasses import dataclass

from merchant_gateway.signing.errors import MessageMalformedError
from merchant_gateway.signing.keys import Algorithm
from merchant_gateway.signing.words import gettext as _

_DEFAULT_PORTS = (":443", ":80")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMessage:
    """A request, as it stood on the wire.

    `authority` is the Host header; `path` and `query` are raw, nothing decoded and nothing
    re-encoded, `query` without its question mark; see `split_target`. Header values are the
    received ones, None for an absent header. A signer leaves `content_digest` None.
    """

    method: str
    authority: str
    path: str
    query: str = ""
    content_type: str | None = None
    content_digest: str | None = None
    idempotency_key: str | None = None
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerMessage:
    """An answer, with the body exactly as sent (before any content coding is undone)."""

    status: int
    content_digest: str | None
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedSignature:
    """One signature, read and of this profile's form, but not yet believed.

    `components` are serialised identifiers in the signer's order. `parameters` is the text of
    `@signature-params` exactly as received. `created` counts seconds since 1970-01-01 UTC.
    `nonce` is None in answers.
    """

    label: str
    components: tuple[str, ...]
    parameters: str
    created: int
    key_id: str
    algorithm: Algorithm
    nonce: str | None
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBinding:
    """The label and the bytes of a request's signature, to which its answer is bound."""

    label: str
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a third party needs, besides the public key and the body, to judge a signature."""

    signature_base: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHeaders:
    """The headers that a signer adds, and the binding by which it will know the answer."""

    content_digest: str | None
    signature_input: str
    signature: str
    binding: RequestBinding
    evidence: Evidence

    def as_headers(self) -> dict[str, str]:
        """Return the headers by name, Content-Digest only where there is one."""
        headers = {"Signature-Input": self.signature_input, "Signature": self.signature}
        if self.content_digest is not None:
            headers["Content-Digest"] = self.content_digest
        return headers


def split_target(target: str) -> tuple[str, str]:
    """Split a raw request target (`RAW_URI` of the WSGI server) into path and query.

    Only the origin form is taken (RFC 9112, 3.2.1). An empty query and an absent one are the
    same to `@query` (RFC 9421, 2.2.7). Raises MessageMalformedError for any other form.
    """
    if not target.startswith("/"):
        raise MessageMalformedError(_("The request target must be a path that begins with '/'."))
    path, _mark, query = target.partition("?")
    return path, query


def normalise_authority(host: str) -> str:
    """Return a Host header as `@authority` has it: lower case, default port removed.

    Both 443 and 80 count as default (RFC 9421, 2.2.3, asks for the scheme's own), because
    behind a proxy the server does not know the scheme that the client used.
    """
    authority = host.lower()
    for port in _DEFAULT_PORTS:
        if authority.endswith(port):
            return authority.removesuffix(port)
    return authority
