"""The OpenAPI 3.1 document, made from the same schemas that the operations load."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from apispec import APISpec

from merchant_gateway.openapi_answers import (
    header_components,
    problem_responses,
    problem_schemas,
    responses,
)
from merchant_gateway.operations import JSON, JSON_LINES, Operation, load_operations
from merchant_gateway.schemas.answers import ANSWERS
from merchant_gateway.schemas.batches import LINES
from merchant_gateway.schemas.parts import describe_schema
from merchant_gateway.schemas.reconciliations import RECORD_LINE

VERSION = "1"
TITLE = "Peyvand merchant gateway"
_PATH_ID = re.compile(r"<(\w+)>")
_PREFIX = "/v1"
_DESCRIPTION = """\
Every request is signed by the merchant (RFC 9421) and every answer by the network, whose keys
stand at `/.well-known/peyvand-keys.json`. Covered components, exactly: `@method`, `@authority`,
`@path`, `@query`, with a body also `content-type` and `content-digest` (RFC 9530), on a POST also
`idempotency-key`; parameters `created`, `keyid`, `nonce` (16 random bytes or more), `alg` and
`tag="peyvand-gateway-v1"`. Amounts are whole rials. Points are whole.

A call with a test key is done in the merchant's own sandbox, never among live data, and a live key
reaches no sandbox; `Peyvand-Environment` in the answer says which it was.
"""


def document(*, server: str) -> dict[str, Any]:
    """Return the document for a gateway at ``server``."""
    spec = APISpec(
        title=TITLE,
        version=VERSION,
        openapi_version="3.1.0",
        info={"description": _DESCRIPTION, "license": {"name": "Apache-2.0"}},
        servers=[{"url": server}],
    )
    for name, schema in ANSWERS.items():
        spec.components.schema(name, schema)
    for name, schema in problem_schemas().items():
        spec.components.schema(name, schema)
    for name, answer in problem_responses().items():
        spec.components.response(name, answer)
    for name, header in header_components().items():
        spec.components.header(name, header)
    line_schemas = [describe_schema(schema) for schema in LINES.values()]
    spec.components.schema("BatchLine", {"oneOf": line_schemas})
    spec.components.schema("RecordLine", describe_schema(RECORD_LINE))
    spec.components.security_scheme(
        "signature",
        {
            "type": "apiKey",
            "in": "header",
            "name": "Signature-Input",
            "description": "An HTTP message signature with a registered key, and `Signature`.",
        },
    )
    paths: dict[str, dict[str, Any]] = {}
    for each in load_operations().values():
        path = _PREFIX + _PATH_ID.sub(r"{\1}", each.path)
        paths.setdefault(path, {})[each.method.lower()] = _operation(each)
    for path, methods in paths.items():
        spec.path(path=path, operations=methods)
    described: dict[str, Any] = spec.to_dict()
    return described


@cache
def body_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each operation's body or query, by the operation's name."""
    return {
        name: describe_schema(each.body if each.body is not None else each.query)
        for name, each in load_operations().items()
    }


def _operation(each: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": each.name,
        "summary": each.summary,
        "description": _unwrapped(each.description),
        "security": [{"signature": []}],
        "parameters": _parameters(each),
        "responses": responses(each),
    }
    if each.lines is not None:
        lines = {"schema": {"$ref": f"#/components/schemas/{each.lines}"}}
        described["requestBody"] = {
            "required": True,
            "description": "One object of this schema on each line.",
            "content": {
                each_type: lines if each_type in JSON_LINES else {"schema": {"type": "string"}}
                for each_type in each.line_types
            },
        }
    elif each.body is not None:
        schema = describe_schema(each.body)
        described["requestBody"] = {
            "required": bool(schema.get("required") or schema.get("minProperties")),
            "content": {JSON: {"schema": schema}},
        }
    return described


def _parameters(each: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PATH_ID.findall(each.path)
    ]
    if each.method == "POST":
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "description": "Drawn for each operation, kept for its retries, signed.",
                "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{16,64}$"},
            }
        )
    query = describe_schema(each.query)
    for name, schema in query["properties"].items():
        needed = {"required": True} if name in query.get("required", ()) else {}
        found.append({"name": name, "in": "query", **needed, "schema": schema})
    return found


def _unwrapped(text: str) -> str:
    """Return a docstring with its paragraphs on one line each."""
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    return "\n\n".join(paragraphs)
