"""The catalogue of codes: complete, translated, and turned into problem documents."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TypeVar

import pytest

from config.translations import translated
from merchant_gateway import signing
from merchant_gateway.catalogue import KINDS
from merchant_gateway.catalogue_fields import FIELD_TEXTS
from merchant_gateway.errors import (
    FieldError,
    InvalidRequestError,
    MalformedJsonError,
    RateLimitedError,
)
from merchant_gateway.operations import load_operations
from merchant_gateway.problems import problem
from merchant_gateway.schemas.fields import StrictSchema
from merchant_gateway.signing import SigningError, parse_request_signature
from merchant_gateway.strict_json import load_object
from network.errors import ConfigurationError, InvariantError, PeyvandError
from network.language import use_locale
from network.ledger.errors import InsufficientPoints
from network.ledger.errors_by_code import MEMBER_REFUSALS, PRICED_AGAIN, REFUSALS

DOCS = "https://gateway.example/docs"
REACHABLE = (
    "merchant_gateway.",
    "network.ledger.errors",
    "network.database.connection",
    "network.ids",
    "network.members.errors",
    "network.merchants.queries",
    "network.programme.queries",
    "network.programme.rules",
    "network.programme.worth",
    "network.signing.queries",
)
NEVER_CALLED = {
    # A merchant is found by its key.
    "unknown_merchant",
    # A till only meets the lock; the rest that a frozen member can't do is done in the wallet.
    "member_frozen",
}


Kind = TypeVar("Kind", PeyvandError, SigningError)


def _subclasses(root: type[Kind]) -> set[type[Kind]]:
    found: set[type[Kind]] = set()
    for child in root.__subclasses__():
        found |= {child} | _subclasses(child)
    return found


def test_every_error_that_can_be_raised_has_a_kind() -> None:
    load_operations()
    missing = {
        kind.code
        for kind in _subclasses(PeyvandError)
        if kind.__module__.startswith(REACHABLE)
        and not issubclass(kind, InvariantError | ConfigurationError)
    }
    assert missing - set(KINDS) == NEVER_CALLED | set(MEMBER_REFUSALS) | set(PRICED_AGAIN)
    assert {kind.code for kind in _subclasses(SigningError)} <= set(KINDS)
    assert set(REFUSALS) <= set(KINDS)


def test_every_kind_is_documented_in_both_languages() -> None:
    persian = translated("merchant_gateway")
    for kind in KINDS.values():
        for text in (kind.title, kind.detail):
            english = str(text)
            assert persian.get(english) is not None, english
    for text in FIELD_TEXTS.values():
        assert persian.get(str(text)) is not None


def test_every_code_of_a_field_has_a_text() -> None:
    seen = set()
    for each in load_operations().values():
        waiting: list[StrictSchema] = [
            schema for schema in (each.body, each.query) if isinstance(schema, StrictSchema)
        ]
        while waiting:
            schema = waiting.pop()
            seen |= {code.partition(":")[0] for code in schema.error_messages.values()}
            for field in schema.fields.values():
                own = [
                    text
                    for name, text in field.error_messages.items()
                    if name != "validator_failed"
                ]
                seen |= {str(text).partition(":")[0] for text in own}
                below = getattr(field, "schema", None)
                if isinstance(below, StrictSchema):
                    waiting.append(below)
    assert seen <= set(FIELD_TEXTS)


def test_a_problem_names_fields_and_facts() -> None:
    error = InvalidRequestError([FieldError("/amount", "too_large", "9")])
    found = problem(error, request_id="req_1", documentation=DOCS)
    body = json.loads(found.body)
    assert body == {
        "type": f"{DOCS}#invalid_request",
        "title": "Some fields are not right",
        "status": 422,
        "detail": "The list of errors names each field.",
        "code": "invalid_request",
        "request_id": "req_1",
        "errors": [
            {"pointer": "/amount", "code": "too_large", "detail": "This must be at most 9."}
        ],
    }
    refusal = InsufficientPoints(facts={"spendable": 5, "sequence": 99, "nested": {"a": 1}})
    body = json.loads(problem(refusal, request_id="r", documentation=DOCS).body)
    assert body["facts"] == {"spendable": 5}


def test_a_code_without_a_kind_is_our_defect() -> None:
    class StrangeError(PeyvandError):
        code = "strange"

    found = problem(StrangeError("secret"), request_id="r", documentation=DOCS)
    assert (found.status, found.code) == (500, "internal_error")
    assert b"secret" not in found.body


@pytest.mark.parametrize(("seconds", "header"), [(1, "1"), (17, "17")])
def test_retry_after(seconds: int, header: str) -> None:
    found = problem(RateLimitedError(retry_after=seconds), request_id="r", documentation=DOCS)
    assert (found.status, found.headers["Retry-After"]) == (429, header)


def test_a_hint_is_told_in_the_readers_language() -> None:
    with pytest.raises(SigningError) as missing:
        parse_request_signature(signature_input=None, signature=None)
    with pytest.raises(MalformedJsonError) as english:
        load_object(b'{"amount" 5}')
    with use_locale("fa"):
        with pytest.raises(MalformedJsonError) as persian:
            load_object(b'{"amount" 5}')
        assert _hint(missing.value) == "هدر Signature-Input نیامده است."
        assert _hint(persian.value) == (
            "بدنه در نویسهٔ 11 مطابق JSON نیست: این‌جا باید دونقطه بیاید."
        )
    assert _hint(missing.value) == str(missing.value) == "The Signature-Input header is missing."
    assert _hint(english.value) == (
        "The body is not JSON at character 11: a colon is expected here."
    )


def _hint(error: PeyvandError | SigningError) -> str:
    found = problem(error, request_id="r", documentation=DOCS)
    return str(json.loads(found.body)["hint"])


def test_everything_that_signing_refuses_is_marked_for_translation() -> None:
    """A text that is put together before it is marked would be English in every language."""
    for path in sorted(Path(signing.__path__[0]).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node) in REFUSED:
                assert node.args, f"{path.name}:{node.lineno}"
                said = node.args[0]
                marked = isinstance(said, ast.Call) and _name(said) == "_"
                assert marked or isinstance(said, ast.Name), f"{path.name}:{node.lineno}"


def _name(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


REFUSED = {kind.__name__ for kind in _subclasses(SigningError)}
