"""Paying with points without the code: the customer is asked, and agrees or does not.

Asking books nothing and is no act of the till. What is booked is the form that takes the points,
once like every other. While a request waits the till lists it: whoever left the page finds it.

A form may ask more than once, each time under a key of its own, after a no or when the time ran
out; the reference stays the form's, under which the ledger takes points at most once.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from sqlalchemy.orm import Session

from merchant_gateway.asking import CONSENT_REQUIRED
from merchant_gateway.canonical import canonical
from merchant_gateway.portal import access, calls, forms
from merchant_gateway.portal.serving import Place, Taken, finish, form_of, money, once, when
from network import ids
from network.ledger.errors import IdempotencyConflict
from network.portal import acts
from network.portal.acts import ActView, Form
from network.portal.errors import FormCancelledError
from network.spend_requests import queries, service
from network.spend_requests.errors import (
    ConsentLapsedError,
    ConsentRefusedError,
    SpendRequestDiffersError,
    UnknownSpendRequestError,
)
from network.spend_requests.queries import (
    EXPIRED,
    PREFIX,
    REFUSED,
    WITHDRAWN,
    SpendRequestView,
)

ASKING = "-ask"
"""After the form's key, in the key under which the customer is asked, and before what is asked."""

_OVER = frozenset({EXPIRED, WITHDRAWN})


class StillWaitingError(Exception):
    """The customer has not answered yet; nothing is wrong, and nothing was booked."""


class AskedBeforeError(Exception):
    """The form has asked, and ``asked`` is open: a message went, nobody is asked anew."""

    def __init__(self, asked: SpendRequestView) -> None:
        super().__init__("the customer is asked already")
        self.asked = asked


class BookedBeforeError(Exception):
    """The form took points before, by ``act``."""

    def __init__(self, act: ActView) -> None:
        super().__init__("the points are taken already")
        self.act = act


def ask(*, key: str, token: str, amount: int, served: str, at: Place) -> dict[str, Any]:
    """Ask the customer for points worth ``amount``; return what the gateway answers.

    ``served`` is new on each page that offers to ask: the same page asks once, however often it is
    sent. Raises AskedBeforeError and BookedBeforeError, and what the gateway raises.
    """
    _refuse_known(key, token)
    # Without a moment of its own what is sent twice is the same request.
    body = _body(token=token, merchant_ref=forms.reference_of(key), amount=amount, at=at)
    once_asked = sha256(served.encode() + canonical(body)).hexdigest()[:16]
    try:
        return _ask(body, key=f"{key}{ASKING}{once_asked}")
    except (IdempotencyConflict, SpendRequestDiffersError):
        _refuse_known(key, token)
        raise


def take(
    *, key: str, token: str, amount: int, request_id: str, code: str | None, at: Place
) -> Taken:
    """Take the points, by what the customer said in the wallet or by the code of the message.

    Raises StillWaitingError while there is no answer, ConsentRefusedError and ConsentLapsedError
    once there will be none.
    """

    def post(session: Session, form: Form) -> None:
        _refuse_ended(_state_of(request_id), code=code)
        body = _body(token=token, merchant_ref=form.merchant_ref, amount=amount, at=at) | when()
        if code:
            body["consent_code"] = code
        answer = calls.ask("create_redemption", body, key=key, session=session)
        if "business_date" not in answer:
            raise StillWaitingError("the customer has not answered")
        finish(session, form, answer, prefix="red")

    return once(form_of(key, acts.REDEEM, at, amount=amount), post)


def key_of(asked: SpendRequestView) -> str | None:
    """Return the key of the form that takes what was asked, ``None`` where no till's page asked."""
    key = asked.idempotency_key.rpartition(ASKING)[0]
    ours = key.endswith(forms.PAYING) and forms.reference_of(key) == asked.merchant_ref
    return key if ours else None


def asked_for(request_id: str) -> SpendRequestView:
    """Return what a till of this merchant asked; raise UnknownSpendRequestError."""
    with access.reading() as session:
        found = queries.spend_request(
            session, spend_request_id=ids.decode(PREFIX, request_id), wall=access.wall()
        )
    if found.merchant_id != access.merchant().merchant_id or key_of(found) is None:
        raise UnknownSpendRequestError("no till of this merchant asked that")
    return found


def open_here(session: Session, *, at: Place) -> list[SpendRequestView]:
    """Return what this till asked and may still take, the newest first."""
    where = None if at.store is None else (at.store.store_id, at.terminal)
    return _ours(_open(session, at=where))


def open_of(asked_by: str) -> list[SpendRequestView]:
    """Return what this merchant's tills asked of the customer whom a token names."""
    customer = access.gateway().tokens.read(
        asked_by, merchant_id=access.merchant().merchant_id, wall=access.wall()
    )
    with access.reading() as session:
        return _ours(_open(session, member_id=customer.member_id))


def withdraw(key: str) -> None:
    """End what waits under a till page's form that is given up."""
    with access.unit_of_work() as session:
        for each in _open(session, merchant_ref=forms.reference_of(key)):
            service.withdraw(
                session,
                member_id=each.member_id,
                merchant_id=each.merchant_id,
                merchant_ref=each.merchant_ref,
            )


def _open(session: Session, **where: Any) -> list[SpendRequestView]:
    merchant_id = access.merchant().merchant_id
    return queries.open_with(session, merchant_id=merchant_id, wall=access.wall(), **where)


def _ours(found: list[SpendRequestView]) -> list[SpendRequestView]:
    return [each for each in found if key_of(each) is not None]


def _ask(body: dict[str, Any], *, key: str) -> dict[str, Any]:
    """Ask, and leave nothing behind where that would book: only the form that takes does."""
    with access.unit_of_work() as session:
        answer = calls.ask("create_redemption", body, key=key, session=session)
        if "business_date" in answer:
            raise SpendRequestDiffersError("the customer agreed a moment ago")
    return answer


def _refuse_known(key: str, token: str) -> None:
    """Raise BookedBeforeError or AskedBeforeError where the form has done that already."""
    with access.reading() as session:
        merchant_id, ref = access.merchant().merchant_id, forms.reference_of(key)
        booked = acts.by_reference(session, merchant_id=merchant_id, merchant_ref=ref)
    if booked and booked[0].kind == acts.CANCELLED:
        raise FormCancelledError("the form was cancelled")
    if booked:
        raise BookedBeforeError(booked[0])
    for each in open_of(token):
        if key_of(each) == key:
            raise AskedBeforeError(each)


def _state_of(request_id: str) -> str:
    """Return what became of an asking, in the gateway's words."""
    return str(calls.ask("read_redemption", {}, redemption_id=request_id)["state"])


def _refuse_ended(state: str, *, code: str | None) -> None:
    """Say what the customer did not agree to: this call is another than the one that asked.

    The gateway would take it for a new asking.
    """
    if state == REFUSED:
        raise ConsentRefusedError("the customer said no")
    if state in _OVER:
        raise ConsentLapsedError("no word came in time")
    if state == CONSENT_REQUIRED and code is None:
        raise StillWaitingError("the customer has not answered")


def _body(*, token: str, merchant_ref: str, amount: int, at: Place) -> dict[str, Any]:
    return {
        "member": {"token": token},
        "merchant_ref": merchant_ref,
        "consent": "ask",
        **money(amount),
        **at.named(),
    }
