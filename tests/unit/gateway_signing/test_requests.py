"""Requests of the profile: what verifies, and each way in which one does not."""

import base64
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from merchant_gateway.signing import (
    HmacKey,
    RequestMessage,
    SigningKey,
    VerifyingKey,
    content_digest,
    parse_request_signature,
    sign_request,
    split_target,
    verify_evidence,
    verify_request,
)
from merchant_gateway.signing.errors import (
    ContentTypeMissingError,
    DigestMalformedError,
    DigestMismatchError,
    DigestMissingError,
    IdempotencyKeyMissingError,
    KeyMalformedError,
    MessageMalformedError,
    SignatureAlgorithmError,
    SignatureComponentsError,
    SignatureExpiredError,
    SignatureInvalidError,
    SignatureMalformedError,
    SignatureNonceError,
    SignatureNotYetValidError,
    SignatureParametersError,
    SigningError,
)
from tests.unit.gateway_signing.support import (
    BODY,
    CREATED,
    GET,
    HMAC_KEY,
    KEY,
    NONCE,
    NOW,
    OTHER_KEY,
    POST_COMPONENTS,
    forge,
    parameters,
    post,
)

TARGET = POST_COMPONENTS[:4]


@pytest.mark.parametrize(
    ("signing", "verifying"), [(KEY, KEY.verifying_key()), (HMAC_KEY, HMAC_KEY)]
)
@pytest.mark.parametrize(
    "request_",
    [
        post(),
        post(body=b"", content_type=None),
        GET,
        replace(GET, method="DELETE", path="/v1/webhook-endpoints/whe_1"),
        replace(post(), method="PUT", idempotency_key=None),
    ],
    ids=lambda request: f"{request.method}-{len(request.body)}",
)
def test_what_is_signed_verifies(
    signing: SigningKey, verifying: VerifyingKey, request_: RequestMessage
) -> None:
    signed = sign_request(
        request=replace(request_, content_digest=None), key=signing, key_id="mk_test_1", now=NOW
    )
    headers = signed.as_headers()
    assert ("Content-Digest" in headers) == bool(request_.body)
    parsed = parse_request_signature(
        signature_input=headers["Signature-Input"], signature=headers["Signature"]
    )
    received = replace(request_, content_digest=headers.get("Content-Digest"))
    evidence = verify_request(request=received, parsed=parsed, key=verifying, now=NOW)
    assert evidence == signed.evidence
    assert parsed.key_id == "mk_test_1"
    assert parsed.signature == signed.binding.signature
    verify_evidence(evidence=evidence, key=verifying)


def test_each_signature_draws_a_nonce_of_its_own() -> None:
    inputs = {
        sign_request(request=GET, key=KEY, key_id="mk_test_1", now=NOW).signature_input
        for _ in range(20)
    }
    assert len(inputs) == 20


def test_the_base_is_that_of_the_profile() -> None:
    signed = sign_request(
        request=post(query="limit=2"), key=KEY, key_id="mk_test_1", now=NOW, nonce=NONCE
    )
    assert signed.evidence.signature_base.decode("ascii") == (
        '"@method": POST\n'
        '"@authority": gateway.example\n'
        '"@path": /v1/earnings\n'
        '"@query": ?limit=2\n'
        '"content-type": application/json\n'
        f'"content-digest": {content_digest(BODY)}\n'
        '"idempotency-key": till-7-2025-06-01-0001\n'
        '"@signature-params": ("@method" "@authority" "@path" "@query" "content-type" '
        f'"content-digest" "idempotency-key");created={CREATED};keyid="mk_test_1";'
        f'nonce="{NONCE}";alg="ed25519";tag="peyvand-gateway-v1"'
    )


