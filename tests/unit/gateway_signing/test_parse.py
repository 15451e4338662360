"""Reading the two headers: what is refused, and that nothing else than a refusal comes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merchant_gateway.signing.errors import (
    SignatureAlgorithmError,
    SignatureComponentsError,
    SignatureMalformedError,
    SignatureMissingError,
    SignatureMultipleError,
    SignatureNonceError,
    SignatureParametersError,
    SigningError,
)
from merchant_gateway.signing.parse import (
    parse_answer_signature,
    parse_member,
    parse_request_signature,
)
from tests.unit.gateway_signing.support import CREATED, NONCE, POST_COMPONENTS, parameters

LISTED = f"({' '.join(POST_COMPONENTS)})"
INPUT = f"peyvand={LISTED}{parameters()}"
SIGNATURE = f"peyvand=:{'A' * 86}==:"


def with_tail(tail: str) -> str:
    """Return a Signature-Input with the profile's components and the given parameters."""
    return f"peyvand={LISTED}{tail}"


def refuse(
    error: type[SigningError], *, signature_input: str | None, signature: str | None = SIGNATURE
) -> None:
    """Expect exactly this error, with a message that names a header."""
    with pytest.raises(error, match="Signature") as caught:
        parse_request_signature(signature_input=signature_input, signature=signature)
    assert type(caught.value) is error


def test_a_canonical_signature_is_read_as_received() -> None:
    parsed = parse_request_signature(signature_input=INPUT, signature=SIGNATURE)
    assert parsed.label == "peyvand"
    assert parsed.components == POST_COMPONENTS
    assert parsed.parameters == INPUT.removeprefix("peyvand=")
    assert (parsed.created, parsed.key_id, parsed.nonce) == (CREATED, "mk_test_1", NONCE)
    assert parsed.signature == bytes(64)


@pytest.mark.parametrize(
    ("signature_input", "signature"),
    [(None, SIGNATURE), ("", SIGNATURE), (INPUT, None), (INPUT, "")],
)
def test_missing_headers(signature_input: str | None, signature: str | None) -> None:
    refuse(SignatureMissingError, signature_input=signature_input, signature=signature)


@pytest.mark.parametrize(
    "signature_input",
    [
        "peyvand",
        "=()",
        f"Peyvand={LISTED}{parameters()}",
        f"{'a' * 65}={LISTED}{parameters()}",
        f" {INPUT}",
        f"{INPUT} ",
        f"{INPUT};",
        f"{INPUT}x",
        INPUT.replace(";keyid", "; keyid"),
        INPUT.replace('" "', '"  "'),
        INPUT.replace("(", "( "),
        INPUT.replace(")", ""),
        INPUT.replace('"@method"', "@method"),
        INPUT.replace('"@method"', '"@meth\\"od"'),
        with_tail(parameters(keyid='"mk\\"test"')),
        with_tail(parameters(keyid='"mk\\\\test"')),
        with_tail(parameters(keyid="mk_test_1")),
        with_tail(parameters(keyid="?1")),
        with_tail(parameters(created=f"{CREATED}.0")),
        with_tail(parameters(created="1e9")),
        with_tail(parameters(created="-1")),
        with_tail(parameters(created="+1")),
        with_tail(parameters(created=f"0{CREATED}")),
        with_tail(parameters(created="9" * 16)),
        with_tail(parameters(created=f"@{CREATED}")),
        INPUT.replace("application", "").replace("created", "Created"),
        INPUT + "\r\nX-Smuggled: 1",
        INPUT.replace("mk_test_1", "mk\ntest"),
        INPUT.replace("mk_test_1", "mk\ttest"),
        INPUT.replace("mk_test_1", "mk\x7ftest"),
        INPUT.replace("mk_test_1", "\u0645\u0634\u062a\u0631\u06cc"),
        INPUT.replace(f"{CREATED}", "\u06f1\u06f2\u06f3"),
        INPUT + ";x" * 600,
    ],
)
def test_a_signature_input_that_is_not_canonical_is_malformed(signature_input: str) -> None:
    refuse(SignatureMalformedError, signature_input=signature_input)


@pytest.mark.parametrize(
    "signature",
    [
        "peyvand",
        f"peyvand={'A' * 86}==",
        f"peyvand=:{'A' * 86}==",
        "peyvand=::",
        f"peyvand=:{'A' * 85}==:",
        f"peyvand=:{'A' * 86}:",
        f"peyvand=:{'A' * 86}=:",
        # The same 64 bytes with stray bits after the last one.
        f"peyvand=:{'A' * 85}B==:",
        f"peyvand=:{'-' * 86}==:",
        f"peyvand=:{'A' * 40} {'A' * 46}==:",
        f"peyvand=:{'A' * 40}=={'A' * 44}:",
        f"{SIGNATURE};p=1",
        f"{SIGNATURE}\r\nX-Smuggled: 1",
        f"other=:{'A' * 86}==:",
        "peyvand=:" + "\u0627" * 86 + "==:",
        f"peyvand=:{'A' * 2000}:",
    ],
)
def test_a_signature_that_is_not_canonical_base64_is_malformed(signature: str) -> None:
    refuse(SignatureMalformedError, signature_input=INPUT, signature=signature)


