"""A redemption whose member is named by what does not spend: the member is asked first.

The first call asks and answers 202; nothing is held. The same call again, once the member has said
yes in the wallet, or with the code of the message, posts the redemption under the same rules of
idempotency and reference as any other. Either way the consent is used up by the ledger's own call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway.errors import WrongMerchantError
from merchant_gateway.gateway import Call
from merchant_gateway.identify import Identified, identify, refuse_expired
from merchant_gateway.operations import Answer
from merchant_gateway.posting import duplicates_named, today, working, worth
from network import ids
from network.ids import EntryKey
from network.ledger import queries as ledger
from network.ledger.errors import DuplicateReference
from network.ledger.values import Consent, Event, Posted
from network.second_factor.threshold import installation_threshold
from network.spend_requests import queries, service
from network.spend_requests.errors import ConsentLapsedError
from network.spend_requests.queries import PREFIX, TAKEN, WAITING, SpendRequestView
from network.spend_requests.service import Wish

CONSENT_REQUIRED = "consent_required"
"""The state, to merchants, of what waits for the member's word."""

HOLD_MINUTES = 15
"""So long points are held for whom says nothing else."""

Post = Callable[[Session, Identified, int, Consent], Posted]
"""Posts for a member so many points by a consent, in a transaction; the route's own."""


def by_consent(
    call: Call, data: dict[str, Any], *, points: int, event: Event, post: Post
) -> Posted | SpendRequestView:
    """Return the redemption where the member has agreed to it, else what waits for their word.

    Raises what asking and posting raise. A code that was typed is a try, counted whatever follows.
    """
    code = data.get("consent_code")
    who = _identified(call, data)
    if code is not None:
        _count_try(call, who, data["merchant_ref"])
    wish = Wish(
        merchant_id=call.merchant_id,
        merchant_ref=data["merchant_ref"],
        points=points,
        capture=data["capture"],
        hold_minutes=hold_minutes(data),
        amount=data.get("amount"),
        currency=data.get("currency"),
        store_id=event.store_id,
        terminal=event.terminal,
    )
    services = call.gateway.services
    with _unit(call) as session:
        _refuse_used(session, call, who, wish)
        asked = service.ask(
            session,
            services.vault,
            member_id=who.member_id,
            wish=wish,
            claim=call.claim(),
            wallet_url=services.settings.wallet_url,
            domain=urlsplit(services.settings.wallet_url).hostname or "localhost",
            renewed=code is not None,
            ask_above=installation_threshold(
                session, settings=services.settings, now=call.gateway.clock.now()
            ),
            wall=call.wall,
        )
        if asked.state == WAITING and code is None:
            return asked
        consent = service.begin_taking(
            session,
            services.vault,
            spend_request_id=asked.spend_request_id,
            code=code,
            wall=call.wall,
        )
        with duplicates_named(call, member_id=who.member_id, prefix="red"):
            posted = post(session, who, asked.points, consent)
        service.note_taken(
            session,
            spend_request_id=asked.spend_request_id,
            member_id=posted.member_id,
            sequence=posted.sequence,
        )
    return posted


def hold_minutes(data: dict[str, Any]) -> int | None:
    """Return for how many minutes a call holds the points, ``None`` where it takes them at once."""
    if data["capture"] != "manual":
        return None
    return int(data.get("hold_minutes", HOLD_MINUTES))


def asked_answer(call: Call, asked: SpendRequestView) -> Answer:
    """Return the answer of a redemption that waits for the member's word."""
    day = today(call.gateway.clock.now())
    return Answer(
        payload={
            "id": ids.encode(PREFIX, asked.spend_request_id),
            "state": CONSENT_REQUIRED,
            "points": asked.points,
            "worth": worth(call, points=asked.points, day=day),
            "expires_at": asked.expires_at.isoformat(),
        },
        status=202,
    )


def read_asked(call: Call, text: str) -> SpendRequestView:
    """Return what became of an asking of this merchant; raise UnknownSpendRequestError."""
    key = ids.decode(PREFIX, text)
    with call.gateway.services.database.reading() as session:
        found = queries.spend_request(session, spend_request_id=key, wall=call.wall)
    if found.merchant_id != call.merchant_id:
        raise WrongMerchantError("this belongs to another merchant")
    return found


def asked_status(call: Call, text: str) -> Answer | EntryKey:
    """Return the status of an asking, or the redemption that it came to."""
    found = read_asked(call, text)
    if found.state == TAKEN and found.entry is not None:
        return EntryKey(*found.entry)
    return Answer(
        payload={
            "id": text,
            "state": CONSENT_REQUIRED if found.state == WAITING else found.state,
            "points": found.points,
            "captured": 0,
            "refunded": 0,
            "merchant_ref": found.merchant_ref,
            "expires_at": found.expires_at.isoformat(),
        }
    )


def give_up(call: Call, *, member_id: UUID, merchant_ref: str) -> None:
    """End what waits under a reference, before the reference itself is barred."""
    with _unit(call) as session:
        service.withdraw(
            session,
            member_id=member_id,
            merchant_id=call.merchant_id,
            merchant_ref=merchant_ref,
        )


def _identified(call: Call, data: dict[str, Any]) -> Identified:
    given = data["member"]
    with working(call) as work:
        who = identify(work.connection, call, given=given)
        refuse_expired(work, call, who, given=given, kind="redemption", ref=data["merchant_ref"])
    return who


def _count_try(call: Call, who: Identified, merchant_ref: str) -> None:
    """Count a try in a transaction of its own, before anything of this call holds a lock."""
    database = call.gateway.services.database
    with database.unit_of_work() as session:
        found = queries.newest(
            session,
            member_id=who.member_id,
            merchant_id=call.merchant_id,
            merchant_ref=merchant_ref,
            wall=call.wall,
        )
        if found is None:
            raise ConsentLapsedError("nobody was asked under this reference", field="consent_code")
        service.count_try(
            session, spend_request_id=found.spend_request_id, at_till=True, wall=call.wall
        )


def _refuse_used(session: Session, call: Call, who: Identified, wish: Wish) -> None:
    """Ask nobody for a reference that has its entry already, unless this is how it came to it."""
    known = ledger.by_reference(
        session,
        member_id=who.member_id,
        merchant_id=call.merchant_id,
        kind="redemption",
        merchant_ref=wish.merchant_ref,
    )
    if known is None or queries.consent_to(
        session, member_id=known.member_id, sequence=known.sequence, wall=call.wall
    ):
        return
    with duplicates_named(call, member_id=who.member_id, prefix="red"):
        facts: dict[str, object] = {
            "merchant_ref": wish.merchant_ref,
            "sequence": known.sequence,
            "member_id": str(known.member_id),
        }
        raise DuplicateReference(DuplicateReference.sentence, facts=facts)


@contextmanager
def _unit(call: Call) -> Iterator[Session]:
    """Yield the unit of work that a call is part of, or one of its own."""
    if call.session is not None:
        yield call.session
        return
    with call.gateway.services.database.unit_of_work() as session:
        yield session
