"""A member's movements over closed days, signed: a file that shows others what came and went.

The network signs, as a JWS, who it is, the days, what was there before and after, and the digest of
the movements; with the published keys anybody can tell that none of them was left out or changed.
Days that are closed never change, so the same days give the same movements for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network import ids
from network.clearing.party_names import parties
from network.clearing.statements import canonical
from network.errors import PeyvandError
from network.ids import EntryIds
from network.ledger import queries as ledger
from network.ledger.views import EntryView
from network.proofs import tokens
from network.proofs.errors import ProofBrokenError
from network.signing.queries import active_key
from network.vault import Vault

FORMAT = "peyvand-movements-1"
MOST = 5_000
"""Movements of one file."""

OWN_ACCOUNTS = ("available", "pending", "held", "debt")
"""What these add up to is what a member has; debt stands below zero."""

Keys = Sequence[Mapping[str, str]]


class TooManyMovementsError(PeyvandError):
    """There are more movements in these days than one file has: fewer days have to be asked for."""

    code = "too_many_movements"


class NotClosedError(PeyvandError):
    """These days are not over, or there are none of them."""

    code = "days_not_closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whose movements of which business days, [since, until).

    ``wallet_id`` is where the person's points are: their own wallet, or one that they share, from
    its entry ``first`` on.
    """

    person_id: UUID
    wallet_id: UUID
    since: date
    until: date
    first: int | None = None


def document(
    session: Session, vault: Vault, entry_ids: EntryIds, *, wanted: Wanted
) -> dict[str, Any]:
    """Return the file, of a session that sees one moment.

    In a shared wallet the others' movements stand there with their points, and neither shop nor id.
    Raises NotClosedError and TooManyMovementsError.
    """
    if not wanted.since < wanted.until <= ledger.open_day(session):
        raise NotClosedError("only days that are closed")
    found = ledger.entries(
        session,
        member_id=wanted.wallet_id,
        first=wanted.first,
        since=wanted.since,
        until=wanted.until,
        limit=MOST + 1,
    )
    if len(found) > MOST:
        raise TooManyMovementsError("ask for fewer days", facts={"most": MOST})
    closing = _balance_before(session, wallet_id=wanted.wallet_id, day=wanted.until)
    opening = closing - sum(_points(each) for each in found)
    movements = _movements(session, entry_ids, reversed(found), wanted=wanted, opening=opening)
    seal = ledger.seal_of(session, business_date=wanted.until - timedelta(days=1))
    said = {
        "member": ids.encode("mem", wanted.person_id),
        "shared": wanted.wallet_id != wanted.person_id,
        "since": wanted.since.isoformat(),
        "until": wanted.until.isoformat(),
        "opening": opening,
        "closing": closing,
        "movements": len(movements),
        "digest": _digest(movements),
        "seal": None if seal is None else seal.head.hex(),
    }
    key = active_key(session, vault=vault, purpose=tokens.PURPOSE)
    return {
        "format": FORMAT,
        "movements": movements,
        "statement": tokens.sign(said, key=key, typ=tokens.MOVEMENTS),
    }


def is_movements(document: Mapping[str, Any]) -> bool:
    """Return whether a document says that it is such a file."""
    return document.get("format") == FORMAT


def check(document: Mapping[str, Any], *, keys: Keys) -> tuple[dict[str, Any], str]:
    """Return what the network signed of a file whose movements are those, and the key's id.

    Raises ProofBrokenError where anything was changed, and KeyError, TypeError or ValueError where
    a part is missing.
    """
    said, key_id = tokens.open_token(document["statement"], typ=tokens.MOVEMENTS, keys=keys)
    movements = document["movements"]
    if _digest(movements) != said["digest"] or len(movements) != said["movements"]:
        raise ProofBrokenError("the digest is not that of these movements")
    balance = said["opening"]
    for each in movements:
        balance += each["points"]
        if balance != each["balance"]:
            raise ProofBrokenError("the balances and movements do not add up")
    if balance != said["closing"]:
        raise ProofBrokenError("the balances and movements do not add up")
    return said, key_id


def _movements(
    session: Session,
    entry_ids: EntryIds,
    entries: Iterable[EntryView],
    *,
    wanted: Wanted,
    opening: int,
) -> list[dict[str, Any]]:
    found = list(entries)
    shops = parties(session, wanted={each.merchant_id for each in found if each.merchant_id})
    balance, made = opening, []
    for each in found:
        balance += _points(each)
        own = wanted.person_id in {wanted.wallet_id, each.person_id}
        shop = shops.get(each.merchant_id) if own and each.merchant_id else None
        name = entry_ids.encode(prefix="ent", member_id=each.member_id, sequence=each.sequence)
        made.append(
            {
                "entry": name if own else None,
                "business_date": each.business_date.isoformat(),
                "recorded_at": each.recorded_at.isoformat(),
                "kind": each.kind,
                "merchant": None if shop is None else shop.code,
                "points": _points(each),
                "balance": balance,
            }
        )
    return made


def _balance_before(session: Session, *, wallet_id: UUID, day: date) -> int:
    """Return what was in a wallet when ``day`` began: what is now, less what moved since."""
    return int(
        session.execute(
            text("""
                SELECT w.available + w.pending + w.held - w.debt - coalesce((
                    SELECT sum(p.points) FROM ledger.posting AS p
                    WHERE p.member_id = w.member_id AND p.business_date >= :day
                      AND p.account::text = ANY (:accounts)), 0)
                FROM ledger.wallet AS w WHERE w.member_id = :wallet
            """),
            {"wallet": wallet_id, "day": day, "accounts": list(OWN_ACCOUNTS)},
        ).scalar_one()
    )


def _points(entry: EntryView) -> int:
    return sum(entry.change(account) for account in OWN_ACCOUNTS)


def _digest(movements: object) -> str:
    return f"sha-256:{sha256(canonical(movements)).hexdigest()}"