@pytest.mark.parametrize("separator", [",", ", ", " , "])
@pytest.mark.parametrize("label", ["peyvand", "other"])
def test_two_signatures_are_refused_under_one_label_or_two(label: str, separator: str) -> None:
    short = f'("@method"){parameters()}'
    refuse(
        SignatureMultipleError,
        signature_input=f"peyvand={short}{separator}{label}={short}",
        signature=SIGNATURE,
    )
    refuse(
        SignatureMultipleError,
        signature_input=INPUT,
        signature=f"{SIGNATURE}{separator}{label}=:{'A' * 86}==:",
    )


@pytest.mark.parametrize("name", ["created", "keyid", "nonce", "alg", "tag"])
def test_each_parameter_is_needed_and_only_once(name: str) -> None:
    by_name = dict(part.split("=", 1) for part in parameters().split(";")[1:])
    rest = "".join(f";{key}={value}" for key, value in by_name.items() if key != name)
    with pytest.raises(SignatureParametersError, match=f"missing: {name}"):
        parse_request_signature(signature_input=f"peyvand={LISTED}{rest}", signature=SIGNATURE)
    with pytest.raises(SignatureParametersError, match=f"{name} twice"):
        parse_request_signature(
            signature_input=f"{INPUT};{name}={by_name[name]}", signature=SIGNATURE
        )


@pytest.mark.parametrize(
    "tail",
    [
        f"{parameters()};expires={CREATED + 60}",
        f"{parameters()};x",
        f'{parameters()};x="y"',
        parameters(created=f'"{CREATED}"'),
        parameters(keyid="7"),
        parameters(keyid='""'),
        parameters(keyid=f'"{"k" * 129}"'),
        parameters(keyid='"mk test"'),
        parameters(nonce="7"),
        parameters(alg="7"),
        parameters(tag="7"),
        parameters(tag='"peyvand-gateway-v2"'),
        parameters(tag='"Peyvand-Gateway-V1"'),
        parameters(tag='""'),
        parameters().replace(f"={CREATED}", ""),
    ],
)
def test_parameters_of_the_wrong_name_or_type_are_refused(tail: str) -> None:
    refuse(SignatureParametersError, signature_input=f"peyvand={LISTED}{tail}")


@pytest.mark.parametrize(
    "alg", ["none", "", "Ed25519", "rsa-pss-sha512", "ecdsa-p256-sha256", "hmac-sha512"]
)
def test_algorithms_outside_the_profile_are_refused(alg: str) -> None:
    refuse(SignatureAlgorithmError, signature_input=with_tail(parameters(alg=f'"{alg}"')))


@pytest.mark.parametrize(
    "nonce",
    [
        "",
        "AAAA",
        "A" * 20,  # 15 bytes
        "A" * 21,  # one digit over: no whole byte
        "A" * 20 + "==",
        "A" * 25,  # one digit over: no whole byte
        "A" * 22 + "=",
        "A" * 24 + "==",
        "A" * 129,
        "A" * 200,
        "not base64 at all!!!!!!!",
        "AAAAAAAAAAA+AAAAAAAAAAA_",
        "A" * 10 + "=" + "A" * 13,
    ],
)
def test_nonces_that_are_short_long_or_not_base64_are_refused(nonce: str) -> None:
    refuse(SignatureNonceError, signature_input=with_tail(parameters(nonce=f'"{nonce}"')))


@pytest.mark.parametrize(
    "nonce", ["A" * 22, "A" * 22 + "==", "A" * 128, "a-_" * 8, "a+/" * 8, "0123456789abcdef" * 2]
)
def test_nonces_in_either_alphabet_padded_or_not_are_read(nonce: str) -> None:
    parsed = parse_request_signature(
        signature_input=with_tail(parameters(nonce=f'"{nonce}"')), signature=SIGNATURE
    )
    assert parsed.nonce == nonce


def test_a_component_named_twice_is_refused() -> None:
    refuse(
        SignatureComponentsError,
        signature_input=f'peyvand=("@method" "@path" "@method"){parameters()}',
    )


def test_an_answer_has_no_nonce() -> None:
    with pytest.raises(SignatureParametersError, match="unknown: nonce"):
        parse_answer_signature(signature_input=INPUT, signature=SIGNATURE)


@given(st.text(max_size=80), st.integers(0, len(INPUT)), st.integers(0, 40))
def test_any_text_is_read_or_refused_and_never_breaks(text: str, at: int, dropped: int) -> None:
    for spoilt in (text, INPUT[:at] + text + INPUT[at + dropped :]):
        try:
            member = parse_member(signature_input=spoilt, signature=SIGNATURE)
            parse_request_signature(signature_input=spoilt, signature=SIGNATURE)
        except SigningError as error:
            outcome = error.code
        else:
            outcome = f"{member.label}={member.parameters}"
        assert outcome in {spoilt, *(error.code for error in SigningError.__subclasses__())}
