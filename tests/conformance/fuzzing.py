"""What schemathesis loads: signatures for its requests, and data that can succeed.

It runs in a process of its own (``SCHEMATHESIS_HOOKS``), so what it needs comes from the
environment: the key of one shop, and the services behind the gateway, from which it takes fresh
codes of members.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import requests
import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.openapi.checks import RejectedPositiveData

from config.environment import load_settings
from merchant_gateway.signing import (
    Ed25519SigningKey,
    RequestMessage,
    prove_possession,
    sign_request,
    split_target,
)
from network.clock import wall_now
from network.members import queries as members
from network.services import Services

_KEY = Ed25519SigningKey.from_pem(os.environ["FUZZ_KEY"])
_KEY_ID = os.environ["FUZZ_KEY_ID"]
_PHONE = os.environ["FUZZ_PHONE"]
_MEMBER = UUID(os.environ["FUZZ_MEMBER"])
_SERVICES = Services.from_settings(load_settings(os.environ), application_name="fuzz")
_UNTOLD = {"not_integer", "invisible_character", "not_composed"}
"""Codes of fields for what JSON Schema has no words for."""

_SPENDING = ("/v1/redemptions",)


class Signing(requests.auth.AuthBase):
    """Signs each request as it stands, whatever was made of its headers and body."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the headers of the signature."""
        body = request.body or b""
        content = body.encode() if isinstance(body, str) else body
        url = urlsplit(request.url or "")
        path, query = split_target(request.path_url)
        given = request.headers
        try:
            signed = sign_request(
                request=RequestMessage(
                    method=request.method or "",
                    authority=url.netloc,
                    path=path,
                    query=query,
                    content_type=given.get("Content-Type") if content else None,
                    idempotency_key=_text(given.get("Idempotency-Key")),
                    body=content,
                ),
                key=_KEY,
                key_id=_KEY_ID,
                now=datetime.now(UTC),
            )
        except Exception:  # noqa: BLE001 - what cannot be signed goes out as it is, and is refused
            return request
        request.headers.update(signed.as_headers())
        return request


def _text(value: str | bytes | None) -> str | None:
    return value.decode("latin-1") if isinstance(value, bytes) else value


schemathesis.auths.GLOBAL_AUTH_STORAGE.set_from_requests(Signing())


@schemathesis.serializer("application/jsonl", "application/x-ndjson")
def lines(_context: object, value: Any) -> bytes:
    """Write one line of a batch."""
    return json.dumps(value).encode() + b"\n"


@schemathesis.serializer("text/csv")
def rows(_context: object, value: Any) -> bytes:
    """Write whatever it is: rows are read afterwards, line by line."""
    return str(value).encode(errors="replace") or b"-"


@schemathesis.hook
def filter_failure(
    _context: HookContext, failure: Failure, case: Case[Any], response: Response
) -> bool:
    """Leave out what no schema can say.

    An address longer than the server reads never comes to the gateway.
    A bad line of a batch or of a record is answered by itself, later. The books may refuse what is
    well formed: there is nothing left to refund. JSON Schema takes 1.0 for an integer, the gateway
    does not. And what lacked nothing but its signature is signed on its way out.
    """
    if response.status_code == HTTPStatus.REQUEST_URI_TOO_LONG:
        return False
    if isinstance(failure, AcceptedNegativeData):
        by_line = {"/v1/earnings/batches", "/v1/reconciliations"}
        return case.path not in by_line and not _only_unsigned(case)
    if isinstance(failure, RejectedPositiveData):
        problem = response.json()
        named = {each["code"] for each in problem.get("errors", ())}
        return problem["code"] == "invalid_request" and not (named and named <= _UNTOLD)
    return True


def _only_unsigned(case: Case[Any]) -> bool:
    key = _text(case.headers.get("Idempotency-Key") if case.headers else None) or ""
    if case.meta is None:
        return False
    wrong = {
        location
        for location, component in case.meta.components.items()
        if component.mode is not GenerationMode.POSITIVE
    }
    return (
        wrong <= {ParameterLocation.HEADER}
        and re.fullmatch("[A-Za-z0-9_-]{16,64}", key) is not None
    )


@schemathesis.hook
def before_call(_context: HookContext, case: Case[Any], _kwargs: dict[str, Any]) -> None:
    """Make good requests possible ones: a member there is, a time just now, sums that add up.

    No request of any kind may end the key that signs them all.
    """
    if isinstance(case.body, dict) and case.body.get("replaces") == _KEY_ID:
        del case.body["replaces"]
    if (case.path_parameters or {}).get("key_id") == _KEY_ID:
        case.path_parameters["key_id"] = "mk_live_unknown"
    meta = case.meta
    if meta is None or meta.generation.mode is not GenerationMode.POSITIVE:
        return
    if "Idempotency-Key" in (case.headers or {}):
        case.headers["Idempotency-Key"] = secrets.token_urlsafe(18)
    if "cursor" in (case.query or {}):
        del case.query["cursor"]  # only the gateway can make one
    if isinstance(case.body, dict):
        _possible(case.body, path=case.path)


def _possible(body: dict[str, Any], *, path: str) -> None:
    if isinstance(body.get("member"), dict):
        spends = path in _SPENDING or body.get("type") == "redeem"
        body["member"] = {"code": _code()} if spends else {"phone": _PHONE}
    if "occurred_at" in body:
        body["occurred_at"] = datetime.now(UTC).isoformat()
    lines = body.get("lines")
    if isinstance(lines, list) and lines and isinstance(lines[0], dict) and "amount" in body:
        body["amount"] = sum(each["amount"] for each in lines)
    for optional in ("store", "terminal", "replaces", "overlap_days"):
        body.pop(optional, None)
    if "url" in body:
        body["url"] = f"https://shop.example/{secrets.token_hex(4)}"
    if "proof" in body:
        body |= _proven()


def _proven() -> dict[str, str]:
    """Return a new public key with the proof that we hold its private half."""
    new_key = Ed25519SigningKey.generate()
    proof = prove_possession(
        authority=urlsplit(os.environ["FUZZ_URL"]).netloc, key_id=_KEY_ID, new_key=new_key
    )
    return {
        "public_key": new_key.verifying_key().to_base64url(),
        "proof": urlsafe_b64encode(proof).rstrip(b"=").decode(),
    }


def _code() -> str:
    with _SERVICES.database.reading() as session:
        return members.current_code(
            session, _SERVICES.vault, member_id=_MEMBER, limit=100_000, wall=wall_now()
        ).text
