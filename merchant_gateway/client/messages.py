"""What is asked of the gateway, and what it answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"
_TEXTS = ("method", "path", "accept", "media_type")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer that the network signed for this very request."""

    data: dict[str, Any]
    status: int
    replayed: bool
    request_id: str
    content: bytes = field(repr=False)
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked, to the byte, and the ``idempotency_key`` of a POST.

    It is signed anew whenever it is sent, so it can be kept, as ``to_json`` writes it, and sent
    again later: what was done meanwhile is answered as it was. It holds what the call held, also
    phone numbers.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    idempotency_key: str | None = None
    accept: str = JSON
    media_type: str = JSON

    def to_json(self) -> str:
        """Return the request as one line of JSON."""
        told: dict[str, Any] = {name: getattr(self, name) for name in _TEXTS}
        told |= {"query": dict(self.query), "idempotency_key": self.idempotency_key}
        return json.dumps(told | {"body": self.body.decode("utf-8", "surrogateescape")})

    @classmethod
    def from_json(cls, text: str) -> Request:
        """Return the request that ``to_json`` wrote; raise ValueError where it is none."""
        told = json.loads(text)
        try:
            key = told["idempotency_key"]
            return cls(
                **{name: str(told[name]) for name in _TEXTS},
                query={str(name): str(value) for name, value in told["query"].items()},
                idempotency_key=None if key is None else str(key),
                body=str(told["body"]).encode("utf-8", "surrogateescape"),
            )
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError("this is not a request that was kept") from error
