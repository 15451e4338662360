"""The operations of the gateway: one list, from which routes and the OpenAPI document are made.

Each is authenticated by the application before anything of it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl

from marshmallow import Schema

from merchant_gateway.canonical import canonical
from merchant_gateway.errors import BadRequestError, MediaTypeError
from merchant_gateway.gateway import Call
from merchant_gateway.schemas.load import load_body, load_query
from merchant_gateway.schemas.requests import EMPTY
from merchant_gateway.strict_json import load_object

JSON = "application/json"
_MOST_PARAMETERS = 20


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method on one path; ``answer`` names a schema of ``schemas.answers``."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    answer: str
    status: int
    body: Schema | None
    query: Schema
    media_types: tuple[str, ...]
    run: Run


OPERATIONS: dict[str, Operation] = {}
SUBJECTS = ("ping", "members", "earnings", "redemptions", "transactions", "settlements")


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
    query: Schema = EMPTY,
    media_types: tuple[str, ...] = (JSON,),
) -> Callable[[Run], Run]:
    """Register the decorated function as an operation.

    It is called with the ``Call``, the loaded body (POST) or query (GET), and the ids of its path.
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
            query=query,
            media_types=media_types,
            run=run,
        )
        return run

    return register


def perform(each: Operation, call: Call, *, media_type: str, path_ids: dict[str, str]) -> Answer:
    """Check the input of a call and run the operation."""
    query = load_query(each.query, query_pairs(call.target))
    if each.body is None:
        return each.run(call, query, **path_ids)
    return each.run(call, load_body(each.body, read_json(call.body, media_type)), **path_ids)


def read_json(body: bytes, media_type: str) -> dict[str, Any]:
    """Return the object in a body; an absent body is an empty object.

    Raises MediaTypeError, MalformedJsonError or InvalidRequestError.
    """
    if not body:
        return {}
    name, _, parameters = media_type.partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if name.strip().lower() != JSON or charset not in {"", "utf-8"}:
        raise MediaTypeError("application/json in UTF-8")
    return load_object(body)


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
