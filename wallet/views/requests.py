"""What merchants ask the member to pay: shown with who, where and how much; a yes or a no."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from network import ids
from network.clock import local_date
from network.ids import UnknownIdError
from network.language import current_locale, format_number, gettext, ngettext
from network.ledger.errors import SpendLocked
from network.merchants import queries as merchants
from network.merchants.queries import MerchantView, StoreView
from network.points import worth
from network.programme import queries as programme
from network.second_factor.errors import ProofNeededError
from network.second_factor.proofs import Act
from network.settings import PROGRAMME_ZONE
from network.spend_requests import answering, queries, service
from network.spend_requests.errors import (
    CodeNeededError,
    ConsentCodeError,
    ConsentLapsedError,
    FewerPointsError,
    UnknownSpendRequestError,
)
from network.spend_requests.queries import PREFIX, SpendRequestView
from wallet import access, own, proving
from wallet.limits import CONFIRM, limiter

blueprint = Blueprint("requests", __name__, url_prefix="/requests")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request with who asks, what it is worth in minor units, and its address's id."""

    public_id: str
    view: SpendRequestView
    merchant: MerchantView
    store: StoreView | None
    worth: int


@blueprint.get("")
def index() -> str:
    """List what waits for the member's word."""
    with access.reading() as reader:
        found = queries.waiting_for(reader, member_id=access.member().member_id, wall=access.wall())
    return render_template("requests/list.html", asked=[_asked(each) for each in found])


@blueprint.get("/<request_id>")
def show(request_id: str) -> str:
    """Show one request, and how it can be answered while it waits."""
    return _page(_found(request_id), {})


@blueprint.post("/<request_id>/approve")
@limiter.limit(CONFIRM)
def approve(request_id: str) -> Response | tuple[str, int]:
    """Say yes."""
    asked, code = _found(request_id), request.form.get("code", "").strip()[:12]
    try:
        _approve(asked, code=code)
    except ConsentCodeError as error:
        return _page(_found(request_id), {"code": _wrong(error)}), 422
    except ProofNeededError:
        return _detour(asked)
    except CodeNeededError:
        return _page(asked, {"code": gettext("Type the code from the message.")}), 422
    except ConsentLapsedError:
        flash(gettext("Nothing waits for your answer here any more."), "warn")
        return redirect(url_for("requests.show", request_id=request_id), code=303)
    except (SpendLocked, FewerPointsError) as error:
        return _page(asked, {"": _refused(error)}), 422
    return redirect(url_for("requests.show", request_id=request_id), code=303)


@blueprint.post("/<request_id>/prove")
@limiter.limit(CONFIRM)
def prove(request_id: str) -> Response:
    """Go and prove oneself before saying yes to so many points."""
    return _detour(_found(request_id))


@blueprint.post("/<request_id>/refuse")
@limiter.limit(CONFIRM)
def refuse(request_id: str) -> Response:
    """Say no."""
    asked = _found(request_id)
    with access.unit_of_work() as unit:
        answering.refuse(
            unit,
            access.services().vault,
            member_id=access.member().member_id,
            spend_request_id=asked.view.spend_request_id,
            session_id=access.current_session().session_id,
            wall=access.wall(),
        )
    return redirect(url_for("requests.show", request_id=request_id), code=303)


def _approve(asked: Asked, *, code: str) -> None:
    which = asked.view.spend_request_id
    if asked.view.needs_code and code:
        with access.unit_of_work() as unit:
            service.count_try(unit, spend_request_id=which, at_till=False, wall=access.wall())
    with access.unit_of_work() as unit:
        answering.approve(
            unit,
            access.services().vault,
            member_id=access.member().member_id,
            spend_request_id=which,
            session_id=access.current_session().session_id,
            code=code or None,
            now=access.now(),
            wall=access.wall(),
        )


def _found(request_id: str) -> Asked:
    """Return a request of the member who is signed in; somebody else's is not there."""
    try:
        key: UUID = ids.decode(PREFIX, request_id)
        with access.reading() as reader:
            view = queries.spend_request(reader, spend_request_id=key, wall=access.wall())
    except (UnknownIdError, UnknownSpendRequestError):
        abort(404)
    if view.member_id != access.member().member_id:
        abort(404)
    return _asked(view)


def _asked(view: SpendRequestView) -> Asked:
    with access.reading() as reader:
        stores = merchants.stores(reader, merchant_id=view.merchant_id)
        today = local_date(access.now(), zone=PROGRAMME_ZONE)
        value = programme.face_value_on(reader, day=today)
        return Asked(
            public_id=ids.encode(PREFIX, view.spend_request_id),
            view=view,
            merchant=merchants.merchant(reader, merchant_id=view.merchant_id),
            store=next((each for each in stores if each.store_id == view.store_id), None),
            worth=worth(points=view.points, face_value=value),
        )


def _detour(asked: Asked) -> Response:
    name = asked.merchant.name(current_locale())
    return proving.detour(_act(asked.view), name=name, request_id=asked.public_id)


def _act(view: SpendRequestView) -> Act:
    return Act(kind="request", subject=str(view.spend_request_id), points=view.points)


def _refused(error: SpendLocked | FewerPointsError) -> str:
    if isinstance(error, SpendLocked):
        return gettext("Spending is locked. Unlock it first.")
    return gettext("You have fewer points than that.")


def _wrong(error: ConsentCodeError) -> str:
    left = int(str(error.facts.get("attempts_left", 0)))
    return ngettext(
        "This is not the code of the message. %(number)s more try.",
        "This is not the code of the message. %(number)s more tries.",
        left,
        number=format_number(left),
    )


def _page(asked: Asked, errors: dict[str, str]) -> str:
    with access.reading() as reader:
        wallet = own.wallet_of(reader, own.place(reader))
        unproven = asked.view.needs_proof and not proving.proven(reader, _act(asked.view))
    return render_template(
        "requests/show.html", asked=asked, wallet=wallet, unproven=unproven, errors=errors
    )
