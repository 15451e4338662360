"""Whose the lines of a chunk are: phones and cards in one round trip each, codes one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway.batches.bench import Bench
from network.batches.queries import BatchView
from network.clock import local_date
from network.errors import PeyvandError, UnavailableError
from network.members import resolving
from network.members.cards import normalise_card_number
from network.members.codes import VerifiedCode
from network.members.errors import CardBlockedError, UnknownMemberError
from network.members.phones import normalise_phone
from network.settings import PROGRAMME_ZONE

Found = dict[str, UUID | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A member, until when the identifier was good (None: for good), and the code if one was shown.

    What counts is when the batch came, not when it is worked on.
    """

    member_id: UUID
    identifier: str
    expires_at: datetime | None = None
    code: VerifiedCode | None = None

    def plain(self, *, received_at: datetime) -> bool:
        """Return whether the identifier only names, and was good when the batch came."""
        return self.code is None and (self.expires_at is None or received_at <= self.expires_at)


def find_members(
    session: Session, bench: Bench, batch: BatchView, *, given: Sequence[dict[str, str]]
) -> list[Named | PeyvandError]:
    """Return whom each identifier names, or why it names nobody, in their order."""
    phones: dict[str, str | PeyvandError] = {}
    cards: dict[str, str | PeyvandError] = {}
    for each in given:
        if (phone := each.get("phone")) is not None and phone not in phones:
            phones[phone] = _tried(normalise_phone, phone)
        if (card := each.get("card")) is not None and card not in cards:
            cards[card] = _tried(normalise_card_number, card)
    found: dict[str, Found] = {
        "phone": dict(
            resolving.members_by_phone(session, bench.services.vault, phones=_good(phones.values()))
        )
        if phones
        else {},
        "card": resolving.members_by_card(session, numbers=_good(cards.values())) if cards else {},
    }
    stated = {"phone": phones, "card": cards}
    return [_named(session, bench, batch, each, stated=stated, found=found) for each in given]


def _named(
    session: Session,
    bench: Bench,
    batch: BatchView,
    given: dict[str, str],
    *,
    stated: dict[str, dict[str, str | PeyvandError]],
    found: dict[str, Found],
) -> Named | PeyvandError:
    ((name, value),) = given.items()
    if name in stated:
        key = stated[name][value]
        return key if isinstance(key, PeyvandError) else _looked_up(name, key, found[name])
    try:
        if name == "token":
            token = bench.tokens.read(value, merchant_id=batch.merchant_id, wall=batch.received_at)
            return Named(member_id=token.member_id, identifier=name, expires_at=token.expires_at)
        shown = resolving.resolve(
            session,
            bench.services.vault,
            wall=batch.received_at,
            code=value,
            ask_above=lambda: bench.terms.ask_above(
                day=local_date(bench.clock.now(), zone=PROGRAMME_ZONE)
            ),
        )
    except UnavailableError:
        raise
    except PeyvandError as error:
        error.field = "/member/" + name
        return error
    code = shown.verified_code
    return Named(
        member_id=shown.member_id,
        identifier=name,
        expires_at=None if code is None else code.expires_at,
        code=code,
    )


def _looked_up(name: str, key: str, found: Found) -> Named | PeyvandError:
    if key not in found:
        return UnknownMemberError("nobody has it", field=f"/member/{name}")
    member_id = found[key]
    if member_id is None:
        return CardBlockedError("this card is blocked", field=f"/member/{name}")
    return Named(member_id=member_id, identifier=name)


def _tried(normalise: Any, text: str) -> str | PeyvandError:
    try:
        return str(normalise(text))
    except PeyvandError as error:
        error.field = f"/member/{error.field}"
        return error


def _good(values: Any) -> set[str]:
    return {value for value in values if isinstance(value, str)}
