"""What the pages of reconciliation share: what is refused in words, ages, and what a form asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from flask import flash, request
from sqlalchemy.orm import Session

from network.adjustments.errors import AdjustmentDecidedError, InvalidAdjustmentError
from network.errors import PeyvandError
from network.language import LazyText, format_number, gettext, ngettext, parse_whole_number
from network.language import lazy_gettext as _l
from network.ledger.errors import (
    InsufficientPoints,
    Refusal,
    SamePerson,
    UnknownWallet,
    WalletClosed,
    WriteOffExceedsDebt,
)
from network.members.errors import CardBlockedError, InvalidCardError, UnknownMemberError
from network.members.resolving import resolve
from network.merchants.queries import NoAgreementError, UnknownMerchantError
from network.money.today import DayClosingError
from network.operators import queries as operators
from network.operators.queries import OperatorView
from network.operators.roles import OPERATOR
from network.programme.queries import NoEarningTermsError, NoFaceValueError
from network.reconciliation import errors, queries
from network.reconciliation.corrections import Movement
from network.reconciliation.facts import ADJUST_MONEY, ADJUST_POINTS, POST_EARN
from settlement.console import access

_WORDS: Mapping[type[PeyvandError], LazyText] = {
    errors.BreakClosedError: _l("It is closed, or a correction of it waits for a second person."),
    errors.BreakChangedError: _l("A later record of the day no longer shows this: decline it."),
    errors.NothingToMoveError: _l(
        "The record does not say what is to move: say it on the page of the break, or write the "
        "difference off there and say why."
    ),
    errors.InvalidCorrectionError: _l("Say why, and how much is to move for whom."),
    errors.CorrectionDecidedError: _l("This correction was decided before."),
    errors.NotOwnCorrectionError: _l("Only whoever proposed it can take it back."),
    errors.DisputeDecidedError: _l(
        "This dispute is decided, or a correction for it waits for a second person."
    ),
    errors.InvalidDisputeError: _l("Say it in words."),
    errors.DisputeOpenError: _l("The merchant disputes this line already."),
    errors.DisputeTooLateError: _l("This line is too old to be disputed."),
    errors.UnknownDisputeError: _l("The merchant has no part in this entry."),
    errors.UnknownBreakError: _l("There is no such break at this merchant."),
    errors.DayNotOverError: _l("This business day is not over, or is none of the programme's."),
    errors.EmptyRecordError: _l("There is nothing in the file."),
    errors.RecordTooLargeError: _l("The file is larger than a record may be."),
    InvalidAdjustmentError: _l("Say why, and how much is to move for whom."),
    NoEarningTermsError: _l("The merchant has no earning terms in force: no points can be given."),
    NoAgreementError: _l("The merchant has no agreement in force: no points can be given."),
    NoFaceValueError: _l("The programme needs a face value in force first."),
    UnknownMerchantError: _l("There is no such merchant."),
    AdjustmentDecidedError: _l("This correction was decided before."),
    WriteOffExceedsDebt: _l("The member does not owe as many points there."),
    UnknownMemberError: _l("There is no member with this card."),
    InvalidCardError: _l("This is not a card number."),
    CardBlockedError: _l("This card is blocked."),
    SamePerson: _l("Whoever proposed it can't approve it: ask a colleague."),
    InsufficientPoints: _l("The member has no longer as many of the merchant's points."),
    UnknownWallet: _l("This member has no wallet."),
    WalletClosed: _l("The member's wallet is closed."),
    DayClosingError: _l("The business day is just closing: try again shortly."),
}
_BAD_EXPIRY = _l(
    "Say until when points given live: the day on which they end is after today, and at most ten "
    "years ahead."
)
REFUSED: tuple[type[PeyvandError], ...] = (*_WORDS, Refusal)
"""What these pages answer in a sentence; anything else is a defect."""

AGES = (timedelta(days=1), timedelta(days=3), timedelta(days=7))
"""From these ages on, breaks that are not closed are counted on the first page."""


def refusal(error: PeyvandError) -> str:
    """Return what is refused, in one sentence."""
    if isinstance(error, InvalidAdjustmentError) and error.field == "expires_on":
        return str(_BAD_EXPIRY)
    for kind in type(error).__mro__:
        if kind in _WORDS:
            return str(_WORDS[kind])
    return gettext("The ledger refused it: %(code)s.", code=error.code)


def tell(errors_met: Iterable[PeyvandError]) -> None:
    """Say on the next page what was refused, each sentence once."""
    for sentence in dict.fromkeys(map(refusal, errors_met)):
        flash(sentence, "bad")


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakAges:
    """How many breaks are not closed, and how many of them are older than so many days."""

    total: int
    older: tuple[tuple[int, int], ...]


def break_ages(session: Session, *, wall: datetime) -> BreakAges:
    """Count the breaks that are not closed by their age."""
    moments = [wall + timedelta(seconds=1), *(wall - each for each in AGES)]
    total, *older = queries.breaks_opened_before(session, moments=moments)
    return BreakAges(
        total=total,
        older=tuple(zip((each.days for each in AGES), older, strict=True)),
    )


def age(since: datetime, until: datetime) -> str:
    """Return how long something has been there, in whole days or hours."""
    passed = max(until - since, timedelta(0))
    days = passed.days
    if days:
        return ngettext("%(count)s day", "%(count)s days", days, count=format_number(days))
    hours = passed.seconds // 3600
    return ngettext("%(count)s hour", "%(count)s hours", hours, count=format_number(hours))


def colleagues(session: Session) -> list[OperatorView]:
    """Return the operators who can own a break."""
    return [
        each
        for each in operators.all_operators(session)
        if each.status == "active" and each.may(OPERATOR)
    ]


def asked_movement(session: Session, *, resolution: str) -> Movement | None:
    """Return what a form says is to move, ``None`` where it leaves that to the break.

    Raises InvalidCorrectionError, UnknownMemberError.
    """
    direction = -1 if request.form.get("direction") == "down" else 1
    if resolution == ADJUST_MONEY:
        amount = asked_whole("amount")
        return None if amount is None else Movement(amount=direction * amount)
    if resolution not in {ADJUST_POINTS, POST_EARN}:
        return None
    points = asked_whole("points")
    if points is None:
        return None
    return Movement(member_id=_member(session), points=direction * points)


def _member(session: Session) -> UUID | None:
    card = request.form.get("card", "").strip()
    if not card:
        given = request.form.get("member", "")
        return UUID(given) if given else None
    return resolve(session, access.services().vault, card=card, wall=access.wall()).member_id


def asked_whole(name: str) -> int | None:
    """Return a whole number that a form has, ``None`` for an empty field.

    Raises InvalidCorrectionError where it is none.
    """
    text = request.form.get(name, "").strip()
    if not text:
        return None
    number = parse_whole_number(text)
    if number is None:
        raise errors.InvalidCorrectionError("not a number", field=name)
    return number
