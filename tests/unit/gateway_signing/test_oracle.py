"""A library of other authors as the oracle: what we sign it verifies, and the other way round."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    MappingKeyResolver,
    algorithms,
)
from hypothesis import given
from hypothesis import strategies as st

from merchant_gateway.signing import (
    AnswerMessage,
    HmacKey,
    RequestMessage,
    parse_answer_signature,
    parse_request_signature,
    profile,
    sign_answer,
    sign_request,
    verify_answer,
    verify_request,
)
from merchant_gateway.signing.errors import SigningError
from tests.unit.gateway_signing.support import HMAC_KEY, KEY, NONCE, NOW, OTHER_KEY

UNRESERVED = "abcXYZ019-._~!$&'()*+;=:@"
ESCAPED = ["%2F", "%2f", "%20", "%D9%BE", "%d9%be", "%DB%8C", "%25", "%3F", "%23"]
SEGMENT = st.lists(st.sampled_from([*UNRESERVED, *ESCAPED]), max_size=12).map("".join)
PATHS = st.lists(SEGMENT, min_size=1, max_size=5).map(lambda parts: "/" + "/".join(parts))
QUERIES = st.lists(st.sampled_from([*UNRESERVED, *ESCAPED, "/", "?"]), max_size=30).map("".join)
TEXT = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=16, max_size=64)
KEYS: st.SearchStrategy[Any] = st.sampled_from([KEY, HMAC_KEY])


@dataclass
class LibraryRequest:
    """A request as the library wants it."""

    method: str
    url: str
    headers: dict[str, str]


@dataclass
class LibraryResponse:
    """A response as the library wants it."""

    status_code: int
    headers: dict[str, str]
    request: LibraryRequest = field(repr=False)


@st.composite
def requests(draw: st.DrawFn) -> RequestMessage:
    """Draw a request of the profile, not signed yet."""
    method = draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]))
    body = draw(st.one_of(st.just(b""), st.binary(min_size=1, max_size=200)))
    port = draw(st.sampled_from(["", ":8443", ":5000"]))
    return RequestMessage(
        method=method,
        authority=draw(st.sampled_from(["gateway.example", "Api.Gateway.Example", "[::1]"])) + port,
        path=draw(PATHS),
        query=draw(QUERIES),
        content_type=draw(st.sampled_from(["application/json", "text/csv; charset=utf-8"]))
        if body
        else None,
        idempotency_key=draw(TEXT) if method == "POST" else None,
        body=body,
    )


def as_library(request: RequestMessage, headers: dict[str, str]) -> LibraryRequest:
    """Return our request in the library's form, with the given headers beside its own."""
    own = {"Content-Type": request.content_type, "Idempotency-Key": request.idempotency_key}
    return LibraryRequest(
        method=request.method,
        url=f"https://{request.authority}{request.path}?{request.query}",
        headers={name: value for name, value in own.items() if value is not None} | headers,
    )


def library(key: Any) -> dict[str, Any]:
    """Return the library's algorithm and keys for one of ours."""
    if isinstance(key, HmacKey):
        keys: Any = ({"mk_test_1": key.secret}, {"mk_test_1": key.secret})
        algorithm: Any = algorithms.HMAC_SHA256
    else:
        keys = ({"mk_test_1": key.verifying_key().public_key}, {"mk_test_1": key.private_key})
        algorithm = algorithms.ED25519
    return {
        "signature_algorithm": algorithm,
        "key_resolver": MappingKeyResolver(public_keys=keys[0], private_keys=keys[1]),
    }


@given(request=requests(), key=KEYS)
def test_the_library_verifies_what_we_sign(request: RequestMessage, key: Any) -> None:
    signed = sign_request(request=request, key=key, key_id="mk_test_1", now=NOW)
    message = as_library(request, signed.as_headers())
    components = profile.request_components(method=request.method, has_body=bool(request.body))
    results = HTTPMessageVerifier(**library(key)).verify(
        message,
        max_age=None,
        expect_tag=profile.TAG,
        require_components=components,
        body=request.body or None,
    )
    assert len(results) == 1
    assert list(results[0].covered_components) == [*components, '"@signature-params"']


@given(request=requests(), key=KEYS, order=st.randoms(use_true_random=False))
def test_we_verify_what_the_library_signs(request: RequestMessage, key: Any, order: Any) -> None:
    message = as_library(request, {})
    names = list(profile.request_components(method=request.method, has_body=bool(request.body)))
    order.shuffle(names)
    HTTPMessageSigner(**library(key)).sign(
        message,
        key_id="mk_test_1",
        created=NOW,
        nonce=NONCE,
        tag=profile.TAG,
        covered_component_ids=names,
        body=request.body or None,
    )
    parsed = parse_request_signature(
        signature_input=message.headers["Signature-Input"], signature=message.headers["Signature"]
    )
    verify_request(
        request=replace(request, content_digest=message.headers.get("Content-Digest")),
        parsed=parsed,
        key=key if isinstance(key, HmacKey) else key.verifying_key(),
        now=NOW,
    )


@given(request=requests(), status=st.integers(100, 599), body=st.binary(max_size=200))
def test_answers_agree_in_both_directions(
    request: RequestMessage, status: int, body: bytes
) -> None:
    sent = sign_request(request=request, key=KEY, key_id="mk_test_1", now=NOW)
    asked = as_library(request, sent.as_headers())
    ours = sign_answer(
        status=status, body=body, request=sent.binding, key=OTHER_KEY, key_id="mk_test_1", now=NOW
    )
    bound = profile.request_signature_component(sent.binding.label)
    components = (profile.STATUS, profile.CONTENT_DIGEST, bound)
    configured = library(OTHER_KEY)
    results = HTTPMessageVerifier(**configured).verify(
        LibraryResponse(status_code=status, headers=ours.as_headers(), request=asked),
        max_age=None,
        expect_tag=profile.TAG,
        require_components=components,
        body=body,
    )
    assert len(results) == 1

    theirs = LibraryResponse(status_code=status, headers={}, request=asked)
    HTTPMessageSigner(**configured).sign(
        theirs,
        key_id="mk_test_1",
        created=NOW,
        tag=profile.TAG,
        covered_component_ids=components,
        body=body,
    )
    verify_answer(
        answer=AnswerMessage(
            status=status, content_digest=theirs.headers["Content-Digest"], body=body
        ),
        parsed=parse_answer_signature(
            signature_input=theirs.headers["Signature-Input"],
            signature=theirs.headers["Signature"],
        ),
        request=sent.binding,
        key=OTHER_KEY.verifying_key(),
        now=NOW,
    )


@given(request=requests(), data=st.data())
def test_one_changed_character_anywhere_is_refused(
    request: RequestMessage, data: st.DataObject
) -> None:
    signed = sign_request(request=request, key=KEY, key_id="mk_test_1", now=NOW)
    texts = {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "content_type": request.content_type,
        "content_digest": signed.content_digest,
        "idempotency_key": request.idempotency_key,
        "signature_input": signed.signature_input,
        "signature": signed.signature,
    }
    name = data.draw(st.sampled_from([name for name, text in texts.items() if text]))
    text = texts[name] or ""
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(max_codepoint=0x7FF).filter(lambda c: c != text[at]))
    texts[name] = text[:at] + other + text[at + 1 :]
    signature_input, signature = texts.pop("signature_input"), texts.pop("signature")
    received = replace(request, **texts)  # type: ignore[arg-type]
    with pytest.raises(SigningError):
        verify_request(
            request=received,
            parsed=parse_request_signature(signature_input=signature_input, signature=signature),
            key=KEY.verifying_key(),
            now=NOW,
        )
