"""Changes of campaigns: one person proposes, another approves, and the terms never change.

Every act is written to the operators' log. ``now`` is programme time, ``today`` the open business
day. An act without a person is the installation's own (its demo, a command).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from network import ids
from network.campaigns.checks import check_terms
from network.campaigns.errors import (
    CampaignCodeTakenError,
    CampaignDataError,
    CampaignSamePersonError,
    CampaignStateError,
    UnknownCampaignError,
)
from network.campaigns.models import Campaign, CampaignFunder
from network.clearing.parties import NETWORK_PARTY
from network.ledger.operations_campaigns import open_campaign, run_campaign
from network.merchants.locking import locked_merchant
from network.merchants.queries import NoAgreementError, agreement_on
from network.operators.audit import SYSTEM, record_act
from network.programme.campaigns import Funder

_UNIQUE = "23505"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignTerms:
    """What a campaign promises: see ``network.programme.campaigns.Campaign``; budget in points."""

    code: str
    name_fa: str
    name_en: str
    owner_id: UUID
    kind: str
    value: Fraction
    first_day: date
    last_day: date
    funders: Sequence[Funder]
    budget: int
    slices: int = 16
    minimum_amount: int = 0
    merchants: Sequence[UUID] = ()
    tiers: Sequence[str] = ()
    channels: Sequence[str] = ()
    categories: Sequence[str] = ()
    person_cap: int | None = None
    day_cap: int | None = None


def propose_campaign(
    session: Session,
    *,
    terms: CampaignTerms,
    today: date,
    now: datetime,
    proposed_by: UUID | None = None,
) -> UUID:
    """Write a campaign down for another person to approve; return its id.

    A merchant's own campaign is for its own purchases. Raises CampaignDataError and
    CampaignCodeTakenError.
    """
    check_terms(session, terms=terms, today=today)
    row = Campaign(
        campaign_id=ids.uuid7(),
        code=terms.code,
        name_fa=terms.name_fa.strip(),
        name_en=terms.name_en.strip(),
        owner_id=terms.owner_id,
        kind=terms.kind,
        numerator=terms.value.numerator,
        denominator=terms.value.denominator,
        minimum_amount=terms.minimum_amount,
        first_day=terms.first_day,
        last_day=terms.last_day,
        merchants=list(terms.merchants),
        tiers=list(terms.tiers),
        channels=list(terms.channels),
        categories=list(terms.categories),
        person_cap=terms.person_cap,
        day_cap=terms.day_cap,
        budget=terms.budget,
        slices=terms.slices,
        state="draft",
        proposed_by=proposed_by,
        proposed_at=now,
    )
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
            session.add_all(
                CampaignFunder(
                    campaign_id=row.campaign_id,
                    place=place,
                    party_id=funder.party_id,
                    share=funder.share,
                )
                for place, funder in enumerate(terms.funders)
            )
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) != _UNIQUE:
            raise
        raise CampaignCodeTakenError("another campaign has this code", field="code") from error
    _record(session, row, now=now, actor=proposed_by, action="proposed")
    return row.campaign_id


def approve_campaign(
    session: Session,
    *,
    campaign_id: UUID,
    today: date,
    now: datetime,
    approved_by: UUID | None = None,
) -> None:
    """Let a proposed campaign run on its days, and open its budget in the ledger.

    Raises CampaignSamePersonError, CampaignStateError, and CampaignDataError where its days are
    over or a funder has no agreement by which it would pay.
    """
    row = _locked(session, campaign_id, states={"draft"})
    if row.proposed_by is not None and approved_by in {None, row.proposed_by}:
        raise CampaignSamePersonError("a second person has to approve this campaign")
    if row.last_day < today:
        raise CampaignDataError("the days of this campaign are over", field="last_day")
    _check_funders(session, row, today=today)
    row.state = "approved"
    row.approved_by = approved_by
    row.approved_at = now
    session.flush()
    open_campaign(
        session,
        campaign_id=campaign_id,
        budget=row.budget,
        slices=row.slices,
        person_cap=row.person_cap,
        day_cap=row.day_cap,
    )
    _record(session, row, now=now, actor=approved_by, action="approved")


def decline_campaign(
    session: Session, *, campaign_id: UUID, now: datetime, declined_by: UUID | None = None
) -> None:
    """Put a proposed campaign away, one's own too; raise CampaignStateError."""
    row = _locked(session, campaign_id, states={"draft"})
    row.state = "declined"
    _record(session, row, now=now, actor=declined_by, action="declined")