@pytest.mark.parametrize(
    "target",
    [
        "/v1/stores/a%2Fb/transactions?limit=2&x=%2F",
        "/v1/%D9%BE%DB%8C%D9%88%D9%86%D8%AF?q=%d9%be%db%8c",
        "/v1/%d9%be",
        "/v1/ping?",
        "/v1/ping",
        "/?a=b?c=d",
        "//double//slashes/./..",
        "/v1/ping?a=%ZZ&plus=+&brackets=[]",
    ],
)
def test_raw_targets_verify_as_received(target: str) -> None:
    path, query = split_target(target)
    request = replace(GET, path=path, query=query)
    base = forge(request=request, components=TARGET).verify(request=request).signature_base
    assert f'"@path": {path}\n"@query": ?{query}\n' in base.decode("ascii")


def test_a_different_spelling_of_the_same_target_does_not_verify() -> None:
    signed = forge(request=replace(GET, path="/v1/%D9%BE"), components=TARGET)
    for path in ("/v1/%d9%be", "/v1/%D9%BE/", "/v1/%25D9%25BE"):
        with pytest.raises(SignatureInvalidError):
            signed.verify(request=replace(GET, path=path))


@pytest.mark.parametrize("target", ["", "*", "https://gateway.example/v1/ping", "gateway:443"])
def test_only_the_origin_form_is_taken(target: str) -> None:
    with pytest.raises(MessageMalformedError, match="path"):
        split_target(target)


@pytest.mark.parametrize(
    ("host", "signed_host"),
    [
        ("Gateway.Example", "gateway.example"),
        ("gateway.example:443", "gateway.example"),
        ("gateway.example:80", "gateway.example"),
        ("gateway.example:8443", "gateway.example:8443"),
        ("[::1]:5000", "[::1]:5000"),
        ("[::80]", "[::80]"),
    ],
)
def test_the_authority_is_normalised(host: str, signed_host: str) -> None:
    # RFC 9421, 2.2.3: lower case, without the default port.
    signed = forge(request=replace(GET, authority=signed_host), components=TARGET)
    signed.verify(request=replace(GET, authority=host))


def test_components_and_parameters_may_stand_in_any_order() -> None:
    tail = "".join(reversed([f";{part}" for part in parameters().split(";")[1:]]))
    signed = forge(request=post(), components=tuple(reversed(POST_COMPONENTS)), tail=tail)
    signed.verify(request=post())


def test_any_single_label_will_do() -> None:
    forge(request=post(), label="sig-b_1.x*").verify(request=post())


@pytest.mark.parametrize("dropped", POST_COMPONENTS)
def test_a_dropped_component_is_named(dropped: str) -> None:
    kept = [name for name in POST_COMPONENTS if name != dropped]
    with pytest.raises(SignatureComponentsError, match=f"missing: {dropped}"):
        forge(request=post(), components=kept).verify(request=post())


@pytest.mark.parametrize(
    "extra",
    [
        '"date"',
        '"@target-uri"',
        '"@scheme"',
        '"@method";req',
        '"content-type";sf',
        '"@query-param";name="limit"',
        '"Content-Type"',
        '"@METHOD"',
        '""',
        '"@signature-params"',
    ],
)
def test_an_extra_component_is_named(extra: str) -> None:
    with pytest.raises(SignatureComponentsError, match="not expected: ") as caught:
        forge(request=post(), components=(*POST_COMPONENTS, extra)).verify(request=post())
    assert extra in str(caught.value)


@pytest.mark.parametrize("name", ['"@method"', '"content-type"', '"idempotency-key"'])
def test_component_names_in_upper_case_are_refused(name: str) -> None:
    shouted = [item.upper() if item == name else item for item in POST_COMPONENTS]
    with pytest.raises(SignatureComponentsError, match=f"missing: {name}"):
        forge(request=post(), components=shouted).verify(request=post())


def test_without_a_body_the_digest_is_not_covered_and_without_post_no_idempotency_key() -> None:
    with pytest.raises(SignatureComponentsError, match='not expected: "content-type"'):
        forge(request=post(body=b"")).verify(request=post(body=b""))
    get = replace(GET, idempotency_key="till-7-2025-06-01-0001")
    with pytest.raises(SignatureComponentsError, match='not expected: "idempotency-key"'):
        forge(request=get, components=(*TARGET, '"idempotency-key"')).verify(request=get)


