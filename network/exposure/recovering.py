"""When an issuer pays after its default: the money goes back the way the loss came, in reverse.

First the acceptors that bore a part, in proportion to what they still bear, then the network's
margin, its fund, and at last the issuer's own reserve and deposit, as far as they were drawn. What
it pays lies on its balance already (a collection that was booked after all), or comes from the bank
under a reference of its own. Each step takes two people, who see every share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple, get_args
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing.parties import MARGIN, NETWORK_PARTY
from network.exposure.losses import shared
from network.exposure.suspending import SuspensionError
from network.exposure.waterfall import FUND, WaterfallError, hold_waterfall
from network.merchants.locking import locked_merchant
from network.money.counted import LONGEST_BANK_REF, answered_payment, cover_bookings
from network.money.service import Entry, Line, post
from network.money.today import require_published
from network.settings import CURRENCY

Source = Literal["balance", "bank"]
SOURCES: tuple[Source, ...] = get_args(Source)
RECOVERED = "recovered"
_LARGEST = 2**62


class Share(NamedTuple):
    """What one account gets back, minor units."""

    account: str
    party_id: UUID
    amount: int

    def as_json(self) -> list[str | int]:
        """Return the share as the terms of a proposal hold it."""
        return [self.account, str(self.party_id), self.amount]

    @classmethod
    def of_json(cls, row: Sequence[str | int]) -> Share:
        """Return the share that a proposal's terms hold."""
        return cls(str(row[0]), UUID(str(row[1])), int(row[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Borne:
    """What others, and its own cover, paid for an issuer and have not got back; minor units."""

    acceptors: Mapping[UUID, int] = field(default_factory=dict)
    margin: int = 0
    fund: int = 0
    reserve: int = 0
    deposit: int = 0

    @property
    def total(self) -> int:
        """Return all of it."""
        return self.of_others + self.reserve + self.deposit

    @property
    def of_others(self) -> int:
        """Return what is not the issuer's own: acceptors' parts, the margin's, the fund's."""
        return sum(self.acceptors.values()) + self.margin + self.fund


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What an issuer paid late: ``amount`` minor units, off its balance or from the bank.

    ``bank_ref`` is the bank's reference of the booking, empty where the money lies here already.
    """

    merchant_id: UUID
    source: str
    amount: int
    bank_ref: str = ""


def borne_for(session: Session, *, issuer_id: UUID) -> Borne:
    """Return what was paid for an issuer in its default and has not gone back."""
    rows = session.execute(
        text("""
            SELECT g.account, g.party_id, -sum(g.amount)::bigint AS amount
            FROM network.proposal AS p
            JOIN network.money_entry AS e ON e.proposal_id = p.proposal_id
            JOIN network.money_posting AS g ON g.money_entry_id = e.money_entry_id
            WHERE p.subject_id = :issuer AND g.currency = :currency AND g.account <> 'bank'
              AND e.kind IN ('draw', 'fund_draw', 'loss', 'recovery')
              AND NOT (g.account = 'settlement' AND g.party_id = :issuer)
            GROUP BY g.account, g.party_id HAVING sum(g.amount) < 0
        """),
        {"issuer": issuer_id, "currency": CURRENCY},
    )
    acceptors: dict[UUID, int] = {}
    own: dict[str, int] = {}
    for row in rows:
        if row.account == "settlement":
            acceptors[row.party_id] = row.amount
        else:
            own[row.account] = row.amount
    return Borne(
        acceptors=acceptors,
        margin=own.get(MARGIN.name, 0),
        fund=own.get(FUND, 0),
        reserve=own.get("reserve", 0),
        deposit=own.get("deposit", 0),
    )


def returned(amount: int, *, borne: Borne, issuer_id: UUID) -> list[Share]:
    """Return who gets how much of what an issuer paid late. Pure.

    Adds up to the amount, and nobody gets more than he bears; empty where less is borne in all.
    """
    left = min(amount, sum(borne.acceptors.values()))
    parts = shared(left, owed=borne.acceptors)
    shares = [Share("settlement", who, part) for who, part in sorted(parts.items())]
    left = amount - left
    for account, party_id, most in (
        (MARGIN.name, NETWORK_PARTY, borne.margin),
        (FUND, NETWORK_PARTY, borne.fund),
        ("reserve", issuer_id, borne.reserve),
        ("deposit", issuer_id, borne.deposit),
    ):
        if part := min(left, most):
            shares.append(Share(account, party_id, part))
            left -= part
    return [] if left else shares


def balance_of(session: Session, *, merchant_id: UUID) -> int:
    """Return a merchant's settlement account: above zero the network owes it."""
    found: int = session.execute(
        text("""
            SELECT coalesce(sum(amount), 0)::bigint FROM network.money_posting
            WHERE account = 'settlement' AND party_id = :merchant AND currency = :currency
        """),
        {"merchant": merchant_id, "currency": CURRENCY},
    ).scalar_one()
    return found


def check_recovery(session: Session, *, recovery: Recovery) -> list[Share]:
    """Refuse what can't go back now; return who would get what.

    The merchant's row is locked. Raises WaterfallError.
    """
    if recovery.source not in SOURCES:
        raise WaterfallError("there is no such source", reason="unknown", field="source")
    if not 0 < recovery.amount < _LARGEST:
        raise WaterfallError("an amount is above zero", reason="amount", field="amount")
    locked_merchant(session, recovery.merchant_id)
    balance = balance_of(session, merchant_id=recovery.merchant_id)
    if recovery.source == "balance" and recovery.amount > balance:
        raise WaterfallError(
            "its balance does not hold as much", reason="no_balance", field="amount"
        )
    if recovery.source == "bank" and balance < 0:
        # Nobody has borne that yet: it is paid as a deposit and drawn.
        raise WaterfallError("it still owes on its balance", reason="owes_itself")
    borne = borne_for(session, issuer_id=recovery.merchant_id)
    shares = returned(recovery.amount, borne=borne, issuer_id=recovery.merchant_id)
    if not shares:
        raise WaterfallError("nobody bore as much for it", reason="not_borne", field="amount")
    return shares


def check_source(session: Session, *, recovery: Recovery) -> None:
    """Refuse money from the bank without the reference of a booking that counts as nothing else.

    Raises WaterfallError.
    """
    if recovery.source != "bank":
        return
    if not recovery.bank_ref:
        raise WaterfallError(
            "the bank's reference is needed", reason="bank_ref_missing", field="bank_ref"
        )
    if len(recovery.bank_ref) > LONGEST_BANK_REF:
        raise WaterfallError(
            "no reference of a bank is as long", reason="bank_ref_long", field="bank_ref"
        )
    if cover_bookings(session, bank_refs=[recovery.bank_ref]):
        raise WaterfallError(
            "the bank's reference is entered already", reason="bank_ref_entered", field="bank_ref"
        )
    _check_unanswered(session, recovery=recovery)


def recover(
    session: Session,
    *,
    recovery: Recovery,
    agreed: Iterable[Share],
    proposal_id: UUID,
    business_date: date,
) -> None:
    """Give back what an issuer paid late; two people want it.

    ``agreed`` is who gets what, as both saw it; ``business_date`` is the open day, on whose
    statements it stands. Raises WaterfallError, and UnpublishedError for money on a balance while a
    night before it is not published: that one may still net against it.
    """
    if recovery.source == "balance":
        require_published(session, today=business_date)
    else:
        _check_unanswered(session, recovery=recovery)
    hold_waterfall(session)
    shares = check_recovery(session, recovery=recovery)
    if shares != list(agreed):
        raise WaterfallError("the shares are no longer those that were seen", reason="changed")
    paid = (
        Share("bank", NETWORK_PARTY, -recovery.amount)
        if recovery.source == "bank"
        else Share("settlement", recovery.merchant_id, -recovery.amount)
    )
    entry = Entry(
        kind="recovery",
        facts=(proposal_id,),
        business_date=business_date,
        proposal_id=proposal_id,
        lines=[
            Line(
                account=each.account,
                party_id=each.party_id,
                reason="recovery",
                currency=CURRENCY,
                amount=each.amount,
            )
            for each in (paid, *shares)
        ],
    )
    post(session, entries=[entry])


def check_letting_go(session: Session, *, merchant_id: UUID, today: date) -> None:
    """Refuse that an issuer gives points again while others bear its loss, whatever its balance.

    From then on what it earns is paid out to it, although it belongs to who bore the loss; an empty
    balance says nothing about the next night. Raises SuspensionError, and UnpublishedError while a
    night before ``today`` is not published.
    """
    require_published(session, today=today)
    if borne_for(session, issuer_id=merchant_id).of_others:
        raise SuspensionError("others bore its loss", reason="recover_first")


def _check_unanswered(session: Session, *, recovery: Recovery) -> None:
    if recovery.source == "bank" and answered_payment(session, bank_ref=recovery.bank_ref):
        raise WaterfallError(
            "the bank's reference answered a payment", reason="bank_ref_answered", field="bank_ref"
        )