def pause_campaign(
    session: Session, *, campaign_id: UUID, now: datetime, paused_by: UUID | None = None
) -> None:
    """Stop a campaign for the time being; what is posted from now on has nothing of it."""
    _move(session, campaign_id, {"approved"}, "paused", now=now, actor=paused_by)


def resume_campaign(
    session: Session, *, campaign_id: UUID, now: datetime, resumed_by: UUID | None = None
) -> None:
    """Let a paused campaign run on."""
    _move(session, campaign_id, {"paused"}, "approved", now=now, actor=resumed_by)


def end_campaign(
    session: Session, *, campaign_id: UUID, now: datetime, ended_by: UUID | None = None
) -> None:
    """End a campaign for good; what is left of its budget is given to nobody."""
    _move(session, campaign_id, {"approved", "paused"}, "ended", now=now, actor=ended_by)


def _move(
    session: Session,
    campaign_id: UUID,
    states: set[str],
    state: str,
    *,
    now: datetime,
    actor: UUID | None,
) -> None:
    row = _locked(session, campaign_id, states=states)
    row.state = state
    session.flush()
    run_campaign(session, campaign_id=campaign_id, running=state == "approved")
    action = "resumed" if state == "approved" else state
    _record(session, row, now=now, actor=actor, action=action)


def _locked(session: Session, campaign_id: UUID, *, states: set[str]) -> Campaign:
    """Lock a campaign, so that two people cannot decide about it at once."""
    row = session.scalars(
        select(Campaign)
        .where(Campaign.campaign_id == campaign_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise UnknownCampaignError("there is no such campaign")
    if row.state not in states:
        raise CampaignStateError(f"this campaign is {row.state}", facts={"state": row.state})
    return row


def _check_funders(session: Session, row: Campaign, *, today: date) -> None:
    parties = session.scalars(
        select(CampaignFunder.party_id)
        .where(CampaignFunder.campaign_id == row.campaign_id)
        .order_by(CampaignFunder.party_id)
    )
    for party in parties:
        if party == NETWORK_PARTY:
            continue
        # Locked: its agreement must not be cancelled while a campaign that it pays is approved.
        if locked_merchant(session, party).leaves_on is not None:
            raise CampaignDataError("a funder is leaving the network", field="funders")
        try:
            agreement_on(session, merchant_id=party, day=max(today, row.first_day))
        except NoAgreementError as error:
            raise CampaignDataError(
                "a funder has no agreement by which it would pay", field="funders"
            ) from error


def _record(
    session: Session, row: Campaign, *, now: datetime, actor: UUID | None, action: str
) -> None:
    terms = _terms_of(session, row) if action in {"proposed", "approved"} else None
    record_act(
        session,
        now=now,
        actor=SYSTEM if actor is None else ids.encode("opr", actor),
        action=f"campaign.{action}",
        subject=ids.encode("cam", row.campaign_id),
        facts={"code": row.code, "budget": row.budget, **(terms or {})},
    )


def _terms_of(session: Session, row: Campaign) -> dict[str, object]:
    """Return every term, for the log: ``peyvand audit`` holds the campaign against it."""
    funders = session.execute(
        select(CampaignFunder.party_id, CampaignFunder.share)
        .where(CampaignFunder.campaign_id == row.campaign_id)
        .order_by(CampaignFunder.place)
    )
    return {
        **{name: getattr(row, name) for name in ("name_fa", "name_en", "kind", "minimum_amount")},
        **{name: getattr(row, name) for name in ("person_cap", "day_cap", "slices")},
        **{name: list(getattr(row, name)) for name in ("tiers", "channels", "categories")},
        "owner": str(row.owner_id),
        "value": f"{row.numerator}/{row.denominator}",
        "first_day": row.first_day.isoformat(),
        "last_day": row.last_day.isoformat(),
        "merchants": [str(each) for each in row.merchants],
        "funders": [[str(party), share] for party, share in funders],
    }
