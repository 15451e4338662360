"""A form of the portal as a call of the gateway: the same operation, the same checks, no signature.

What a till's program would send is put together as the body that it would have, and the operation
runs as it does for a signed request: schema, scopes, ledger, answer. In the place of the merchant's
key stands the sign-in; what it may do follows from the person's role. In the place of the
merchant's signature stands the network's own, under who asked for what (network.portal.attesting).
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from flask import g
from sqlalchemy.orm import Session

from merchant_gateway.app import PREFIX
from merchant_gateway.canonical import canonical
from merchant_gateway.gateway import Call
from merchant_gateway.guard import Admission
from merchant_gateway.merchant_keys import check_merchant
from merchant_gateway.operations import JSON, OPERATIONS, Answer, perform
from merchant_gateway.portal import access
from merchant_gateway.signing import Algorithm, Evidence
from network.merchants.keys import LIVE
from network.merchants.queries import KeyView
from network.portal import attesting, roles
from network.portal.queries import SignedIn

_ANSWERS = "answers"
_NOT_LIMITED = Admission(remaining=0, reset=0, epoch=None)
"""People are slower than any limit; the quota is for programs, and stands on signed requests."""


def ask(
    name: str,
    body: dict[str, Any],
    *,
    key: str | None = None,
    session: Session | None = None,
    query: str = "",
    **path_ids: str,
) -> dict[str, Any]:
    """Return what the operation called ``name`` answers to ``body``.

    ``key`` is the idempotency key, which came with the form; ``session`` the unit of work that it
    posts in. Raises what the operation raises, and MerchantSuspendedError.
    """
    call = call_of(name, body, key=key, session=session, query=query, **path_ids)
    payload: dict[str, Any] = perform(
        OPERATIONS[name], call, media_type=JSON, path_ids=path_ids
    ).payload
    return payload


def fetch(name: str, *, media_type: str, **path_ids: str) -> Answer:
    """Return what a reading operation answers in a media type, byte for byte."""
    call = call_of(name, {}, key=None, session=None, query="", **path_ids)
    wanted = replace(call, accept=media_type)
    return perform(OPERATIONS[name], wanted, media_type="", path_ids=path_ids)


def send(name: str, content: bytes, *, media_type: str, key: str | None, query: str) -> Answer:
    """Return what an operation that reads lines answers to a file, taken once under ``key``."""
    call = call_of(name, content, key=key, query=query)
    return perform(OPERATIONS[name], call, media_type=media_type, path_ids={})


def call_of(
    name: str,
    body: dict[str, Any] | bytes,
    *,
    key: str | None = None,
    session: Session | None = None,
    query: str = "",
    **path_ids: str,
) -> Call:
    """Return the call that a form stands for; raise MerchantSuspendedError.

    ``body`` is an object, or what a file has where the operation reads lines.
    """
    gateway, found = access.gateway(), access.signed_in()
    operation = OPERATIONS[name]
    path = operation.path
    for part, value in path_ids.items():
        path = path.replace(f"<{part}>", value)
    content = body if isinstance(body, bytes) else b""
    if operation.body is not None and not isinstance(body, bytes):
        content = canonical(body)
    target = f"{PREFIX}{path}{query}"
    chosen = key or secrets.token_urlsafe(24)
    view = _stands_for_key(found)
    check_merchant(view)
    return Call(
        gateway=gateway,
        request_id=g.request_id,
        key=view,
        method=operation.method,
        authority=gateway.services.settings.portal_url.partition("//")[2],
        target=target,
        body=content,
        signed=_attested(found, path=target, key=chosen, body=content),
        wall=access.wall(),
        admission=_NOT_LIMITED,
        idempotency_key=chosen,
        session=session,
    )


def _stands_for_key(found: SignedIn) -> KeyView:
    """Return the sign-in as what the gateway knows of who calls."""
    return KeyView(
        key_id=found.session.public_id,
        merchant_id=found.merchant.merchant_id,
        merchant_code=found.merchant.code,
        merchant_status=found.merchant.status,
        environment=LIVE,
        algorithm=Algorithm.ED25519,
        public_key=None,
        sealed_secret=None,
        created_at=found.session.created_at,
        revoked_at=None,
        last_used_on=None,
        issuing=found.merchant.issuing,
        scopes=roles.scopes_of(found.user.role, sells=found.merchant.sells),
        expires_at=found.session.expires_at,
        leaves_on=found.merchant.leaves_on,
    )


def _attested(found: SignedIn, *, path: str, key: str, body: bytes) -> Evidence:
    signing = access.gateway().network_keys.signing(_ANSWERS)
    base = attesting.statement(
        path=path,
        key=key,
        body=body,
        merchant=found.merchant,
        user=found.user,
        session=found.session,
        created=access.wall(),
        signing_key_id=signing.key_id,
    )
    return Evidence(signature_base=base, signature=signing.key.sign(base))
