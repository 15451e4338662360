"""A merchant's webhook endpoints: made, changed, disabled, removed, and their keys rotated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from network import ids
from network.errors import PeyvandError
from network.events.models import WebhookDelivery, WebhookEndpoint, WebhookSecret
from network.events.types import SUBSCRIBABLE
from network.events.webhooks.addresses import Target, read_url
from network.events.webhooks.signing import KeyPair, written_public, written_secret
from network.vault import Vault

PREFIX = "whe"
MOST_ENDPOINTS = 10
OVERLAP = timedelta(hours=24)
"""For so long the old keys sign beside the new ones when nothing else is said."""

OPERATOR = "operator"
SEAL_PURPOSE = "webhook-keys"
_LOCK = 0x7768_6570


class UnknownEndpointError(PeyvandError):
    """This merchant has no such webhook endpoint."""

    code = "unknown_webhook_endpoint"


class TooManyEndpointsError(PeyvandError):
    """The merchant has as many webhook endpoints as it may."""

    code = "too_many_webhook_endpoints"


class EndpointDisabledError(PeyvandError):
    """The endpoint is disabled: enable it first."""

    code = "webhook_endpoint_disabled"


class DisabledByOperatorError(PeyvandError):
    """The network's operator disabled the endpoint: its merchant cannot enable it."""

    code = "webhook_endpoint_disabled_by_operator"