def test_a_body_put_under_a_signature_for_none_is_refused() -> None:
    signed = forge(request=GET, components=TARGET)
    for added in (
        replace(GET, body=b"x", content_type="text/plain", content_digest=content_digest(b"x")),
        replace(GET, body=b"x"),
    ):
        with pytest.raises((SignatureComponentsError, ContentTypeMissingError)):
            signed.verify(request=added)


@pytest.mark.parametrize(
    ("request_", "error", "header"),
    [
        (replace(post(), content_digest=None), DigestMissingError, "Content-Digest"),
        (post(content_type=None), ContentTypeMissingError, "Content-Type"),
        (post(idempotency_key=None), IdempotencyKeyMissingError, "Idempotency-Key"),
        (post(idempotency_key=""), IdempotencyKeyMissingError, "Idempotency-Key"),
        (post(digest=content_digest(b"another")), DigestMismatchError, "Content-Digest"),
        (post(digest="md5=:AAAA:"), DigestMalformedError, "Content-Digest"),
        (post(content_type="text/plain, text/html"), MessageMalformedError, "Content-Type"),
        (post(idempotency_key="aaaaaaaa,bbbbbbbb"), MessageMalformedError, "Idempotency-Key"),
        (post(content_type='text/plain\n"@method": GET'), MessageMalformedError, "content-type"),
        (post(content_type="text/plain\r\nX: 1"), MessageMalformedError, "content-type"),
        (post(content_type="text/\u06f1"), MessageMalformedError, "content-type"),
        (post(content_type=" text/plain"), MessageMalformedError, "content-type"),
        (post(content_type="text/plain "), MessageMalformedError, "content-type"),
        (post(idempotency_key="\u0645" * 16), MessageMalformedError, "idempotency-key"),
        (post(path="/v1/\u067e"), MessageMalformedError, "path"),
        (post(path="/v1/a b"), MessageMalformedError, "target"),
        (post(path="/v1/a#b"), MessageMalformedError, "target"),
        (post(path="/v1/a?b"), MessageMalformedError, "target"),
        (post(path="v1/a"), MessageMalformedError, "target"),
        (post(path=""), MessageMalformedError, "target"),
        (post(path='/v1\n"@query": ?x'), MessageMalformedError, "target|path"),
        (post(path="/" + "a" * 8192), MessageMalformedError, "path"),
        (post(query="a b"), MessageMalformedError, "target"),
        (replace(post(), method="post"), MessageMalformedError, "method"),
        (replace(post(), authority=""), MessageMalformedError, "Host"),
        (replace(post(), authority="a.example,b.example"), MessageMalformedError, "Host"),
        (replace(post(), authority="gateway.example\n"), MessageMalformedError, "authority"),
    ],
)
def test_a_message_that_cannot_be_what_was_signed(
    request_: RequestMessage, error: type[SigningError], header: str
) -> None:
    with pytest.raises(error, match=header) as caught:
        forge(request=request_).verify(request=request_)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    "changed",
    [
        replace(post(), method="PATCH"),
        replace(post(), authority="other.example"),
        post(path="/v1/redemptions"),
        post(query="preview=true"),
        post(content_type="application/jsonl"),
        post(body=BODY + b" "),
        post(idempotency_key="till-7-2025-06-01-0002"),
    ],
)
def test_a_request_changed_on_its_way_is_refused(changed: RequestMessage) -> None:
    with pytest.raises((SignatureInvalidError, SignatureComponentsError)):
        forge(request=post()).verify(request=changed)


def test_another_body_under_the_same_digest_is_refused_after_the_signature() -> None:
    tampered = post(body=BODY.replace(b"125000", b"925000"), digest=content_digest(BODY))
    with pytest.raises(DigestMismatchError):
        forge(request=post()).verify(request=tampered)
    with pytest.raises(SignatureInvalidError):
        forge(request=post(), key=OTHER_KEY).verify(request=tampered)


