"""Answers: bound to the request, and refused for anything else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from merchant_gateway.signing import (
    AnswerMessage,
    Evidence,
    RequestBinding,
    SignedHeaders,
    content_digest,
    parse_answer_signature,
    sign_answer,
    sign_request,
    verify_answer,
    verify_evidence,
)
from merchant_gateway.signing.errors import (
    DigestMismatchError,
    DigestMissingError,
    SignatureAlgorithmError,
    SignatureComponentsError,
    SignatureExpiredError,
    SignatureInvalidError,
    SignatureParametersError,
)
from merchant_gateway.signing.keys import VerifyingKey
from tests.unit.gateway_signing.support import CREATED, HMAC_KEY, KEY, NOW, OTHER_KEY, post

NETWORK_KEY = OTHER_KEY
BODY = b'{"points":125}'
SENT = sign_request(request=post(), key=KEY, key_id="mk_test_1", now=NOW, label="till").binding


def answered(request: RequestBinding | None = SENT, *, body: bytes = BODY) -> SignedHeaders:
    """Return the headers of a 201 to the request."""
    return sign_answer(
        status=201, body=body, request=request, key=NETWORK_KEY, key_id="net-1", now=NOW
    )


def believe(
    signed: SignedHeaders,
    *,
    status: int = 201,
    body: bytes = BODY,
    request: RequestBinding | None = SENT,
    key: VerifyingKey | None = None,
    age_seconds: int | None = 0,
) -> Evidence:
    """Read and verify, as a client does; an age of None judges a kept answer."""
    headers = signed.as_headers()
    return verify_answer(
        answer=AnswerMessage(
            status=status, content_digest=headers.get("Content-Digest"), body=body
        ),
        parsed=parse_answer_signature(
            signature_input=headers["Signature-Input"], signature=headers["Signature"]
        ),
        request=request,
        key=key or NETWORK_KEY.verifying_key(),
        now=None if age_seconds is None else NOW + timedelta(seconds=age_seconds),
    )


def test_an_answer_covers_status_digest_and_the_requests_signature() -> None:
    signed = answered()
    # RFC 9421, 2.4 and 2.1.2: the member of the request's Signature, chosen by its label.
    assert signed.signature_input == (
        'peyvand=("@status" "content-digest" "signature";req;key="till")'
        f';created={CREATED};keyid="net-1";alg="ed25519";tag="peyvand-gateway-v1"'
    )
    evidence = believe(signed)
    assert evidence == signed.evidence
    assert evidence.signature_base.decode("ascii").startswith(
        f'"@status": 201\n"content-digest": {content_digest(BODY)}\n"signature";req;key="till": :'
    )
    verify_evidence(evidence=evidence, key=NETWORK_KEY.verifying_key())


def test_an_empty_body_is_covered_too() -> None:
    believe(answered(body=b""), body=b"")


def test_an_answer_to_an_unreadable_signature_is_bound_to_nothing_and_not_taken_for_more() -> None:
    believe(answered(None), request=None)
    with pytest.raises(SignatureComponentsError, match='missing: "signature";req;key="till"'):
        believe(answered(None))
    with pytest.raises(SignatureComponentsError, match="not expected"):
        believe(answered(), request=None)


def test_the_answer_to_another_request_is_refused() -> None:
    other = sign_request(request=post(), key=KEY, key_id="mk_test_1", now=NOW, label="till").binding
    with pytest.raises(SignatureInvalidError, match="another request"):
        believe(answered(), request=other)
    with pytest.raises(SignatureComponentsError):
        believe(answered(), request=replace(SENT, label="peyvand"))


def test_a_changed_answer_is_refused() -> None:
    with pytest.raises(SignatureInvalidError):
        believe(answered(), status=200)
    with pytest.raises(DigestMismatchError):
        believe(answered(), body=b'{"points":999}')
    with pytest.raises(SignatureInvalidError):
        believe(replace(answered(), content_digest=content_digest(b"x")), body=b"x")
    with pytest.raises(DigestMissingError):
        believe(replace(answered(), content_digest=None))
    with pytest.raises(SignatureInvalidError):
        believe(answered(), key=KEY.verifying_key())
    with pytest.raises(SignatureAlgorithmError):
        believe(answered(), key=HMAC_KEY)


def test_age_counts_for_a_fresh_answer_and_not_for_a_kept_one() -> None:
    believe(answered(), age_seconds=300)
    with pytest.raises(SignatureExpiredError):
        believe(answered(), age_seconds=301)
    believe(answered(), age_seconds=None)


def test_a_request_signature_is_no_answer() -> None:
    headers = sign_request(request=post(), key=NETWORK_KEY, key_id="net-1", now=NOW).as_headers()
    with pytest.raises(SignatureParametersError, match="nonce"):
        parse_answer_signature(
            signature_input=headers["Signature-Input"], signature=headers["Signature"]
        )


def test_evidence_for_another_base_or_key_is_refused() -> None:
    evidence = answered().evidence
    with pytest.raises(SignatureInvalidError):
        verify_evidence(evidence=evidence, key=KEY.verifying_key())
    changed = replace(evidence, signature_base=evidence.signature_base.replace(b"201", b"200"))
    with pytest.raises(SignatureInvalidError):
        verify_evidence(evidence=changed, key=NETWORK_KEY.verifying_key())
