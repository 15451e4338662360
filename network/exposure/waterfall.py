"""When an issuer does not pay: the network's fund after its own cover, then acceptors pro rata.

Deposit, reserve (``cover``), the network's fund, the acceptors of its points: each step pays what
the one before could not, onto the issuer's balance, and takes two people. The last two need an
issuer that two people stopped. The fund is filled out of the network's margin, and goes back there.

What the fund can't pay is a loss of those who are still owed for windows that the issuer has not
paid (``losses``): the network bears its own margin and VAT, acceptors the rest, the newest windows
first, so that nobody bears more than he was owed. What an issuer pays after all goes back the way
it came (``recovering``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing.parties import MARGIN, NETWORK_PARTY
from network.exposure.cover import held
from network.exposure.losses import Part, by_party, claims_on, laid
from network.exposure.suspending import SUSPENDED
from network.merchants.locking import locked_merchant
from network.money.errors import MoneyError
from network.money.service import Entry, Line, post
from network.money.today import require_published
from network.points import MOST_AGREED
from network.settings import CURRENCY

FUND = "fund"
Step = Literal["fund", "acceptors"]
STEPS: tuple[Step, ...] = get_args(Step)
FundAct = Literal["allotted", "returned"]
FUND_ACTS: tuple[FundAct, ...] = get_args(FundAct)


class WaterfallError(MoneyError):
    """A default can't be paid so: an earlier step is not done, or there is not as much."""

    code = "default_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Default:
    """Where an issuer that does not pay stands: what is left of each step, and what it owes."""

    stopped: bool
    deposit: int
    reserve: int
    fund: int
    owed: int

    @property
    def step(self) -> str | None:
        """Return what pays next, ``None`` where nothing is owed or nobody stopped the issuer."""
        if not self.owed or not self.stopped:
            return None
        return next(
            (name for name in ("deposit", "reserve", "fund") if getattr(self, name) > 0),
            "acceptors",
        )


def fund_balance(session: Session) -> int:
    """Return what the network's fund holds."""
    return _of_network(session, account=FUND)


def default_of(session: Session, *, merchant_id: UUID, issuing: str) -> Default:
    """Return where an issuer stands, whose row says ``issuing``."""
    now = held(session, merchant_id=merchant_id)
    return Default(
        stopped=issuing == SUSPENDED,
        deposit=max(0, now.deposit),
        reserve=max(0, now.reserve),
        fund=max(0, fund_balance(session)),
        owed=now.owed,
    )


def check_fund(session: Session, *, act: str, amount: int) -> None:
    """Refuse what can't be moved to the fund or back from it. Raises WaterfallError."""
    if act not in FUND_ACTS:
        raise WaterfallError("there is no such movement", reason="unknown", field="act")
    if not 0 < amount < MOST_AGREED:
        raise WaterfallError("an amount is above zero", reason="amount", field="amount")
    if act == "returned" and amount > fund_balance(session):
        raise WaterfallError("the fund does not hold as much", reason="balance", field="amount")
    if act == "allotted" and amount > max(0, _of_network(session, account=MARGIN.name)):
        raise WaterfallError("the margin does not hold as much", reason="margin", field="amount")


def move_fund(
    session: Session, *, act: str, amount: int, proposal_id: UUID, business_date: date
) -> None:
    """Allot a part of the network's margin to the fund, or return it; two people want it.

    ``business_date`` is the open day. Raises WaterfallError.
    """
    hold_waterfall(session)
    check_fund(session, act=act, amount=amount)
    into = amount if act == "allotted" else -amount
    sides = ((FUND, NETWORK_PARTY, into), (MARGIN.name, NETWORK_PARTY, -into))
    _post(session, "fund", sides, proposal_id=proposal_id, business_date=business_date)


def check_step(session: Session, *, merchant_id: UUID, step: str, amount: int) -> list[Part]:
    """Refuse a step of the waterfall that is not due; return who would bear a loss, by window.

    That is nothing where the fund pays. The merchant's row must be locked. Raises WaterfallError.
    """
    if step not in STEPS:
        raise WaterfallError("there is no such step", reason="unknown", field="step")
    if not 0 < amount < MOST_AGREED:
        raise WaterfallError("an amount is above zero", reason="amount", field="amount")
    merchant = locked_merchant(session, merchant_id)
    found = default_of(session, merchant_id=merchant_id, issuing=merchant.issuing)
    if not found.stopped:
        raise WaterfallError("two people have to stop it first", reason="not_stopped")
    if amount > found.owed:
        raise WaterfallError("it does not owe as much", reason="not_owed", field="amount")
    if found.step != step:
        raise WaterfallError(
            "an earlier step pays first", reason="earlier_step", facts={"step": found.step}
        )
    if step == "fund":
        if amount > found.fund:
            raise WaterfallError("the fund does not hold as much", reason="balance", field="amount")
        return []
    parts = laid(amount, claims=claims_on(session, issuer_id=merchant_id))
    if not parts:
        raise WaterfallError(
            "acceptors were not owed as much for its points", reason="not_taken", field="amount"
        )
    return parts


def pay_step(
    session: Session,
    *,
    merchant_id: UUID,
    step: str,
    amount: int,
    agreed: Iterable[Part],
    proposal_id: UUID,
    business_date: date,
) -> None:
    """Pay what a stopped issuer owes from the fund, or lay it on the acceptors; two people want it.

    ``agreed`` is who bears what, as both people saw it; ``business_date`` is the open day, on whose
    statements it stands. Raises WaterfallError, and UnpublishedError while a night before it is not
    published: what that one nets and collects is not in the balance yet.
    """
    require_published(session, today=business_date)
    hold_waterfall(session)
    parts = check_step(session, merchant_id=merchant_id, step=step, amount=amount)
    if parts != list(agreed):
        raise WaterfallError("the shares are no longer those that were seen", reason="changed")
    paid = ("settlement", merchant_id, amount)
    if step == "fund":
        sides = [paid, (FUND, NETWORK_PARTY, -amount)]
    else:
        sides = [paid, *(_bearing(who, part) for who, part in sorted(by_party(parts).items()))]
    kind = "fund_draw" if step == "fund" else "loss"
    _post(session, kind, sides, proposal_id=proposal_id, business_date=business_date)


def _bearing(party_id: UUID, part: int) -> tuple[str, UUID, int]:
    account = MARGIN.name if party_id == NETWORK_PARTY else "settlement"
    return account, party_id, -part


def _of_network(session: Session, *, account: str) -> int:
    found: int = session.execute(
        text("""
            SELECT coalesce(sum(amount), 0)::bigint FROM network.money_posting
            WHERE account = :account AND party_id = :network AND currency = :currency
        """),
        {"account": account, "network": NETWORK_PARTY, "currency": CURRENCY},
    ).scalar_one()
    return found


def hold_waterfall(session: Session) -> None:
    """Let one movement of the fund, or for an issuer in default, happen at a time."""
    session.execute(text("SELECT through FROM network.exposure_measure WHERE only_row FOR UPDATE"))


def _post(
    session: Session,
    kind: str,
    sides: Iterable[tuple[str, UUID, int]],
    *,
    proposal_id: UUID,
    business_date: date,
) -> None:
    entry = Entry(
        kind=kind,
        facts=(proposal_id,),
        business_date=business_date,
        proposal_id=proposal_id,
        lines=[
            Line(account=account, party_id=party, reason=kind, currency=CURRENCY, amount=amount)
            for account, party, amount in sides
        ],
    )
    post(session, entries=[entry])