def test_another_key_or_a_changed_parameter_is_refused() -> None:
    with pytest.raises(SignatureInvalidError, match="keyid"):
        forge(request=post()).verify(request=post(), key=OTHER_KEY.verifying_key())
    signed = forge(request=post())
    for old, new in (
        (f"{CREATED}", f"{CREATED + 1}"),
        ("mk_test_1", "mk_test_2"),
        ("AAEC", "AAED"),
    ):
        with pytest.raises(SignatureInvalidError):
            replace(signed, signature_input=signed.signature_input.replace(old, new)).verify(
                request=post()
            )


@pytest.mark.parametrize("characters", [0, 2, 42, 84, 88, 128])
def test_a_signature_of_another_length_is_refused(characters: int) -> None:
    signed = forge(request=post())
    raw = base64.b64encode(bytes(characters)).decode("ascii")
    with pytest.raises((SignatureInvalidError, SignatureMalformedError)):
        replace(signed, signature=f"peyvand=:{raw}:").verify(request=post())


def test_the_algorithm_is_the_keys_never_the_requests() -> None:
    # The classic confusion: an HMAC made with the public key as its secret, which everybody has.
    public_as_secret = HmacKey(KEY.verifying_key().to_raw())
    as_hmac = forge(request=post(), tail=parameters(alg='"hmac-sha256"'), key=public_as_secret)
    with pytest.raises(SignatureAlgorithmError, match="registered for ed25519"):
        as_hmac.verify(request=post())
    # The same with the algorithm of the key written on it.
    with pytest.raises(SignatureInvalidError):
        forge(request=post(), key=public_as_secret).verify(request=post())
    with pytest.raises(SignatureAlgorithmError, match="registered for hmac-sha256"):
        forge(request=post()).verify(request=post(), key=HMAC_KEY)


@pytest.mark.parametrize(
    ("seconds", "error"),
    [
        (-31, SignatureNotYetValidError),
        (-30, None),
        (0, None),
        (300, None),
        (301, SignatureExpiredError),
        (10**6, SignatureExpiredError),
    ],
)
def test_created_has_its_bounds(seconds: int, error: type[SigningError] | None) -> None:
    now = NOW + timedelta(seconds=seconds)
    signed = forge(request=post())
    if error is None:
        signed.verify(request=post(), now=now)
    else:
        with pytest.raises(error, match="created"):
            signed.verify(request=post(), now=now)


@pytest.mark.parametrize("created", ["0", "999999999999999"])
def test_created_at_the_ends_of_its_range(created: str) -> None:
    with pytest.raises((SignatureExpiredError, SignatureNotYetValidError)):
        forge(request=post(), tail=parameters(created=created)).verify(request=post())


def test_created_in_milliseconds_is_named() -> None:
    created = f"{int(NOW.timestamp())}000"
    with pytest.raises(SignatureNotYetValidError, match="milliseconds"):
        forge(request=post(), tail=parameters(created=created)).verify(request=post())


def test_a_naive_clock_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="aware"):
        forge(request=post()).verify(request=post(), now=datetime(2025, 6, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"nonce": "short"}, SignatureNonceError),
        ({"key_id": 'mk"'}, SignatureParametersError),
        ({"key_id": ""}, SignatureParametersError),
        ({"label": "Peyvand"}, SignatureMalformedError),
        ({"label": "a=b"}, SignatureMalformedError),
        ({"request": post(idempotency_key=None)}, IdempotencyKeyMissingError),
        ({"request": post(content_type=None)}, ContentTypeMissingError),
        ({"request": post(path="/v1/a b")}, MessageMalformedError),
    ],
)
def test_the_signer_refuses_what_the_server_would(
    arguments: dict[str, str | RequestMessage], error: type[SigningError]
) -> None:
    facts = {"request": post(), "key": KEY, "key_id": "mk_test_1", "now": NOW, **arguments}
    with pytest.raises(error):
        sign_request(**facts)  # type: ignore[arg-type]


def test_a_short_hmac_secret_is_no_key() -> None:
    for length in (0, 31, 257):
        with pytest.raises(KeyMalformedError, match="32 to 256"):
            HmacKey(bytes(length))


def test_every_error_has_a_code_of_its_own() -> None:
    classes = SigningError.__subclasses__()
    assert len({error.code for error in classes}) == len(classes) >= 17