class UnknownEventTypeError(PeyvandError):
    """There is no such type of event to choose."""

    code = "unknown_event_type"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointView:
    """An endpoint; no ``types`` means all. ``old_keys_end_at`` during a rotation's overlap."""

    endpoint_id: UUID
    merchant_id: UUID
    url: str
    description: str
    types: tuple[str, ...]
    state: str
    disabled_because: str | None
    created_at: datetime
    changed_at: datetime
    public_key: str
    old_keys_end_at: datetime | None

    @property
    def public_id(self) -> str:
        """Return the id outside."""
        return ids.encode(PREFIX, self.endpoint_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be changed of an endpoint; None leaves a thing as it is."""

    url: str | None = None
    description: str | None = None
    types: Sequence[str] | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKeys:
    """An endpoint with the secret that was made for it, as the merchant configures it."""

    endpoint: EndpointView
    secret: str = field(repr=False)


def create(
    session: Session,
    vault: Vault,
    *,
    merchant_id: UUID,
    url: str,
    description: str,
    types: Sequence[str],
    now: datetime,
    loopback: bool = False,
) -> NewKeys:
    """Make an endpoint with keys of its own.

    Raises UrlRefusedError, UnknownEventTypeError, TooManyEndpointsError, and
    DisabledByOperatorError for a host where an operator disabled one of this merchant's.
    """
    target = read_url(url, loopback=loopback)
    chosen = _checked(types)
    session.execute(
        text("SELECT pg_advisory_xact_lock(:kind, hashtext(:merchant))"),
        {"kind": _LOCK, "merchant": str(merchant_id)},
    )
    there = endpoints(session, merchant_id=merchant_id)
    _check_host(there, target)
    if len(there) >= MOST_ENDPOINTS:
        raise TooManyEndpointsError("no more endpoints", facts={"most": MOST_ENDPOINTS})
    row = WebhookEndpoint(
        endpoint_id=ids.uuid7(),
        merchant_id=merchant_id,
        url=url,
        description=description,
        types=list(chosen),
        state="enabled",
        created_at=now,
        changed_at=now,
    )
    session.add(row)
    session.flush()
    secret = _add_keys(session, vault, endpoint_id=row.endpoint_id, number=1, now=now)
    return NewKeys(
        endpoint=endpoint(session, merchant_id=merchant_id, endpoint_id=row.endpoint_id),
        secret=secret,
    )


def change(
    session: Session,
    *,
    merchant_id: UUID,
    endpoint_id: UUID,
    wanted: Wanted,
    by: str = "merchant",
    now: datetime,
    loopback: bool = False,
) -> EndpointView:
    """Change an endpoint; ``by`` (merchant or operator) is noted where it is disabled.

    What waits for a disabled endpoint waits until it is enabled again; what happens meanwhile is
    not queued for it. Raises UnknownEndpointError, UrlRefusedError, UnknownEventTypeError, and
    DisabledByOperatorError where anybody else would enable what an operator disabled, or lead it or
    another one around that.
    """
    row = _locked(session, merchant_id=merchant_id, endpoint_id=endpoint_id)
    barred = row.disabled_because == OPERATOR and by != OPERATOR
    if barred and (wanted.enabled or wanted.url not in {None, row.url}):
        raise DisabledByOperatorError("an operator disabled it")
    if wanted.url is not None:
        target = read_url(wanted.url, loopback=loopback)
        if wanted.url != row.url:
            _check_host(endpoints(session, merchant_id=merchant_id), target)
        row.url = wanted.url
    if wanted.description is not None:
        row.description = wanted.description
    if wanted.types is not None:
        row.types = list(_checked(wanted.types))
    if wanted.enabled is True:
        row.state, row.disabled_because = "enabled", None
    if wanted.enabled is False and (row.state == "enabled" or by == OPERATOR):
        row.state, row.disabled_because = "disabled", by
    row.changed_at = now
    session.flush()
    return endpoint(session, merchant_id=merchant_id, endpoint_id=endpoint_id)


def remove(session: Session, *, merchant_id: UUID, endpoint_id: UUID, now: datetime) -> None:
    """Remove an endpoint with its keys; what waits for it is dropped, its log stays for a while.

    Raises UnknownEndpointError, and DisabledByOperatorError: what an operator disabled stays to be
    seen, so that nobody makes the same anew.
    """
    row = _locked(session, merchant_id=merchant_id, endpoint_id=endpoint_id)
    if row.disabled_because == OPERATOR:
        raise DisabledByOperatorError("an operator disabled it")
    row.state, row.disabled_because, row.changed_at = "deleted", None, now
    session.flush()
    quietly = {"synchronize_session": False}
    session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.state == "waiting")
        .values(state="dropped", finished_at=now),
        execution_options=quietly,
    )
    session.execute(
        delete(WebhookSecret).where(WebhookSecret.endpoint_id == endpoint_id),
        execution_options=quietly,
    )


def rotate(
    session: Session,
    vault: Vault,
    *,
    merchant_id: UUID,
    endpoint_id: UUID,
    overlap: timedelta,
    now: datetime,
) -> NewKeys:
    """Give an endpoint new keys; those in force sign beside them for ``overlap``.

    Keys that were ending already end at once, so there are never more than two pairs. Raises
    UnknownEndpointError.
    """
    _locked(session, merchant_id=merchant_id, endpoint_id=endpoint_id)
    newest = session.scalars(
        select(WebhookSecret)
        .where(WebhookSecret.endpoint_id == endpoint_id)
        .order_by(WebhookSecret.number.desc())
        .limit(1)
    ).one()
    session.execute(
        delete(WebhookSecret).where(
            WebhookSecret.endpoint_id == endpoint_id, WebhookSecret.number < newest.number
        ),
        execution_options={"synchronize_session": False},
    )
    newest.ends_at = now + overlap
    session.flush()
    secret = _add_keys(session, vault, endpoint_id=endpoint_id, number=newest.number + 1, now=now)
    return NewKeys(
        endpoint=endpoint(session, merchant_id=merchant_id, endpoint_id=endpoint_id),
        secret=secret,
    )


def endpoints(session: Session, *, merchant_id: UUID) -> list[EndpointView]:
    """Return a merchant's endpoints, the oldest first."""
    rows = session.scalars(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.merchant_id == merchant_id, WebhookEndpoint.state != "deleted")
        .order_by(WebhookEndpoint.created_at, WebhookEndpoint.endpoint_id)
    ).all()
    pairs = session.scalars(
        select(WebhookSecret)
        .where(WebhookSecret.endpoint_id.in_([row.endpoint_id for row in rows]))
        .order_by(WebhookSecret.number)
    ).all()
    return [
        _view(row, [each for each in pairs if each.endpoint_id == row.endpoint_id]) for row in rows
    ]


