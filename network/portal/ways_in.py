"""Ways in to the portal that operators make: for the first administrator one operator suffices.

Where a merchant has an administrator who signs in, that person invites the others. An operator who
could do it alone could act as anybody there; so a way in that operators make for such a merchant is
proposed by one, opens nothing before another has approved it, and the merchant's administrators are
told both times (topic ``portal.way_in``). They can end it under *People*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from network import ids
from network.events.service import publish
from network.language import gettext, use_locale
from network.merchants.models import Merchant
from network.merchants.queries import MerchantView
from network.merchants.queries import merchant as find_merchant
from network.messaging.service import PORTAL_NEWS, queue_message
from network.operators import proposals
from network.operators.errors import ProposalError
from network.operators.models import ProposalRow
from network.operators.proposals import Proposal
from network.portal import links, roles, service
from network.portal.errors import SecondOperatorError
from network.portal.models import PortalLink, PortalUser
from network.portal.queries import PREFIX, UserView, user_view
from network.portal.readers import READERS_LOCALE, readers_of
from network.portal.service import Invited
from network.vault import Vault

WAY_IN = "portal.way_in"
"""The kind of the proposal, and the topic by which the merchant's administrators are told."""

NEWS = PORTAL_NEWS
PROPOSED, APPROVED = "proposed", "approved"
_NAMESPACE = UUID("3d5cc0a4-6d2b-5b0e-9a41-7d0c2f5a8e17")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """Somebody's code that opens nothing before ``proposal`` is approved."""

    user: UserView
    token: str = field(repr=False)
    proposal: Proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWayIn:
    """A code of operators that was not used yet, for the merchant's administrators to see."""

    user_id: UUID
    made_by: str
    created_at: datetime
    approved: bool

    @property
    def person(self) -> str:
        """Return the id by which pages name the person whom it lets in."""
        return ids.encode(PREFIX, self.user_id)


def needs_two(session: Session, *, merchant_id: UUID) -> bool:
    """Return whether a merchant has an administrator who signs in, who would invite the others."""
    there = exists().where(
        PortalUser.merchant_id == merchant_id,
        PortalUser.role == roles.ADMINISTRATOR,
        PortalUser.status == "active",
    )
    return bool(session.scalar(select(there)))


def invite_first(
    session: Session,
    vault: Vault,
    *,
    merchant: MerchantView,
    login: str,
    name: str,
    by: UUID,
    now: datetime,
) -> Invited:
    """Invite the first administrator of a merchant, on one operator's word.

    Raises SecondOperatorError where there is one already, and what ``service.invite`` raises.
    """
    _hold(session, merchant)
    if needs_two(session, merchant_id=merchant.merchant_id):
        raise SecondOperatorError("this merchant has an administrator")
    return service.invite(
        session,
        vault,
        merchant=merchant,
        login=login,
        name=name,
        role=roles.ADMINISTRATOR,
        actor=ids.encode("opr", by),
        now=now,
    )


def invite_again(
    session: Session,
    vault: Vault,
    *,
    merchant: MerchantView,
    user_id: UUID,
    by: UUID,
    now: datetime,
) -> Invited:
    """Make another code for somebody who never signed in, on one operator's word.

    Raises UnknownPortalUserError; and SecondOperatorError for somebody who has signed in, or where
    an administrator of the merchant can do it.
    """
    _hold(session, merchant)
    row = service.locked(session, merchant_id=merchant.merchant_id, user_id=user_id)
    service.refuse_suspended(row)
    if row.password_hash is not None or needs_two(session, merchant_id=merchant.merchant_id):
        raise SecondOperatorError("a second operator has to approve this")
    return service.new_link(
        session,
        vault,
        merchant=merchant,
        user_id=user_id,
        actor=ids.encode("opr", by),
        now=now,
    )


def propose_administrator(
    session: Session,
    vault: Vault,
    *,
    merchant: MerchantView,
    login: str,
    name: str,
    reason: str,
    by: UUID,
    now: datetime,
) -> Proposed:
    """Propose another administrator of a merchant that has one; the code waits for a second person.

    Raises InvalidPortalUserError, LoginTakenError and ProposalError.
    """
    row = service.add_user(
        session,
        merchant=merchant,
        login=login,
        name=name,
        role=roles.ADMINISTRATOR,
        actor=ids.encode("opr", by),
        now=now,
    )
    return _propose(session, vault, row, merchant=merchant, reason=reason, by=by, now=now)


def propose_again(
    session: Session,
    vault: Vault,
    *,
    merchant: MerchantView,
    user_id: UUID,
    reason: str,
    by: UUID,
    now: datetime,
) -> Proposed:
    """Propose a new way in for somebody who has signed in; the code waits for a second person.

    What they have goes on working until the code is used. Raises UnknownPortalUserError and
    ProposalError.
    """
    row = service.locked(session, merchant_id=merchant.merchant_id, user_id=user_id)
    service.refuse_suspended(row)
    return _propose(session, vault, row, merchant=merchant, reason=reason, by=by, now=now)


