"""All that waits for a second person: one list, which the first page and /proposals both show.

Each table whose rows take two people is a source here; a test looks for such tables in the schema,
so that a new one cannot be forgotten. Kinds of proposals have their words in ``proposing.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from flask import url_for
from sqlalchemy.orm import Session

from network import ids
from network.adjustments import queries as adjustments
from network.campaigns import queries as campaigns
from network.clearing.facts import PartyView
from network.clearing.party_names import parties
from network.language import current_locale, format_date, format_number
from network.language import gettext as _
from network.merchants import queries as merchants
from network.money.morning import waiting_releases
from network.operators import managing, proposals
from network.operators import queries as operators
from network.operators.roles import ADMINISTRATOR, OPERATOR
from network.reconciliation import queries as reconciliation
from settlement.console import access
from settlement.console.filters import party
from settlement.console.proposing import Waiting, shown
from settlement.console.words import said


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something that waits: in words, with the page on which it is decided, and who wants it.

    ``kind`` is a proposal's own, else the name of the table. ``proposal`` is decided on any page.
    """

    public_id: str
    kind: str
    words: str
    address: str
    proposed_by: UUID | None
    proposed_at: datetime
    why: str = ""
    proposer: str = ""
    proposal: Waiting | None = None


class _Names:
    """Parties by id, read once."""

    def __init__(self, session: Session) -> None:
        self._found: dict[UUID, PartyView] = parties(session)

    def of(self, party_id: UUID) -> str:
        """Return a party's name."""
        return party(self._found.get(party_id))

    def code(self, party_id: UUID) -> str:
        """Return a merchant's code."""
        return self._found[party_id].code


def everything(session: Session) -> list[Item]:
    """Return all that waits for a second person and whoever is signed in may see; oldest first."""
    names = _Names(session)
    people = {each.operator_id: each.name for each in operators.all_operators(session)}
    found = []
    for source in SOURCES.values():
        for each in source(session, names):
            who = _("The installation")
            if each.proposed_by is not None:
                who = people.get(each.proposed_by) or _("Somebody")
            found.append(replace(each, proposer=who))
    return sorted(found, key=lambda each: (each.proposed_at, each.public_id))


def _proposals(session: Session, _names: _Names) -> Iterator[Item]:
    for each in shown(session, proposals.waiting(session)):
        yield Item(
            public_id=each.public_id,
            kind=each.proposal.kind,
            words=each.words,
            address=each.address,
            why=each.proposal.reason,
            proposed_by=each.proposal.proposed_by,
            proposed_at=each.proposal.proposed_at,
            proposal=each,
        )


def _agreements(session: Session, names: _Names) -> Iterator[Item]:
    for each in merchants.waiting_agreements(session):
        yield Item(
            public_id=ids.encode("agr", each.agreement_id),
            kind="agreement",
            words=_(
                "Agreement with %(merchant)s from %(day)s on, version %(version)s",
                merchant=names.of(each.merchant_id),
                day=format_date(each.effective_from),
                version=format_number(each.version),
            ),
            address=url_for("merchants.show", code=names.code(each.merchant_id)),
            proposed_by=each.proposed_by,
            proposed_at=each.proposed_at,
        )


def _campaigns(session: Session, _names: _Names) -> Iterator[Item]:
    for each in campaigns.drafted(session):
        yield Item(
            public_id=ids.encode("cam", each.campaign_id),
            kind="campaign",
            words=_(
                "Campaign %(name)s from %(day)s on, %(budget)s points",
                name=each.name_fa if current_locale() == "fa" else each.name_en,
                day=format_date(each.first_day),
                budget=format_number(each.budget),
            ),
            address=url_for("campaigns.show", code=each.code),
            proposed_by=each.proposed_by,
            proposed_at=each.proposed_at,
        )


def _releases(session: Session, _names: _Names) -> Iterator[Item]:
    for each in waiting_releases(session):
        public_id = ids.encode("win", each.window_id)
        yield Item(
            public_id=public_id,
            kind="payment_release",
            words=_(
                "Let the payments of %(day)s out: %(paid)s rials to merchants, %(collected)s "
                "collected",
                day=format_date(each.first_day),
                paid=format_number(each.payout_total),
                collected=format_number(each.collection_total),
            ),
            address=url_for("payments.index", public_id=public_id),
            proposed_by=each.proposed_by,
            proposed_at=each.proposed_at,
        )


def _corrections(session: Session, names: _Names) -> Iterator[Item]:
    for each in reconciliation.corrections(session, state="proposed"):
        merchant = names.of(each.merchant_id)
        if each.amount is not None:
            amount = format_number(each.amount, signed=True)
            words = _("%(amount)s rials for %(merchant)s", amount=amount, merchant=merchant)
        else:
            points = (each.points or 0) * (1 if each.direction == "up" else -1)
            words = _(
                "%(points)s points of %(merchant)s for a member",
                points=format_number(points, signed=True),
                merchant=merchant,
            )
        behind = _("a break") if each.break_id is not None else _("a dispute")
        yield Item(
            public_id=ids.encode("cor", each.correction_id),
            kind="correction",
            words=_("Correct %(behind)s: %(words)s", behind=behind, words=words),
            address=url_for("reconciliation.corrections"),
            why=each.reason,
            proposed_by=each.proposed_by,
            proposed_at=each.proposed_at,
        )


def _adjustments(session: Session, names: _Names) -> Iterator[Item]:
    """Yield corrections of members' points; those of breaks and disputes are told as such."""
    if not access.operator().may(OPERATOR):
        return
    told = {each.adjustment_id for each in reconciliation.corrections(session, state="proposed")}
    for each in adjustments.waiting(session):
        if each.adjustment_id in told:
            continue
        words = _(
            "%(what)s: %(points)s points of %(issuer)s",
            what=said(each.kind, "correction_kind"),
            points=format_number(each.points),
            issuer=names.of(each.issuer_id),
        )
        if each.expires_on is not None:
            last = format_date(each.expires_on - timedelta(days=1))
            words = _("%(words)s, usable until the end of %(day)s", words=words, day=last)
        member = ids.encode("mem", each.member_id)
        yield Item(
            public_id=ids.encode("adj", each.adjustment_id),
            kind="adjustment",
            words=words,
            address=url_for("entries.wallet", public_id=member, _anchor="corrections"),
            why=each.reason,
            proposed_by=each.proposed_by,
            proposed_at=each.proposed_at,
        )


def _recoveries(session: Session, _names: _Names) -> Iterator[Item]:
    if not access.operator().may(ADMINISTRATOR):
        return
    people = {each.operator_id: each.name for each in operators.all_operators(session)}
    for each in managing.open_recoveries(session, wall=access.wall()):
        if each.waits:
            yield Item(
                public_id=each.public_id,
                kind="operator_recovery",
                words=_("A way back in for %(name)s", name=people.get(each.operator_id, "")),
                address=url_for("operators.index"),
                proposed_by=each.begun_by,
                proposed_at=each.begun_at,
            )


SOURCES: Mapping[str, Callable[[Session, _Names], Iterator[Item]]] = {
    "proposal": _proposals,
    "agreement": _agreements,
    "campaign": _campaigns,
    "payment_release": _releases,
    "correction": _corrections,
    "adjustment": _adjustments,
    "operator_recovery": _recoveries,
}
"""By the table whose rows take two people."""
