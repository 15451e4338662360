"""The OpenAPI document is valid, complete, and what the command prints."""

from __future__ import annotations

import json

import jsonschema
import pytest
from click.testing import CliRunner
from openapi_spec_validator import validate

from config.cli.openapi import openapi
from merchant_gateway.openapi import document
from merchant_gateway.operations import load_operations

SERVER = "https://gateway.example"


def test_the_document_is_valid_and_has_every_operation() -> None:
    described = document(server=SERVER)
    validate(described)
    assert described["openapi"].startswith("3.1")
    found = {
        operation["operationId"]
        for path in described["paths"].values()
        for operation in path.values()
    }
    assert found == set(load_operations())


def test_the_command_prints_it() -> None:
    result = CliRunner().invoke(openapi, env={"PEYVAND_GATEWAY_URL": SERVER})
    assert json.loads(result.output) == json.loads(json.dumps(document(server=SERVER)))


@pytest.mark.parametrize(
    ("body", "good"),
    [
        ({"points": 5}, True),
        ({"amount": 5, "currency": "IRR"}, True),
        ({"amount": 5}, False),
        ({"points": 5, "amount": 5, "currency": "IRR"}, False),
        ({"points": 0}, False),
        ({"points": 5, "colour": "red"}, False),
    ],
)
def test_the_schema_of_a_body_says_what_the_gateway_takes(
    body: dict[str, object], *, good: bool
) -> None:
    described = document(server=SERVER)
    path = described["paths"]["/v1/redemptions/{redemption_id}/refunds"]["post"]
    schema = path["requestBody"]["content"]["application/json"]["schema"]
    whole = {"merchant_ref": "a", "occurred_at": "2026-03-21T10:15:00+03:30", **body}
    assert jsonschema.Draft202012Validator(schema).is_valid(whole) is good
