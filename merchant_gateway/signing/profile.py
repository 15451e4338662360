"""The one way in which messages to and from the gateway are signed (RFC 9421, RFC 9530).

Component identifiers stand here as they are serialised in a signature base, quotes included.
Their order in a signature is free, as it is the signer's choice in RFC 9421, 2.3; the set is
exact. `@target-uri` and `@scheme` are left out because a proxy changes the scheme.
"""

from typing import Final

TAG: Final = "peyvand-gateway-v1"
DEFAULT_LABEL: Final = "peyvand"

MAX_AGE_SECONDS: Final = 300
MAX_AHEAD_SECONDS: Final = 30

NONCE_MIN_BYTES: Final = 16
NONCE_MAX_BYTES: Final = 96
HMAC_SECRET_MIN_BYTES: Final = 32
HMAC_SECRET_MAX_BYTES: Final = 256

HEADER_MAX_CHARACTERS: Final = 1024
COMPONENT_MAX_CHARACTERS: Final = 8192

METHOD: Final = '"@method"'
AUTHORITY: Final = '"@authority"'
PATH: Final = '"@path"'
QUERY: Final = '"@query"'
CONTENT_TYPE: Final = '"content-type"'
CONTENT_DIGEST: Final = '"content-digest"'
IDEMPOTENCY_KEY: Final = '"idempotency-key"'
STATUS: Final = '"@status"'

REQUEST_PARAMETERS: Final = frozenset({"created", "keyid", "nonce", "alg", "tag"})
ANSWER_PARAMETERS: Final = frozenset({"created", "keyid", "alg", "tag"})

_TARGET: Final = (METHOD, AUTHORITY, PATH, QUERY)
_BODY: Final = (CONTENT_TYPE, CONTENT_DIGEST)
_REQUEST_COMPONENTS: Final = {
    (False, False): _TARGET,
    (False, True): (*_TARGET, *_BODY),
    (True, False): (*_TARGET, IDEMPOTENCY_KEY),
    (True, True): (*_TARGET, *_BODY, IDEMPOTENCY_KEY),
}


def request_components(*, method: str, has_body: bool) -> tuple[str, ...]:
    """Return the identifiers that the signature of a request covers, no more and no fewer."""
    return _REQUEST_COMPONENTS[method == "POST", has_body]


def request_signature_component(label: str) -> str:
    """Return the identifier that binds an answer to the request's signature (RFC 9421, 2.4)."""
    return f'"signature";req;key="{label}"'
