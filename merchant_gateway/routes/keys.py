"""A merchant's own keys: listed, replaced with an overlap, revoked at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from merchant_gateway import cursors
from merchant_gateway.errors import FieldError, InvalidRequestError, ProofInvalidError
from merchant_gateway.gateway import Call
from merchant_gateway.operations import Answer, kept_answer, operation
from merchant_gateway.remembering import once
from merchant_gateway.schemas.key_requests import NEW_KEY, decoded
from merchant_gateway.schemas.requests import EMPTY, PAGE
from merchant_gateway.signing import Ed25519VerifyingKey, KeyMalformedError, proves_possession
from network.merchants import keys, queries
from network.merchants.errors import ScopeNotHeldError, UnknownKeyError
from network.merchants.public_keys import fingerprint
from network.merchants.queries import KeyView
from network.operators.audit import record_act

_KIND = "keys"


@operation(
    "GET", "/keys", summary="This merchant's keys", answer="Keys", query=PAGE, at_the_door=True
)
def list_keys(call: Call, query: dict[str, Any]) -> Answer:
    """Answer with the keys of the environment that the calling key belongs to, the newest first.

    Those that are revoked or ended stay on the list: they prove what was signed with them.
    """
    after = cursors.unpack(_KIND, query.get("cursor"), types=(str,))
    limit = query["limit"]
    with call.gateway.services.database.reading() as session:
        found = _own(session, call)
    start = 0
    if after is not None:
        places = [number for number, key in enumerate(found) if key.key_id == after[0]]
        if not places:
            raise InvalidRequestError([FieldError("#cursor", "unknown_cursor")])
        start = places[0] + 1
    page = found[start : start + limit]
    following = cursors.pack(_KIND, page[-1].key_id) if len(found) > start + limit else None
    items = [_shown(key, call=call) for key in page]
    return Answer(payload={"items": items, "next_cursor": following})


@operation(
    "POST",
    "/keys",
    summary="Register a new key with an old one",
    answer="Key",
    status=201,
    body=NEW_KEY,
    at_the_door=True,
    again=kept_answer,
)
def create_key(call: Call, data: dict[str, Any]) -> Answer:
    """Register an Ed25519 public key; the request is signed with a key that is active already.

    `proof` shows that the caller holds the new private key: its signature over the four lines
    `peyvand-key-proof-v1`, the host of this request, the id of the key that signs it, and
    `public_key`, joined by LF. The new key opens at most what the signing key opens. The key named
    in `replaces` goes on for `overlap_days` more.
    """
    public_key = _checked_proof(call, data)
    wanted = tuple(data.get("scopes", call.key.scopes))
    if not set(wanted) <= set(call.key.scopes):
        raise ScopeNotHeldError("the signing key does not open all of these", field="scopes")

    def work(session: Session) -> dict[str, Any]:
        replaced = _replace(session, call, data)
        made = keys.register_key(
            session,
            call.gateway.services.vault,
            merchant_id=call.merchant_id,
            environment=call.key.environment,
            now=call.wall,
            public_key=public_key.to_raw(),
            scopes=wanted,
        )
        facts = {"key": made.key_id, "scopes": list(made.scopes)} | replaced
        _record(session, call, action="key.registered", facts=facts)
        return _read(session, call, made.key_id)

    answer = once(call, work, status=201)
    if not answer.replayed:
        call.gateway.guard.announce()
    return answer


@operation(
    "POST",
    "/keys/<key_id>/revoke",
    summary="Revoke a key at once",
    answer="Key",
    body=EMPTY,
    at_the_door=True,
)
def revoke_key(call: Call, _data: dict[str, Any], *, key_id: str) -> Answer:
    """Make a key useless with the very next request, the calling key itself included.

    It cannot be taken back; revoking it again changes nothing. Who revokes the last one asks the
    network for another.
    """
    changed = False

    def work(session: Session) -> dict[str, Any]:
        nonlocal changed
        _read(session, call, key_id)
        changed = keys.revoke_key(
            session, merchant_id=call.merchant_id, key_id=key_id, now=call.wall
        )
        if changed:  # the audit log is one chain: nobody writes into it for nothing
            _record(session, call, action="key.revoked", facts={"key": key_id})
        return _read(session, call, key_id)

    answer = once(call, work, status=200)
    if changed:
        call.gateway.guard.announce()
    return answer


def _checked_proof(call: Call, data: dict[str, Any]) -> Ed25519VerifyingKey:
    try:
        public_key = Ed25519VerifyingKey.from_base64url(data["public_key"])
    except KeyMalformedError as error:
        raise InvalidRequestError([FieldError("/public_key", "weak_or_no_key")]) from error
    proof = decoded(data["proof"])
    if proof is None or not proves_possession(
        proof, authority=call.authority, key_id=call.key.key_id, public_key=public_key
    ):
        raise ProofInvalidError("not made by this key for this request", field="proof")
    return public_key


def _replace(session: Session, call: Call, data: dict[str, Any]) -> dict[str, object]:
    """Let the replaced key run out, where one is named; return what the audit log says of it."""
    old = data.get("replaces")
    if old is None:
        if "overlap_days" in data:
            raise InvalidRequestError([FieldError("/replaces", "missing")])
        return {}
    _read(session, call, old)
    days = data.get("overlap_days")
    end = keys.end_after_overlap(
        session,
        merchant_id=call.merchant_id,
        key_id=old,
        now=call.wall,
        overlap=keys.OVERLAP if days is None else timedelta(days=days),
    )
    return {"replaces": old, "until": end.isoformat()}


def _own(session: Session, call: Call) -> list[KeyView]:
    found = queries.keys(session, merchant_id=call.merchant_id)
    return [key for key in found if key.environment == call.key.environment]


def _read(session: Session, call: Call, key_id: str) -> dict[str, Any]:
    """Return a key of this merchant and environment; raises UnknownKeyError."""
    for key in _own(session, call):
        if key.key_id == key_id:
            return _shown(key, call=call)
    raise UnknownKeyError("this merchant has no such key")


def _record(session: Session, call: Call, *, action: str, facts: dict[str, Any]) -> None:
    code = call.key.merchant_code
    record_act(
        session,
        now=call.wall,
        actor=f"merchant:{code}",
        action=action,
        subject=f"merchant:{code}",
        facts=facts | {"by": call.key.key_id},
    )


def _shown(key: KeyView, *, call: Call) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "environment": key.environment,
        "algorithm": key.algorithm,
        "fingerprint": None if key.public_key is None else fingerprint(key.public_key),
        "scopes": list(key.scopes),
        "state": key.state(call.wall),
        "created_at": key.created_at.isoformat(),
        "expires_at": _time(key.expires_at),
        "revoked_at": _time(key.revoked_at),
        "last_used_on": None if key.last_used_on is None else key.last_used_on.isoformat(),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
