"""The operations of the gateway: one list, from which routes and the OpenAPI document are made.

Each is authenticated by the application before anything of it runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl

from marshmallow import Schema

from merchant_gateway.canonical import canonical
from merchant_gateway.errors import (
    BadRequestError,
    BodyNotAllowedError,
    IdempotencyKeyMalformedError,
    InsufficientScopeError,
    InvalidRequestError,
    MalformedJsonError,
    MediaTypeError,
    MerchantLeavingError,
    SandboxFullError,
    SandboxUnavailableError,
    TestKeyRequiredError,
)
from merchant_gateway.gateway import Call
from merchant_gateway.schemas.load import load_body, load_query
from merchant_gateway.schemas.requests import EMPTY
from merchant_gateway.strict_json import load_object
from network.clock import local_date
from network.errors import InvariantError, PeyvandError, UnavailableError
from network.lean import lean
from network.ledger.claims import RequestInProgressError
from network.merchants import answers, scopes
from network.merchants.keys import LIVE
from network.settings import PROGRAMME_ZONE

JSON = "application/json"
JSON_LINES = ("application/jsonl", "application/x-ndjson")
MAX_BODY_BYTES = 64 * 1024
_MOST_PARAMETERS = 20
_BODILESS = frozenset({"GET", "DELETE"})
_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")
_SCOPES = {
    "ping": None,
    "members": scopes.MEMBERS,
    "earnings": scopes.EARNINGS,
    "redemptions": scopes.REDEMPTIONS,
    "transactions": scopes.TRANSACTIONS,
    "settlements": scopes.SETTLEMENTS,
    "reconciliations": scopes.SETTLEMENTS,
    "disputes": scopes.SETTLEMENTS,
    "direct-payments": scopes.SETTLEMENTS,
    "trade": scopes.SETTLEMENTS,
    "webhook-endpoints": scopes.WEBHOOKS,
    "events": scopes.WEBHOOKS,
    "keys": scopes.KEYS,
    "sandbox": None,
}
"""The first part of a path → the scope that opens it; refunds have one of their own."""


@lean
@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an operation answers: a value as canonical JSON, or bytes of another type."""

    payload: Any = None
    status: int = 200
    replayed: bool = False
    content: bytes | None = None
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        """Return the bytes to send."""
        return canonical(self.payload) if self.content is None else self.content


Run = Callable[..., Answer]
Again = Callable[..., Answer | None]
"""Finds the answer that this very request got before; called as the operation itself is."""


