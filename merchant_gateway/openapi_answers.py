"""How the OpenAPI document describes answers: their headers, and every status that is a problem.

An operation names the statuses that it can come to, so that a client, or a machine that tries the
document, sees at once what was never promised. Which codes a status has is the catalogue's.
"""

from __future__ import annotations

from typing import Any

from merchant_gateway.catalogue import KINDS
from merchant_gateway.operations import JSON, Operation, load_operations
from merchant_gateway.problems import MEDIA_TYPE
from merchant_gateway.schemas.answers_problem import PROBLEM

_Described = dict[str, Any]

_ALWAYS = (400, 401, 403, 413, 414, 422, 429, 431, 500, 503)
_WITH_A_BODY = (415, 417, 501)
_LATER = frozenset(
    kind.status
    for kind in KINDS.values()
    if kind.retry_after is not None or kind.status == 429  # noqa: PLR2004 - RFC 6585
)
_HEADERS: dict[str, tuple[str, _Described]] = {
    "Content-Digest": ("SHA-256 of the body (RFC 9530).", {"type": "string"}),
    "Signature-Input": ("What the network signed (RFC 9421).", {"type": "string"}),
    "Signature": ("The network's signature (RFC 9421).", {"type": "string"}),
    "X-Request-Id": ("What to quote to us.", {"type": "string", "pattern": "^req_[a-z2-7]{26}$"}),
    "RateLimit-Policy": ("The quotas and their windows.", {"type": "string"}),
    "RateLimit": ("What is left of the quota, and when it is whole.", {"type": "string"}),
    "Peyvand-Environment": (
        "Whose data it is about: `test` for a sandbox's.",
        {"type": "string", "enum": ["live", "test"]},
    ),
    "Retry-After": ("Seconds to wait.", {"type": "integer", "minimum": 1}),
    "Idempotent-Replayed": (
        "`true` where this answer was given before under the same key.",
        {"type": "string", "const": "true"},
    ),
    "ETag": ("Send it as `If-None-Match`.", {"type": "string", "pattern": '^"[!#-~]+"$'}),
    "Location": ("Where to read it.", {"type": "string"}),
}
_EVERYWHERE = ("Content-Digest", "Signature-Input", "Signature", "X-Request-Id", "RateLimit-Policy")


_SOURCES: dict[str, dict[str, str]] = {
    "enrolment_id": {"enrol_member": "/id"},
    "earning_id": {"create_earning": "/id"},
    "redemption_id": {"create_redemption": "/id"},
    "entry_id": {"create_earning": "/id", "list_transactions": "/items/0/id"},
    "batch_id": {"create_batch": "/id"},
    "settlement_id": {"list_settlements": "/items/0/window/id"},
    "endpoint_id": {"create_webhook_endpoint": "/id", "list_webhook_endpoints": "/items/0/id"},
    "event_id": {"list_events": "/items/0/id"},
    "key_id": {"create_key": "/key_id"},
    "member_id": {"create_sandbox_member": "/id"},
    "reconciliation_id": {
        "create_reconciliation": "/id",
        "list_reconciliations": "/items/0/id",
    },
    "dispute_id": {"create_dispute": "/id", "list_disputes": "/items/0/id"},
}
"""An id in a path → the operations whose answers have one, and where it stands there."""


def header_components() -> dict[str, _Described]:
    """Return every header of an answer by its name."""
    return {
        name: {
            "description": text,
            "schema": schema,
            # A header of an answer that there is not always is told apart by this alone.
            "required": name in _EVERYWHERE,
        }
        for name, (text, schema) in _HEADERS.items()
    }


def problem_schemas() -> dict[str, _Described]:
    """Return the schema of a problem, and of the problems of each status with their codes."""
    schemas = {"Problem": _problem(codes=sorted(KINDS), status={"type": "integer"})}
    for status in _statuses():
        codes = sorted(code for code, kind in KINDS.items() if kind.status == status)
        schemas[f"Problem{status}"] = _problem(codes=codes, status={"const": status})
    return schemas


def problem_responses() -> dict[str, _Described]:
    """Return an answer for each status that is a problem."""
    return {
        f"Problem{status}": {
            "description": f"A problem of status {status} (RFC 9457)",
            "headers": _headers("RateLimit", *(["Retry-After"] if status in _LATER else [])),
            "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/Problem{status}"}}},
        }
        for status in _statuses()
    }


def responses(each: Operation) -> dict[str, _Described]:
    """Return the answers of an operation by status."""
    replayed = ("Idempotent-Replayed",) if each.method == "POST" else ()
    found: dict[str, _Described] = {
        str(each.status): {
            "description": each.summary,
            "headers": _headers("RateLimit", "Peyvand-Environment", *replayed, *each.headers),
            "content": {
                media_type: (
                    {"schema": {"$ref": f"#/components/schemas/{each.answer}"}}
                    if media_type == JSON
                    else {"schema": {"type": "string"}}
                )
                for media_type in each.media_types
            },
            **_links(each),
        }
    }
    if each.preview is not None:
        found["200"] = {
            "description": "What it would do, with `preview=true`",
            "headers": _headers("RateLimit", "Peyvand-Environment"),
            "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{each.preview}"}}},
        }
    if each.waiting is not None:
        found["202"] = {
            "description": "The member is asked; nothing is done yet",
            "headers": _headers("RateLimit", "Peyvand-Environment"),
            "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{each.waiting}"}}},
        }
    if "ETag" in each.headers:
        found["304"] = {
            "description": "Not changed since the answer with this ETag",
            "headers": _headers("RateLimit", "ETag"),
        }
    return found | {
        str(status): {"$ref": f"#/components/responses/Problem{status}"}
        for status in refusals(each)
    }


def _links(each: Operation) -> _Described:
    """Return which ids in this operation's answer which operations take (OpenAPI, Link Object)."""
    links = {}
    for parameter, sources in _SOURCES.items():
        if each.name not in sources:
            continue
        for target in load_operations().values():
            if f"<{parameter}>" in target.path:
                links[target.name] = {
                    "operationId": target.name,
                    "parameters": {parameter: f"$response.body#{sources[each.name]}"},
                }
    return {"links": links} if links else {}


def refusals(each: Operation) -> list[int]:
    """Return the statuses of the problems that an operation can come to."""
    found = set(_ALWAYS)
    if "<" in each.path or each.method == "POST":
        found.add(404)
    if each.method != "GET":
        found.add(409)
    if each.body is not None or each.lines is not None:
        found.update(_WITH_A_BODY)
    if len(each.media_types) > 1:
        found.add(406)
    return sorted(found)


def _statuses() -> list[int]:
    return sorted({kind.status for kind in KINDS.values()})


def _headers(*some: str) -> dict[str, _Described]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*_EVERYWHERE, *some)}


def _problem(*, codes: list[str], status: _Described) -> _Described:
    own = {"code": {"type": "string", "enum": codes}, "status": status}
    return PROBLEM | {"properties": PROBLEM["properties"] | own}
