"""Paying with points without the code: the customer is asked, and agrees or does not.

Asking books nothing and is no act of the till. What is booked is the form that takes the points,
once like every other.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from merchant_gateway.asking import CONSENT_REQUIRED
from merchant_gateway.portal import calls, forms
from merchant_gateway.portal.serving import Place, Taken, finish, form_of, money, once, when
from network.portal import acts
from network.portal.acts import Form
from network.spend_requests.errors import ConsentLapsedError, ConsentRefusedError
from network.spend_requests.queries import EXPIRED, REFUSED, WITHDRAWN

ASKING = "-ask"
"""Ends the key under which the customer is asked: the one who takes the points is another call."""

_OVER = frozenset({EXPIRED, WITHDRAWN})


class StillWaitingError(Exception):
    """The customer has not answered yet; nothing is wrong, and nothing was booked."""


def ask(*, key: str, token: str, amount: int, at: Place) -> dict[str, Any]:
    """Ask the customer for points worth ``amount``; return what the gateway answers."""
    ref = forms.reference_of(key)
    # Without a moment of its own the same form is the same request, however often it is sent.
    body = _body(token=token, merchant_ref=ref, amount=amount, at=at)
    return calls.ask("create_redemption", body, key=f"{key}{ASKING}")


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