def endpoint(session: Session, *, merchant_id: UUID, endpoint_id: UUID) -> EndpointView:
    """Return one endpoint of a merchant; raise UnknownEndpointError."""
    for each in endpoints(session, merchant_id=merchant_id):
        if each.endpoint_id == endpoint_id:
            return each
    raise UnknownEndpointError("this merchant has no such endpoint")


def keys_of(
    session: Session, vault: Vault, *, endpoint_ids: Sequence[UUID], now: datetime
) -> dict[UUID, list[KeyPair]]:
    """Return the keys that sign for each endpoint at ``now``, the newest pair first."""
    rows = session.scalars(
        select(WebhookSecret)
        .where(
            WebhookSecret.endpoint_id.in_(endpoint_ids),
            func.coalesce(WebhookSecret.ends_at > now, True),
        )
        .order_by(WebhookSecret.number.desc())
    )
    found: dict[UUID, list[KeyPair]] = {each: [] for each in endpoint_ids}
    for row in rows:
        found[row.endpoint_id].append(
            KeyPair.from_bytes(
                secret=vault.open(row.sealed_secret, purpose=SEAL_PURPOSE),
                private=vault.open(row.sealed_private, purpose=SEAL_PURPOSE),
            )
        )
    return found


def _add_keys(
    session: Session, vault: Vault, *, endpoint_id: UUID, number: int, now: datetime
) -> str:
    pair = KeyPair.generate()
    session.add(
        WebhookSecret(
            endpoint_id=endpoint_id,
            number=number,
            sealed_secret=vault.seal(pair.secret, purpose=SEAL_PURPOSE),
            sealed_private=vault.seal(pair.private.private_bytes_raw(), purpose=SEAL_PURPOSE),
            public_key=pair.public,
            created_at=now,
        )
    )
    session.flush()
    return written_secret(pair.secret)


def _locked(session: Session, *, merchant_id: UUID, endpoint_id: UUID) -> WebhookEndpoint:
    row = session.scalars(
        select(WebhookEndpoint)
        .where(
            WebhookEndpoint.endpoint_id == endpoint_id,
            WebhookEndpoint.merchant_id == merchant_id,
            WebhookEndpoint.state != "deleted",
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise UnknownEndpointError("this merchant has no such endpoint")
    return row


def _check_host(there: Sequence[EndpointView], target: Target) -> None:
    """Refuse a host at which an operator disabled an endpoint of the same merchant."""
    for each in there:
        if each.disabled_because != OPERATOR:
            continue
        if read_url(each.url, loopback=True).host == target.host:
            raise DisabledByOperatorError("an operator disabled one there", field="url")


def _checked(types: Sequence[str]) -> tuple[str, ...]:
    unknown = [each for each in types if each not in SUBSCRIBABLE]
    if unknown:
        raise UnknownEventTypeError("no such type of event", field="types")
    return tuple(each for each in SUBSCRIBABLE if each in types)


def _view(row: WebhookEndpoint, pairs: Sequence[WebhookSecret]) -> EndpointView:
    return EndpointView(
        endpoint_id=row.endpoint_id,
        merchant_id=row.merchant_id,
        url=row.url,
        description=row.description,
        types=tuple(row.types),
        state=row.state,
        disabled_because=row.disabled_because,
        created_at=row.created_at,
        changed_at=row.changed_at,
        public_key=written_public(pairs[-1].public_key),
        old_keys_end_at=next((each.ends_at for each in pairs if each.ends_at is not None), None),
    )