def kept_answer(call: Call, _given: dict[str, Any], **_path_ids: str) -> Answer | None:
    """Return the answer that was kept for a POST that moves no points, as it was given."""
    with call.gateway.services.database.glance() as session:
        kept = answers.kept_or_under_way(session, claim=call.claim())
    return None if kept is None else Answer(payload=kept.answer, status=kept.status, replayed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method on one path; ``answer`` names a schema of ``schemas.answers``.

    ``plainly`` reads a body that is good at once as ``body`` would load it, and others not at all.
    A call with a test key is done in its merchant's sandbox, unless it is done ``at_the_door``, on
    the tables that all keys are in. ``test_only``: live keys may not. ``again`` is asked before a
    call is refused: what was answered once is answered so whenever the same request comes.
    """

    name: str
    method: str
    path: str
    summary: str
    description: str
    answer: str
    status: int
    body: Schema | None
    plainly: Callable[[bytes], dict[str, Any] | None] | None
    query: Schema
    media_types: tuple[str, ...]
    run: Run
    scope: str | None
    lines: str | None = None
    line_types: tuple[str, ...] = JSON_LINES
    most_bytes: int = MAX_BODY_BYTES
    at_the_door: bool = False
    test_only: bool = False
    preview: str | None = None
    waiting: str | None = None
    headers: tuple[str, ...] = ()
    again: Again | None = None

    @property
    def takes_part(self) -> bool:
        """Return whether this gives or takes points anew, which a merchant that left may not."""
        return self.method == "POST" and (
            self.scope == scopes.EARNINGS or self.path == "/redemptions"
        )


OPERATIONS: dict[str, Operation] = {}
SUBJECTS = (
    *(
        "ping",
        "members",
        "joining",
        "earnings",
        "batches",
        "redemptions",
        "transactions",
        "settlements",
    ),
    *("webhooks", "events", "keys", "sandbox", "sandbox_members"),
    *("reconciliations", "disputes", "direct_payments", "trade"),
)


def load_operations() -> dict[str, Operation]:
    """Return all operations by name, importing the modules that define them."""
    for subject in SUBJECTS:
        import_module(f"merchant_gateway.routes.{subject}")
    return OPERATIONS


def operation(
    method: str,
    path: str,
    *,
    summary: str,
    answer: str,
    status: int = 200,
    body: Schema | None = None,
    plainly: Callable[[bytes], dict[str, Any] | None] | None = None,
    query: Schema = EMPTY,
    media_types: tuple[str, ...] = (JSON,),
    at_the_door: bool = False,
    preview: str | None = None,
    waiting: str | None = None,
    lines: str | None = None,
    line_types: tuple[str, ...] = JSON_LINES,
    most_bytes: int = MAX_BODY_BYTES,
    headers: tuple[str, ...] = (),
    again: Again | None = None,
) -> Callable[[Run], Run]:
    """Register the decorated function as an operation.

    It is called with the ``Call``, the loaded body (POST; the query's parameters stand in it too)
    or query (GET), and the ids of its path. ``preview`` names the schema of what it answers with
    200 where it is only tried out, ``waiting`` that of 202 where somebody's word is missing,
    ``lines`` that of a line of ``line_types``, which the operation reads itself. ``headers`` are
    those that other answers do not have, ``again`` finds the answer of what is refused by now.
    """

    def register(run: Run) -> Run:
        name = run.__name__
        if name in OPERATIONS:
            raise ValueError(f"two operations are called {name}")
        OPERATIONS[name] = Operation(
            name=name,
            method=method,
            path=path,
            summary=summary,
            description=(run.__doc__ or "").strip(),
            answer=answer,
            status=status,
            body=body,
            plainly=plainly,
            query=query,
            media_types=media_types,
            run=run,
            scope=scope_of(path),
            at_the_door=at_the_door,
            test_only=path.startswith("/sandbox"),
            preview=preview,
            waiting=waiting,
            lines=lines,
            line_types=line_types,
            most_bytes=most_bytes,
            headers=headers,
            again=again,
        )
        return run

    return register


def scope_of(path: str) -> str | None:
    """Return the scope that opens a path, ``None`` where any key may; raise KeyError on others."""
    if path.endswith("/refunds"):
        return scopes.REFUNDS
    return _SCOPES[path.split("/")[1]]


def perform(
    each: Operation,
    call: Call,
    *,
    media_type: str,
    path_ids: dict[str, str],
    enter: Callable[[Call], AbstractContextManager[Call]] | None = None,
) -> Answer:
    """Check what the key opens, then the input of a call, and run the operation.

    ``enter`` takes a call with a test key into its sandbox; without it there is none. Raises
    TestKeyRequiredError, InsufficientScopeError, BodyNotAllowedError, the errors of the schema,
    IdempotencyKeyMalformedError, what ``enter`` raises, SandboxFullError, MerchantLeavingError, in
    this order.
    """
    _check_key(each, call)
    if call.body and call.method in _BODILESS:
        raise BodyNotAllowedError(f"a {call.method} has no body")
    key, wrong = call.idempotency_key, None
    known = key is not None and _IDEMPOTENCY_KEY.fullmatch(key) is not None
    try:
        given = _given(each, call, media_type)
    except InvalidRequestError as refusal:
        if each.again is None or not known:
            raise
        wrong, given = refusal, _given_plainly(call)
    if key is not None and not known:
        raise IdempotencyKeyMalformedError("16 to 64 of [A-Za-z0-9_-]")
    if call.key.environment == LIVE or each.at_the_door:
        return _run(each, call, given, path_ids=path_ids, wrong=wrong)
    if enter is None:
        raise SandboxUnavailableError("no sandbox can be entered from here")
    with enter(call) as inside:
        return _run(each, inside, given, path_ids=path_ids, wrong=wrong)


def _given(each: Operation, call: Call, media_type: str) -> dict[str, Any]:
    """Return the query and the body as their schemas load them."""
    given = load_query(each.query, query_pairs(call.target))
    if each.lines is not None:
        check_media_type(media_type, each.line_types)
    elif each.body is not None:
        given |= _read_body(each.body, call.body, media_type, plainly=each.plainly)
    return given


def _given_plainly(call: Call) -> dict[str, Any]:
    """Return what a schema refuses, as it was sent: it may have been taken by an earlier schema."""
    try:
        return {**dict(query_pairs(call.target)), **load_object(call.body or b"{}")}
    except (MalformedJsonError, InvalidRequestError):
        return {}


def _run(
    each: Operation,
    call: Call,
    given: dict[str, Any],
    *,
    path_ids: dict[str, str],
    wrong: InvalidRequestError | None = None,
) -> Answer:
    """Run the operation; what it would refuse is looked up first: a retry gets its answer.

    Only a refusal costs the look; a call that is part of a unit of work is its owner's to repeat.
    ``wrong`` is what the schemas refuse. Raises it or what the operation raises, and
    IdempotencyConflict where the key stands for another request.
    """
    try:
        if wrong is not None:
            raise wrong
        _check_part(each, call)
        return each.run(call, given, **path_ids)
    except PeyvandError as refusal:
        if each.again is None or call.session is not None or _looked_up(refusal):
            raise
        found = each.again(call, given, **path_ids)
        if found is None:
            raise
        return found


def _looked_up(refusal: PeyvandError) -> bool:
    """Return whether nothing is to be looked for behind a refusal.

    No failure of ours is an answer. Behind the ledger's refusals, too, something may be found: the
    first attempt may wait for the wallet still and find more points there, and a conflict may be
    this request all the same, where the phone or card in it names somebody else by now.
    """
    return isinstance(refusal, RequestInProgressError | UnavailableError | InvariantError)


def _check_key(each: Operation, call: Call) -> None:
    """Refuse what the key does not open, whatever was answered to others of its merchant."""
    key = call.key
    if each.test_only and key.environment == LIVE:
        raise TestKeyRequiredError("a live key knows of no sandbox")
    if each.scope is not None and each.scope not in key.scopes:
        raise InsufficientScopeError("not with this key", facts={"scope": each.scope})


def _check_part(each: Operation, call: Call) -> None:
    """Refuse to begin anything in a full sandbox, or points for a merchant that has left."""
    if call.sandbox is not None and call.sandbox.full:
        raise SandboxFullError("too much was put into it")
    key = call.key
    if key.environment == LIVE and key.leaves_on is not None and each.takes_part:
        today = local_date(call.gateway.clock.now(), zone=PROGRAMME_ZONE)
        if key.leaves_on <= today:
            raise MerchantLeavingError("it left", facts={"left_on": key.leaves_on.isoformat()})


def _read_body(
    schema: Schema,
    body: bytes,
    media_type: str,
    *,
    plainly: Callable[[bytes], dict[str, Any] | None] | None,
) -> dict[str, Any]:
    if plainly is not None and media_type == JSON and (plain := plainly(body)) is not None:
        return plain
    return load_body(schema, read_json(body, media_type))


def read_json(body: bytes, media_type: str) -> dict[str, Any]:
    """Return the object in a body; an absent body is an empty object.

    Raises MediaTypeError, MalformedJsonError or InvalidRequestError.
    """
    if not body:
        return {}
    check_media_type(media_type, (JSON,))
    return load_object(body)


def check_media_type(media_type: str, wanted: tuple[str, ...]) -> None:
    """Raise MediaTypeError unless it is one of those that are wanted, in UTF-8."""
    name, _, parameters = media_type.partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if name.strip().lower() not in wanted or charset not in {"", "utf-8"}:
        raise MediaTypeError(f"{wanted[0]} in UTF-8")


def query_pairs(target: str) -> list[tuple[str, str]]:
    """Return the parameters of a raw target, decoded; raise BadRequestError where it cannot be."""
    _, _, query = target.partition("?")
    if not query:
        return []
    try:
        return parse_qsl(
            query,
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except ValueError as error:
        raise BadRequestError("the query cannot be read") from error
