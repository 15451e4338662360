"""The signed request behind an entry, made ready for a page: checked, and masked unless asked for.

The console shows it to operators, the portal to the merchant whose request it is. Each reading is
an act in the audit log, written in the unit of work that reads.
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from network.ledger.evidence import StoredEvidence
from network.ledger.views import EntryView
from network.members.signed_bodies import entry_evidence
from network.merchants import queries as merchants
from network.merchants.evidence import Finding, check_evidence
from network.operators.audit import record_act
from network.portal import attesting
from network.portal import queries as portal
from network.signing.queries import published_keys
from network.vault import Vault

READ, REVEALED = "evidence.read", "evidence.revealed"
PERSONAL = frozenset({"phone", "card", "code", "token"})
"""Names of the body's fields that lead to a person or could be used in a person's place."""

MASK = "••••••"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """What the page shows; ``body`` is ``None`` where it can't be shown masked.

    Of a batch it is the one ``line`` that asked for the entry; ``size`` is that of all of it.
    ``asked_by``: who asked in the portal, where the network signed in the merchant's place.
    ``erased``: a member whom the request names is one no more, and cannot be read any more.
    """

    key_id: str
    revoked_at: datetime | None
    finding: Finding
    signature_base: str
    signature: str
    body: str | None = field(repr=False)
    size: int
    masked: bool
    line: int | None = None
    asked_by: str | None = None
    erased: bool = False


def signed_request(
    session: Session,
    vault: Vault,
    *,
    entry: EntryView,
    public_id: str,
    reveal: bool,
    actor: str,
    wall: datetime,
) -> SignedRequest | None:
    """Read an entry's evidence for ``actor`` and log it; ``None`` where there is none."""
    found = entry_evidence(session, vault, member_id=entry.member_id, sequence=entry.sequence)
    if found is None:
        return None
    record_act(
        session,
        now=wall,
        actor=actor,
        action=REVEALED if reveal else READ,
        subject=f"entry:{public_id}",
        facts={"key_id": found.key_id},
    )
    key = merchants.key(session, key_id=found.key_id)
    attested = attesting.is_attested(found)
    asked = found.body if found.line is None else found.body.split(b"\n")[found.line - 1]
    body, masked = (_verbatim(asked), False) if reveal else mask(asked)
    return SignedRequest(
        key_id=found.key_id,
        revoked_at=key.revoked_at if key else None,
        finding=(
            _check_attested(session, found)
            if attested
            else check_evidence(vault, evidence=found, key=key, merchant_id=entry.merchant_id)
        ),
        signature_base=_verbatim(found.signature_base),
        signature=b64encode(found.signature).decode(),
        body=body,
        size=len(found.body),
        masked=masked,
        line=found.line,
        asked_by=_who_asked(session, found, entry=entry) if attested else None,
        erased=found.erased,
    )


def _check_attested(session: Session, found: StoredEvidence) -> Finding:
    """Return whether the network signed that somebody asked for this in the portal."""
    holds = attesting.holds(found, published=published_keys(session))
    return Finding.ATTESTED if holds else Finding.WRONG_SIGNATURE


def _who_asked(session: Session, found: StoredEvidence, *, entry: EntryView) -> str | None:
    """Return the name of the merchant's person whom a statement about the portal names."""
    named = attesting.lines_of(found).get("user")
    if named is None or entry.merchant_id is None:
        return None
    people = portal.users(session, merchant_id=entry.merchant_id)
    return next((each.name for each in people if each.public_id == named), None)


def mask(body: bytes) -> tuple[str | None, bool]:
    """Return a JSON body, indented, with personal values masked, and whether any was.

    A body that is not JSON shows nothing: nobody can say where a person stands in it.
    """
    if not body:
        return "", False
    try:
        read = json.loads(body)
        return json.dumps(_masked(read), ensure_ascii=False, indent=2), _names_person(read)
    except (ValueError, RecursionError):
        return None, True


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: MASK if name in PERSONAL else _masked(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_masked(part) for part in value]
    return value


def _names_person(value: Any) -> bool:
    if isinstance(value, dict):
        return any(name in PERSONAL or _names_person(part) for name, part in value.items())
    return isinstance(value, list) and any(_names_person(part) for part in value)


def _verbatim(content: bytes) -> str:
    return content.decode("utf-8", errors="backslashreplace")