def grant(session: Session, *, proposal: Proposal, now: datetime) -> None:
    """Let the code of an approved proposal work; raise ProposalError where it was ended before."""
    row = session.get_one(PortalUser, proposal.subject_id, with_for_update=True)
    link = session.scalars(
        select(PortalLink).where(
            PortalLink.proposal_id == proposal.proposal_id,
            PortalLink.used_at.is_(None),
            PortalLink.expires_at > now,
        )
    ).one_or_none()
    if link is None or row.status == "suspended":
        raise ProposalError("the code was ended, or is too old", reason="way_in_ended")
    merchant = find_merchant(session, merchant_id=row.merchant_id)
    _tell(session, row, merchant, proposal, APPROVED, now)


def open_ways_in(session: Session, *, merchant_id: UUID, now: datetime) -> list[OpenWayIn]:
    """Return the codes of operators for a merchant's people that were not used, the newest first.

    One whose proposal was declined opens nothing and is left out.
    """
    rows = session.execute(
        select(PortalLink, ProposalRow.approved)
        .join(PortalUser, PortalUser.user_id == PortalLink.user_id)
        .outerjoin(ProposalRow, ProposalRow.proposal_id == PortalLink.proposal_id)
        .where(
            PortalUser.merchant_id == merchant_id,
            PortalLink.made_by.startswith("opr_", autoescape=True),
            PortalLink.used_at.is_(None),
            PortalLink.expires_at > now,
            or_(
                PortalLink.proposal_id.is_(None),
                func.coalesce(ProposalRow.approved, True),
            ),
        )
        .order_by(PortalLink.created_at.desc())
    )
    return [
        OpenWayIn(
            user_id=row.PortalLink.user_id,
            made_by=row.PortalLink.made_by,
            created_at=row.PortalLink.created_at,
            approved=row.PortalLink.proposal_id is None or bool(row.approved),
        )
        for row in rows
    ]


def tell_administrators(
    session: Session, vault: Vault, *, proposal_id: UUID, stage: str, portal: str, wall: datetime
) -> int:
    """Write to a merchant's administrators, and the person it is about, what operators do there.

    ``portal`` is its address. Returns how many were written to; the second run writes to nobody.
    """
    proposal = proposals.find(session, proposal_id=proposal_id)
    if proposal is None:
        return 0
    about = session.get_one(PortalUser, proposal.subject_id)
    merchant = find_merchant(session, merchant_id=about.merchant_id)
    people = readers_of(session, about=about)
    for person in people:
        locale = person.locale or READERS_LOCALE
        queue_message(
            session,
            vault,
            channel="email",
            recipient=person.login,
            body=_news(about, merchant, stage=stage, portal=portal, locale=locale),
            kind=NEWS,
            locale=locale,
            wall=wall,
            message_id=uuid5(_NAMESPACE, f"{proposal_id}\n{stage}\n{person.user_id}"),
        )
    return len(people)


def _propose(
    session: Session,
    vault: Vault,
    row: PortalUser,
    *,
    merchant: MerchantView,
    reason: str,
    by: UUID,
    now: datetime,
) -> Proposed:
    proposal = proposals.propose(
        session,
        kind=WAY_IN,
        subject_id=row.user_id,
        reason=reason,
        by=by,
        now=now,
        terms={"merchant": merchant.code, "login": row.login, "role": row.role},
    )
    token = links.make_link(
        session,
        vault,
        row,
        actor=ids.encode("opr", by),
        now=now,
        proposal_id=proposal.proposal_id,
    )
    _tell(session, row, merchant, proposal, PROPOSED, now)
    return Proposed(user=user_view(row), token=token, proposal=proposal)


def _tell(
    session: Session,
    row: PortalUser,
    merchant: MerchantView,
    proposal: Proposal,
    stage: str,
    now: datetime,
) -> None:
    """Write it into the merchant's log, and have its administrators told."""
    actor = proposal.proposed_by if stage == PROPOSED else proposal.decided_by
    service.record(
        session,
        merchant.code,
        row,
        f"portal_user.way_in_{stage}",
        "" if actor is None else ids.encode("opr", actor),
        now,
    )
    payload: Mapping[str, str] = {"proposal_id": str(proposal.proposal_id), "stage": stage}
    publish(session, topic=WAY_IN, payload=dict(payload))


def _hold(session: Session, merchant: MerchantView) -> None:
    """One way in of a merchant at a time: nobody gets an administrator meanwhile."""
    session.get_one(Merchant, merchant.merchant_id, with_for_update=True)


def _news(
    about: PortalUser, merchant: MerchantView, *, stage: str, portal: str, locale: str
) -> str:
    with use_locale(locale):
        facts = {"name": about.name, "login": about.login, "merchant": merchant.name(locale)}
        if stage == PROPOSED:
            said = gettext(
                "Peyvand: a new way in to the portal of %(merchant)s is proposed\n\n"
                "A member of the network's staff proposes a new way in for %(name)s (%(login)s). "
                "It works only once a second one has approved it.",
                **facts,
            )
        else:
            said = gettext(
                "Peyvand: there is a new way in to the portal of %(merchant)s\n\n"
                "Two members of the network's staff have made a new way in for %(name)s "
                "(%(login)s). Whoever has its code can choose a new password.",
                **facts,
            )
        asked = gettext(
            "If nobody with you asked for this, end it in the portal under People, and call us:"
        )
    return f"{said}\n{asked}\n{portal}/people"
