"""How the ledger's values are written as arguments of its SQL functions.

Each constant is one named argument (``GRANTS`` is three, of which a call uses one or two), built
from bound parameters and cast to its type; each function returns the parameters that the constant
of the same name binds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import count
from operator import attrgetter
from typing import Any
from uuid import UUID

from network.ledger.values import (
    AlikeGrants,
    Claim,
    Consent,
    Event,
    Evidence,
    Grant,
    GrantKind,
    Takings,
)

MEMBER = "p_member => CAST(:member_id AS uuid)"
NOW = "p_now => CAST(:now AS timestamptz)"
WALL = "p_wall => CAST(:wall AS timestamptz)"
CLAIM = (
    "p_claim => ROW(CAST(:client_id AS uuid), CAST(:key AS text), "
    "CAST(:fingerprint AS bytea))::ledger.claim_facts"
)
EVENT = (
    "p_event => ROW(CAST(:merchant_id AS uuid), CAST(:merchant_ref AS text), "
    "CAST(:effective_at AS timestamptz), CAST(:store_id AS uuid), CAST(:terminal AS text), "
    "CAST(:receipt AS text), CAST(:channel AS text), CAST(:amount AS bigint), "
    "CAST(:base AS bigint), CAST(:currency AS text), CAST(:person_id AS uuid))::ledger.event_facts"
)
EVIDENCE = (
    "p_evidence => ROW(CAST(:key_id AS text), CAST(:signature_base AS bytea), "
    "CAST(:signature AS bytea), CAST(:body AS bytea))::ledger.evidence_facts"
)
GRANTS = (
    "p_grants => CAST(:grants AS jsonb), p_kind => ROW(CAST(:issuer_id AS uuid), NULL, "
    "CAST(:terms_id AS uuid), CAST(:locked_to AS uuid), CAST(:price AS numeric), NULL, NULL, "
    "CAST(:active_from AS date), CAST(:expires_on AS date), NULL)::ledger.grant_facts, "
    "p_parts => CAST(:parts AS bigint[])"
)
CONSENT = (
    "p_consent => ROW(CAST(:code_digest AS bytea), CAST(:code_expires_at AS timestamptz), "
    "CAST(:code_limit AS bigint))::ledger.consent_facts"
)
POINTS = "p_points => CAST(:points AS bigint)"
ORIGINAL = "p_original => CAST(:original AS bigint)"
AUTHORISATION = "p_authorisation => CAST(:authorisation AS bigint)"
TAKINGS = "p_takings => CAST(:takings AS jsonb)"
GRACE = "p_grace_days => CAST(:grace_days AS integer)"

LARGEST_GRANT = 10**15
"""Points in one grant; the ledger refuses more (``ledger.check_count``)."""

_KIND = ("issuer_id", "terms_id", "locked_to", "price", "active_from", "expires_on")
_kind_facts = attrgetter(*_KIND)
_NO_KIND = dict.fromkeys((*_KIND, "parts"))


def claim_parameters(claim: Claim) -> dict[str, Any]:
    """Return the bound values of ``CLAIM``."""
    return {"client_id": claim.client_id, "key": claim.key, "fingerprint": claim.fingerprint}


def event_parameters(event: Event, *, person: UUID | None = None) -> dict[str, Any]:
    """Return the bound values of ``EVENT``; ``person`` is whose points the ledger looks for."""
    return {
        "merchant_id": event.merchant_id,
        "merchant_ref": event.merchant_ref,
        "effective_at": event.effective_at,
        "store_id": event.store_id,
        "terminal": event.terminal,
        "receipt": event.receipt,
        "channel": event.channel,
        "amount": event.amount,
        "base": event.base,
        "currency": event.currency,
        "person_id": person,
    }


def evidence_parameters(evidence: Evidence | None) -> dict[str, Any]:
    """Return the bound values of ``EVIDENCE``, all None without a signed request."""
    return {
        "key_id": evidence.key_id if evidence else None,
        "signature_base": evidence.signature_base if evidence else None,
        "signature": evidence.signature if evidence else None,
        "body": evidence.body if evidence else None,
    }


def consent_parameters(consent: Consent | None) -> dict[str, Any]:
    """Return the bound values of ``CONSENT``, all None without a code."""
    return {
        "code_digest": consent.digest if consent else None,
        "code_expires_at": consent.expires_at if consent else None,
        "code_limit": consent.limit if consent else None,
    }


def grant_parameters(grant: Grant) -> dict[str, Any]:
    """Return a grant as the JSON object that ``ledger.earn`` reads."""
    return {
        "issuer_id": str(grant.issuer_id),
        "terms_id": str(grant.terms_id),
        "price": str(grant.price),
        "points": grant.points,
        "base": grant.base,
        "active_from": grant.active_from.isoformat(),
        "expires_on": grant.expires_on.isoformat(),
        "line": grant.line,
        "locked_to": None if grant.locked_to is None else str(grant.locked_to),
        "campaign_id": None if grant.campaign_id is None else str(grant.campaign_id),
    }


def grants_parameters(grants: Sequence[Grant] | AlikeGrants) -> dict[str, Any]:
    """Return the bound values of ``GRANTS``: of one kind with an array of figures, else JSON.

    Arrays are what the ledger reads with least work, and nearly every purchase is of one kind.
    """
    if isinstance(grants, AlikeGrants):
        return {
            "grants": None,
            **_kind_parameters(grants.kind),
            "parts": parts_array(zip(count(), grants.bases, grants.points, strict=False)),
        }
    kind = _kind_of(grants)
    if kind is None:
        return _NO_KIND | {"grants": json.dumps([grant_parameters(grant) for grant in grants])}
    return {
        "grants": None,
        **kind,
        "parts": parts_array((grant.line, grant.base, grant.points) for grant in grants),
    }


def _kind_parameters(kind: GrantKind) -> dict[str, Any]:
    return {
        "issuer_id": kind.issuer_id,
        "terms_id": kind.terms_id,
        "locked_to": kind.locked_to,
        "price": kind.price,
        "active_from": kind.active_from,
        "expires_on": kind.expires_on,
    }


def _kind_of(grants: Sequence[Grant]) -> dict[str, Any] | None:
    """Return what all grants share, ``None`` unless they make one lot and no line has two of them.

    What campaigns give is taken from their budgets, by the ledger's longer way; so is what the
    ledger will refuse.
    """
    above = -1
    for grant in grants:
        if (
            grant.line <= above
            or grant.campaign_id is not None
            or not 0 <= grant.points <= LARGEST_GRANT
        ):
            return None
        above = grant.line
    kinds = [_kind_facts(grant) for grant in grants]
    if not kinds or any(kind != kinds[0] for kind in kinds):
        return None
    return dict(zip(_KIND, kinds[0], strict=True))


def parts_array(parts: Iterable[tuple[int, int, int]]) -> str:
    """Return the lines, bases and points of grants of one kind as the entry keeps them.

    Text as PostgreSQL reads it; a driver would look at the type of every element.
    """
    rows = [f"{{{line},{base},{points}}}" for line, base, points in parts]
    return "{" + ",".join(rows) + "}"


def takings_parameters(takings: Takings | None) -> dict[str, Any]:
    """Return the bound value of ``TAKINGS``, JSON."""
    if takings is None:
        return {"takings": None}
    campaigns = [
        {"campaign_id": str(campaign_id), "points": points}
        for campaign_id, points in takings.campaigns.items()
    ]
    return {"takings": json.dumps({"sequence": takings.sequence, "campaigns": campaigns})}
