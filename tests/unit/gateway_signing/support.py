"""Keys, messages and a forger for the tests of signatures.

The forger signs whatever text it is given with a key that the verifier trusts, so a test of a
hostile case fails only by the check that it is about, never by a wrong signature.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from merchant_gateway.signing import (
    Ed25519SigningKey,
    Evidence,
    HmacKey,
    RequestMessage,
    SigningKey,
    VerifyingKey,
    content_digest,
    parse_request_signature,
    verify_request,
)

NOW = datetime(2025, 6, 1, 12, 0, 0, tzinfo=UTC)
CREATED = int(NOW.timestamp())
NONCE = "AAECAwQFBgcICQoLDA0ODw"
KEY = Ed25519SigningKey.from_raw(bytes(range(32)))
OTHER_KEY = Ed25519SigningKey.from_raw(bytes(range(1, 33)))
HMAC_KEY = HmacKey(bytes(range(32)))
BODY = b'{"merchant_ref":"till-7","amount":125000}'

POST_COMPONENTS = (
    '"@method"',
    '"@authority"',
    '"@path"',
    '"@query"',
    '"content-type"',
    '"content-digest"',
    '"idempotency-key"',
)


def post(
    *,
    body: bytes = BODY,
    content_type: str | None = "application/json",
    digest: str | None = None,
    path: str = "/v1/earnings",
    query: str = "",
    idempotency_key: str | None = "till-7-2025-06-01-0001",
) -> RequestMessage:
    """Return a POST as a server receives it, its digest right unless given."""
    return RequestMessage(
        method="POST",
        authority="gateway.example",
        path=path,
        query=query,
        content_type=content_type,
        content_digest=digest or (content_digest(body) if body else None),
        idempotency_key=idempotency_key,
        body=body,
    )


GET = RequestMessage(method="GET", authority="gateway.example", path="/v1/ping")


def parameters(
    *,
    created: str = str(CREATED),
    keyid: str = '"mk_test_1"',
    nonce: str = f'"{NONCE}"',
    alg: str = '"ed25519"',
    tag: str = '"peyvand-gateway-v1"',
) -> str:
    """Return the parameters as they stand behind the component list, each value as written."""
    return f";created={created};keyid={keyid};nonce={nonce};alg={alg};tag={tag}"


@dataclass(frozen=True, slots=True)
class Forged:
    """The two headers of a signature over whatever was asked for."""

    signature_input: str
    signature: str

    def verify(
        self,
        *,
        request: RequestMessage,
        key: VerifyingKey | None = None,
        now: datetime = NOW,
    ) -> Evidence:
        """Read and verify, as the gateway does."""
        parsed = parse_request_signature(
            signature_input=self.signature_input, signature=self.signature
        )
        return verify_request(
            request=request, parsed=parsed, key=key or KEY.verifying_key(), now=now
        )


def forge(
    *,
    request: RequestMessage,
    components: Sequence[str] = POST_COMPONENTS,
    tail: str | None = None,
    key: SigningKey = KEY,
    label: str = "peyvand",
) -> Forged:
    """Sign the components with the parameters given, sensible or not, with a trusted key."""
    values = {
        '"@method"': request.method,
        '"@authority"': request.authority,
        '"@path"': request.path,
        '"@query"': f"?{request.query}",
        '"content-type"': request.content_type or "",
        '"content-digest"': request.content_digest or "",
        '"idempotency-key"': request.idempotency_key or "",
        '"date"': "Sun, 01 Jun 2025 12:00:00 GMT",
    }
    text = f"({' '.join(components)}){parameters() if tail is None else tail}"
    lines = [f"{name}: {values.get(name.lower(), '')}" for name in components]
    base = "\n".join([*lines, f'"@signature-params": {text}'])
    signature = b64encode(key.sign(base.encode("utf-8"))).decode("ascii")
    return Forged(signature_input=f"{label}={text}", signature=f"{label}=:{signature}:")
