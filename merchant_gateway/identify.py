"""From the identifier in a request to the member.

A phone, a card and a token name a member; only the wallet's code carries consent to spend. A code
or token that ran out still names its member, because a till that never got its answer sends the
same request again and must get the stored one; for anything new it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from merchant_gateway.errors import (
    ConsentRequiredError,
    IdentifierExpiredError,
    TokenExpiredError,
)
from merchant_gateway.gateway import Call
from merchant_gateway.posting import Working, today
from merchant_gateway.tokens import method_said
from network.database.driver import Channel
from network.errors import PeyvandError
from network.lean import lean
from network.ledger import queries as ledger
from network.ledger.values import Consent, Evidence
from network.members import resolving
from network.members.codes import VerifiedCode
from network.members.resolving import ResolvedMember
from network.members.sealing import open_person_key
from network.members.signed_bodies import seal_body

CODE = "code"
TOKEN = "token"  # noqa: S105 - the name of a kind of identifier, not a secret


@lean
@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """A member, how the till knows them, and until when (``None``: for good)."""

    member_id: UUID
    method: str
    expires_at: datetime | None = None
    found: ResolvedMember | None = None
    code: VerifiedCode | None = None

    @property
    def masked_name(self) -> str | None:
        """Return the member's initials, where the identifier led to them."""
        return None if self.found is None else self.found.masked_name

    @property
    def present(self) -> bool:
        """Return whether the member stands there with the wallet open."""
        return self.method == CODE


def identify(connection: Channel, call: Call, *, given: dict[str, Any]) -> Identified:
    """Return the member that ``given`` (one of phone, card, code, token) names.

    One round trip, none for a token. Raises what the members' queries raise for an unknown
    identifier, and TokenInvalidError.
    """
    if (token := given.get(TOKEN)) is not None:
        named = call.gateway.tokens.read(token, merchant_id=call.merchant_id, wall=call.wall)
        return Identified(
            member_id=named.member_id, method=named.method, expires_at=named.expires_at
        )
    try:
        found = resolving.resolve(
            connection,
            call.gateway.services.vault,
            wall=call.wall,
            ask_above=lambda: call.gateway.terms.ask_above(day=today(call.gateway.clock.now())),
            **given,
        )
    except PeyvandError as error:
        if error.field in given:
            error.field = f"/member/{error.field}"
        raise
    code = found.verified_code
    call.gateway.member_keys.put(found.member_id, found.sealed_key)
    return Identified(
        member_id=found.member_id,
        method=found.method,
        expires_at=None if code is None else code.expires_at,
        found=found,
        code=code,
    )


def is_present(given: dict[str, Any]) -> bool:
    """Return whether a request names its member by the wallet's code, or by a token made of one.

    Only of a request that was done: its token was believed then, and says the same for ever, also
    once its key was replaced. Nobody is looked for: whoever was named may have left since.
    """
    if (token := given.get(TOKEN)) is None:
        return CODE in given
    return method_said(token) == CODE


def refuse_expired(
    work: Working, call: Call, who: Identified, *, given: dict[str, Any], kind: str, ref: str
) -> None:
    """Refuse an identifier that ran out, unless the entry exists and this is a retry of it.

    Raises IdentifierExpiredError for a code, TokenExpiredError for a token.
    """
    if who.expires_at is None or call.wall <= who.expires_at:
        return
    known = ledger.by_reference(
        work.session,
        member_id=who.member_id,
        merchant_id=call.merchant_id,
        kind=kind,
        merchant_ref=ref,
    )
    if known is not None:
        return
    if TOKEN in given:
        raise TokenExpiredError("the token ran out", field="/member/token")
    raise IdentifierExpiredError("the code ran out", field="/member/code")


def require_code(given: dict[str, Any]) -> None:
    """Refuse to spend on anything but a code; raises ConsentRequiredError."""
    if CODE not in given:
        raise ConsentRequiredError("only the code in the member's wallet spends", field="/member")


def consent_of(who: Identified) -> Consent:
    """Return the consent that the member's code carries; raises ConsentRequiredError."""
    if who.code is None:
        raise ConsentRequiredError("only the code in the member's wallet spends", field="/member")
    return Consent(digest=who.code.digest, expires_at=who.code.expires_at, limit=who.code.limit)


def evidence_of(call: Call, who: Identified, *, connection: Channel) -> Evidence:
    """Return what is kept with an entry of a request that names ``who``, sealed with their key.

    A token brings no key along; where the process has not met the member lately, it is read.
    """
    vault, member_id = call.gateway.services.vault, who.member_id
    if who.found is not None:
        sealed_key = who.found.sealed_key
    else:
        sealed_key = call.gateway.member_keys.get(
            member_id, lambda: resolving.sealed_key_of(connection, member_id=member_id)
        )
    key = open_person_key(vault, member_id=member_id, sealed_key=sealed_key)
    return call.evidence(kept=seal_body(call.body, key=key))
