"""One signed call over HTTP, with its retries and the check of its answer."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.utils import get_netrc_auth

from merchant_gateway.client.arguments import check_signer, plain_url
from merchant_gateway.client.errors import (
    CallError,
    NotAGatewayError,
    UnreachableError,
    UntrustedAnswerError,
    problem_error,
)
from merchant_gateway.client.journal import Journal, Record
from merchant_gateway.client.messages import Answer, Request
from merchant_gateway.client.salting import Salter
from merchant_gateway.signing import (
    AnswerMessage,
    Ed25519VerifyingKey,
    RequestBinding,
    RequestMessage,
    SignedHeaders,
    SigningError,
    SigningKey,
    parse_answer_signature,
    sign_request,
    split_target,
    verify_answer,
)

KEYS_PATH = "/.well-known/peyvand-keys.json"
TRY_AGAIN = frozenset({408, 429, 502, 503, 504})
LONGEST_WAIT_SECONDS = 30.0
FIRST_WAIT_SECONDS = 0.2
_REFUSED = 400
_CONFLICT = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the environment says about a way to one address: proxies, certificates, ``.netrc``.

    ``requests`` reads all of it anew for each call, some dozen variables and a file in the home.
    The address of a gateway stays the same, and so does what is found for it.
    """

    settings: dict[str, Any]
    auth: Callable[[requests.PreparedRequest], requests.PreparedRequest] | tuple[str, str] | None

    @classmethod
    def read(cls, session: requests.Session, *, url: str) -> Surroundings:
        """Read it once; a session with ``trust_env`` off or settings of its own is followed."""
        settings = session.merge_environment_settings(url, {}, stream=None, verify=None, cert=None)
        own = get_netrc_auth(url) if session.trust_env and session.auth is None else None
        # Something has to stand there, or each call looks into the file again.
        return cls(settings=dict(settings), auth=own or (None if session.auth else _as_it_is))


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class Transport:
    """Signs requests, sends them until they are answered, and believes only signed answers."""

    def __init__(
        self,
        *,
        url: str,
        key_id: str,
        key: SigningKey,
        language: str = "en",
        timeout_seconds: float = 10.0,
        attempts: int = 5,
        pinned_keys: Iterable[Mapping[str, Any]] = (),
        session: requests.Session | None = None,
        journal: Journal | None = None,
        salt: bool = True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = plain_url(url)
        check_signer(key_id=key_id, key=key)
        self._authority = urlsplit(self._url).netloc.rpartition("@")[2]
        self._key_id = key_id
        self._key = key
        self._language = language
        self._timeout = timeout_seconds
        self._attempts = attempts
        self._salter = Salter(key) if salt else None
        self._session = session or requests.Session()
        self._surroundings: Surroundings | None = None
        self._journal = journal
        self._sleep = sleep
        self._pinned = {str(jwk["kid"]): Ed25519VerifyingKey.from_jwk(jwk) for jwk in pinned_keys}
        self._published: dict[str, Ed25519VerifyingKey] = dict(self._pinned)

    @property
    def authority(self) -> str:
        """Return the host that every signature covers."""
        return self._authority

    @property
    def key_id(self) -> str:
        """Return the id of the key that signs."""
        return self._key_id

    def salted(self, content: bytes) -> bytes:
        """Return an object's bytes with a salt for the member, where it names one without.

        As they came, where this client was told to put in none.
        """
        return content if self._salter is None else self._salter.salted(content)

    def network_keys(self) -> dict[str, Ed25519VerifyingKey]:
        """Return the network's keys by id: those that were pinned, or all that are published."""
        return dict(self._pinned) or self._read_keys()

    def call(self, request: Request) -> Answer:
        """Send a request and return its answer.

        Signs every attempt anew under the same idempotency key. Tries again on lost connections,
        408, 429, 502, 503 and 504, as long as ``attempts`` allow, unless it is told to wait longer
        than anybody does at a till. Raises ProblemError, UnreachableError or UntrustedAnswerError,
        each of which can send the request again.
        """
        try:
            return self._attempt(request)
        except CallError as error:
            error.about(request, resend=self.call)
            raise

    def _attempt(self, request: Request) -> Answer:
        failure = ""
        for attempt in range(1, self._attempts + 1):
            last = attempt == self._attempts
            try:
                response, signed = self._send(request)
            except requests.RequestException as error:
                failure = f"{self._url} cannot be reached: {type(error).__name__}"
                if not last:
                    self._sleep(_backoff(attempt, None))
                continue
            asked = response.headers.get("Retry-After")
            again = response.status_code in TRY_AGAIN or _under_way(response)
            if again and not last and not _too_long(asked):
                self._sleep(_backoff(attempt, asked))
                continue
            return self._believe(request, response, signed)
        raise UnreachableError(failure)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _send(self, request: Request) -> tuple[requests.Response, SignedHeaders]:
        headers = {
            "Accept": f"{request.accept}, application/problem+json",
            "Accept-Encoding": "identity",
            "Accept-Language": self._language,
            "Host": self._authority,
        }
        if request.body:
            headers["Content-Type"] = request.media_type
        if request.idempotency_key is not None:
            headers["Idempotency-Key"] = request.idempotency_key
        prepared = self._session.prepare_request(
            requests.Request(
                request.method,
                self._url + request.path,
                params=dict(request.query),
                data=request.body or None,
                headers=headers,
                auth=self._around().auth,
            )
        )
        path, query = split_target(prepared.path_url)
        signed = sign_request(
            request=RequestMessage(
                method=request.method,
                authority=self._authority,
                path=path,
                query=query,
                content_type=request.media_type if request.body else None,
                idempotency_key=request.idempotency_key,
                body=request.body,
            ),
            key=self._key,
            key_id=self._key_id,
            now=datetime.now(UTC),
        )
        prepared.headers.update(signed.as_headers())
        response = self._session.send(
            prepared, timeout=self._timeout, allow_redirects=False, **self._around().settings
        )
        return response, signed

    def _around(self) -> Surroundings:
        if self._surroundings is None:
            self._surroundings = Surroundings.read(self._session, url=self._url)
        return self._surroundings

    def _believe(
        self, request: Request, response: requests.Response, signed: SignedHeaders
    ) -> Answer:
        """Return an answer whose signature holds; raise what a signed problem says."""
        if "Signature" not in response.headers and response.status_code not in TRY_AGAIN:
            self._check_gateway(response)
        self._verify(response, signed.binding)
        if self._journal is not None:
            self._journal.keep(self._record(request, response, signed))
        media_type = response.headers.get("Content-Type", "").partition(";")[0]
        data = _object(response.content) if media_type.endswith("json") else {}
        if response.status_code >= _REFUSED:
            raise problem_error(data, status=response.status_code)
        return Answer(
            data=data,
            status=response.status_code,
            replayed=response.headers.get("Idempotent-Replayed") == "true",
            request_id=response.headers.get("X-Request-Id", ""),
            content=response.content,
            idempotency_key=request.idempotency_key,
        )

    def _record(
        self, request: Request, response: requests.Response, signed: SignedHeaders
    ) -> Record:
        path, query = split_target(response.request.path_url)
        return Record(
            at=datetime.now(UTC),
            method=request.method,
            path=path,
            query=query,
            key_id=self._key_id,
            idempotency_key=request.idempotency_key,
            body=request.body,
            binding=signed.binding,
            signature_base=signed.evidence.signature_base,
            status=response.status_code,
            answer=response.content,
            content_digest=response.headers["Content-Digest"],
            signature_input=response.headers["Signature-Input"],
            signature=response.headers["Signature"],
        )

    def _check_gateway(self, response: requests.Response) -> None:
        """Raise NotAGatewayError where nothing publishes a network's keys at the address."""
        try:
            self._read_keys()
        except UntrustedAnswerError as error:
            media_type = response.headers.get("Content-Type", "no type").partition(";")[0]
            raise NotAGatewayError(
                f"This is not a gateway: {self._url} answered HTTP {response.status_code} "
                f"({media_type}) without a signature, and publishes no keys. Check the address."
            ) from error

    def _verify(self, response: requests.Response, binding: RequestBinding) -> None:
        try:
            parsed = parse_answer_signature(
                signature_input=response.headers.get("Signature-Input"),
                signature=response.headers.get("Signature"),
            )
            # A refusal of a signature that could not be read is bound to nothing.
            unbound = response.status_code >= _REFUSED and not any(
                ";req" in component for component in parsed.components
            )
            verify_answer(
                answer=AnswerMessage(
                    status=response.status_code,
                    content_digest=response.headers.get("Content-Digest"),
                    body=response.content,
                ),
                parsed=parsed,
                request=None if unbound else binding,
                key=self._network_key(parsed.key_id),
                now=datetime.now(UTC),
            )
        except SigningError as error:
            raise UntrustedAnswerError(
                f"HTTP {response.status_code} without a signature of the network that holds: "
                f"{error}"
            ) from error

    def _network_key(self, key_id: str) -> Ed25519VerifyingKey:
        """Return a published key, reading the key set again where this one is not known yet."""
        if key_id not in self._published and not self._pinned:
            self._published = self._read_keys()
        try:
            return self._published[key_id]
        except KeyError as error:
            raise UntrustedAnswerError(f"the network has not published the key {key_id}") from error

    def _read_keys(self) -> dict[str, Ed25519VerifyingKey]:
        try:
            response = self._session.get(
                self._url + KEYS_PATH, timeout=self._timeout, allow_redirects=False
            )
            response.raise_for_status()
            found = _object(response.content)["keys"]
            return {str(jwk["kid"]): Ed25519VerifyingKey.from_jwk(jwk) for jwk in found}
        except (requests.RequestException, LookupError, TypeError, SigningError) as error:
            raise UntrustedAnswerError("the network's published keys cannot be read") from error


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _too_long(retry_after: str | None) -> bool:
    """Return whether the gateway asks to wait for longer than a caller is made to."""
    told = int(retry_after) if retry_after and retry_after.isdigit() else 0
    return told > LONGEST_WAIT_SECONDS


def _under_way(response: requests.Response) -> bool:
    """Return whether an earlier attempt may be at work still: a conflict that says when to ask."""
    return response.status_code == _CONFLICT and "Retry-After" in response.headers


def _backoff(attempt: int, retry_after: str | None) -> float:
    """Return how long to wait: as asked, or doubling from 0.2 s, with jitter so as not to meet."""
    asked = float(retry_after) if retry_after and retry_after.isdigit() else 0.0
    doubling: float = FIRST_WAIT_SECONDS * 2 ** (attempt - 1)
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, protects nothing
    return min(LONGEST_WAIT_SECONDS, max(asked, doubling) * jitter if not asked else asked + jitter)
