"""Every problem that the gateway can answer with has the form of RFC 9457."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from merchant_gateway.catalogue import KINDS
from merchant_gateway.catalogue_fields import FIELD_TEXTS
from merchant_gateway.errors import FieldError, InvalidRequestError, RateLimitedError
from merchant_gateway.openapi import document
from merchant_gateway.problems import MEDIA_TYPE, Problem, problem
from network.errors import PeyvandError
from network.language import set_locale

DOCS = "https://gateway.example/docs"

# RFC 9457, 3.1: the members and their types; the media type of section 6.1. Appendix A of the RFC
# lets every member be absent; ours are all there.
FORM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string", "minLength": 1},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "minLength": 1},
        "instance": {"type": "string", "format": "uri-reference"},
    },
    # Section 3.2: names of extensions begin with a letter, have three characters or more, and are
    # written so that they can stand in other forms than JSON.
    "propertyNames": {"pattern": "^[A-Za-z][A-Za-z0-9_]{2,}$"},
}


def _problems() -> list[PeyvandError]:
    """Return an error of each code, and one with a field of each code."""
    made: list[PeyvandError] = []
    for code in KINDS:
        kind = type("AnyError", (PeyvandError,), {"code": code})
        made.append(kind("for engineers", facts={"most": 5}, field="amount"))
    made += [InvalidRequestError([FieldError("/a", code, "7")]) for code in FIELD_TEXTS]
    return [*made, RateLimitedError(retry_after=3)]


def _made(error: PeyvandError, locale: str) -> Problem:
    set_locale(locale)
    try:
        return problem(error, request_id="req_" + "a" * 26, documentation=DOCS)
    finally:
        set_locale("en")


@pytest.mark.parametrize("locale", ["en", "fa"])
def test_every_code_is_a_problem_of_the_documented_form(locale: str) -> None:
    components = document(server="https://gateway.example")["components"]["schemas"]
    form = _checker(FORM)
    documented = {name: _checker(schema) for name, schema in components.items()}
    for error in _problems():
        found = _made(error, locale)
        body = json.loads(found.body)
        for checker in (form, documented["Problem"], documented[f"Problem{found.status}"]):
            checker.validate(body)
        assert body["status"] == found.status == KINDS[error.code].status
        assert body["type"] == f"{DOCS}#{error.code}"


def _checker(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def test_a_status_has_only_its_own_codes() -> None:
    components = document(server="https://gateway.example")["components"]["schemas"]
    body = json.loads(_made(InvalidRequestError([FieldError("/a", "missing")]), "en").body)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(body, components["Problem409"])


def test_the_media_type() -> None:
    assert MEDIA_TYPE == "application/problem+json"
