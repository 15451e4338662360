"""Direct payments: whom each merchant pays, what became of it, and how merchants are paid."""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from config.web import listing
from network import ids
from network.clearing import queries as clearing
from network.clearing.facts import WindowView
from network.language import gettext as _
from network.language import parse_day
from network.money import direct
from network.money import queries as money
from network.money.facts import DirectView
from network.money.receipts import receipts
from network.operators import proposals
from network.operators import queries as operators
from network.operators.roles import OPERATOR, VIEWER
from network.programme import cancelling
from network.programme.days import begun_day
from settlement import second_person
from settlement.console import access
from settlement.console.proposing import shown
from settlement.console.views.proposals import put_forward

blueprint = Blueprint("direct", __name__, url_prefix="/settlement")
_COLUMNS = (
    *("business_date", "reference", "payer", "payee", "holder", "iban", "amount", "currency"),
    "state",
)


@blueprint.get("/windows/<public_id>/direct")
@access.access(VIEWER)
def index(public_id: str) -> str | Response:
    """Show whom merchants pay for a window: all of them, or one merchant's list to hand out."""
    code = request.args.get("merchant", "")
    with access.reading() as session:
        window = clearing.window(session, window_id=ids.decode("win", public_id))
        if window is None:
            abort(404)
        release = money.release(session, window_id=window.window_id)
        found = direct.directs(session, window_id=window.window_id)
        said = receipts(session, direct_payment_ids=[each.fact.direct_payment_id for each in found])
    chosen = [each for each in found if not code or code in {each.payer.code, each.payee.code}]
    released = release is not None and release.approved_at is not None
    if listing.wants_csv():
        return _list(window, chosen, code=code, released=released)
    page = listing.arrange(
        chosen,
        sort="-amount",
        keys={
            "name": lambda row: row.payer.code,
            "payee": lambda row: row.payee.code,
            "amount": lambda row: row.fact.amount,
            "state": lambda row: row.state,
        },
        words=lambda row: (
            f"{row.payer.code} {row.payer.name_fa} {row.payer.name_en} {row.payee.code} "
            f"{row.payee.name_fa} {row.payee.name_en} {row.fact.reference}"
        ),
    )
    parties = {side.code: side for each in found for side in (each.payer, each.payee)}
    return render_template(
        "direct.html",
        window=window,
        page=page,
        released=released,
        said=said,
        total=sum(each.fact.amount for each in chosen),
        parties=[parties[each] for each in sorted(parties)],
        merchant=code,
    )


def _list(window: WindowView, found: list[DirectView], *, code: str, released: bool) -> Response:
    """Return a list to hand out; nobody is told to pay before two people have released it."""
    if not released:
        abort(409)
    return listing.csv_response(
        "-".join(part for part in ("direct", window.first_day.isoformat(), code) if part),
        _COLUMNS,
        [
            (
                *(each.first_day.isoformat(), each.fact.reference, each.payer.code),
                *(each.payee.code, each.fact.holder, each.fact.iban, each.fact.amount),
                *(each.fact.currency, each.state),
            )
            for each in found
        ],
    )


@blueprint.get("/direct/<public_id>")
@access.access(VIEWER)
def show(public_id: str) -> str:
    """Show one direct payment: both sides, the money ledger's lines, what is proposed of it."""
    payment_id = ids.decode("dpy", public_id)
    with access.reading() as session:
        found = direct.direct(session, direct_payment_id=payment_id)
        if found is None:
            abort(404)
        lines = money.payment_lines(session, payment_id=payment_id)
        waiting = shown(session, proposals.waiting(session, subject_id=payment_id))
        said = receipts(session, direct_payment_ids=[payment_id]).get(payment_id)
    return render_template(
        "direct_payment.html",
        payment=found,
        lines=lines,
        waiting=waiting,
        public=public_id,
        said=said,
    )


@blueprint.post("/direct/<public_id>/answer")
@access.access(OPERATOR)
def answer(public_id: str) -> BaseResponse:
    """Propose to write down that a direct payment arrived, or that it did not."""
    return put_forward(
        lambda session: second_person.propose_direct_answer(
            session,
            direct_payment_id=ids.decode("dpy", public_id),
            arrived=request.form.get("arrived") == "yes",
            reason=request.form.get("reason", ""),
            by=access.operator().operator_id,
            now=access.wall(),
        ),
        back=url_for("direct.show", public_id=public_id),
    )


@blueprint.get("/mode")
@access.access(VIEWER)
def mode() -> str:
    """Show how merchants are paid, since when, and what is decided for days to come."""
    with access.reading() as session:
        today = begun_day(session, wall=access.wall())
        return render_template(
            "payment_mode.html",
            today=today,
            present=direct.mode_on(session, day=today),
            modes=direct.modes(session),
            waiting=shown(
                session,
                [
                    each
                    for each in proposals.waiting(session, subject_id=second_person.PROGRAMME)
                    if each.kind in {second_person.SET_MODE, cancelling.MODE}
                ],
            ),
            gone=shown(session, cancelling.cancelled(session, kind=cancelling.MODE)),
            people={each.operator_id: each for each in operators.all_operators(session)},
        )


@blueprint.post("/mode")
@access.access(OPERATOR)
def change_mode() -> BaseResponse:
    """Propose that merchants are paid in another way from a day on."""
    day = parse_day(request.form.get("effective_from", ""))
    if day is None:
        flash(_("Give a day, as 1405/10/01 or 2026-12-22."), "bad")
        return redirect(url_for("direct.mode"))
    return put_forward(
        lambda session: second_person.propose_mode(
            session,
            mode=request.form.get("mode", ""),
            effective_from=day,
            reason=request.form.get("reason", ""),
            by=access.operator().operator_id,
            now=access.wall(),
        ),
        back=url_for("direct.mode"),
    )
