"""What a form of the till did: shown, undone, refunded in part; and the list of a day."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from config.web import listing
from merchant_gateway.portal import access, forms, serving, words
from merchant_gateway.portal.access import OFFICE, TILL
from merchant_gateway.portal.serving import Place
from network.errors import PeyvandError
from network.language import gettext as _
from network.ledger import queries as ledger
from network.ledger.views import EntryView
from network.merchants import queries as merchants
from network.portal import acts
from network.portal import queries as people
from network.portal.acts import ActView

blueprint = Blueprint("acts", __name__, url_prefix="/till")


@blueprint.get("/acts/<key>")
@access.area(TILL)
def show(key: str) -> str:
    """Show what was booked, and what may still be done with it."""
    return _page(serving.act(key), errors={})


@blueprint.post("/acts/<key>/undo")
@access.area(TILL)
def undo(key: str) -> str | Response | tuple[str, int]:
    """Take back all of it that is left."""
    original, at = serving.act(key), _place()
    chosen = forms.form_key()
    if chosen is None or at is None:
        return redirect(url_for("acts.show", key=key))
    try:
        taken = serving.undo(key=chosen, original=original, at=at)
    except PeyvandError as error:
        return _page(serving.act(key), errors={"undo": words.refusal(error)[1]}), 422
    flash(_("Undone.") if not taken.again else _("This had been undone already."), "good")
    return redirect(url_for("acts.show", key=key), 303)


@blueprint.post("/acts/<key>/preview")
@access.area(TILL)
def preview(key: str) -> str | Response | tuple[str, int]:
    """Show which points a refund of a part would move; nothing is booked."""
    original, at = serving.act(key), _place()
    chosen, amount = forms.form_key(), forms.money(request.form.get("amount", ""))
    if chosen is None or at is None:
        return redirect(url_for("acts.show", key=key))
    if amount is None:
        wrong = {"amount": _("Type what goes back, in whole tomans.")}
        return _page(original, errors=wrong, form_key=chosen), 422
    try:
        answer = serving.preview(key=chosen, original=original, amount=amount, at=at)
    except PeyvandError as error:
        wrong = {"amount": words.refusal(error)[1]}
        return _page(original, errors=wrong, form_key=chosen), 422
    return render_template(
        "till/refund.html", act=original, key=chosen, amount=amount, answer=answer
    )


@blueprint.post("/acts/<key>/refund")
@access.area(TILL)
def refund(key: str) -> str | Response | tuple[str, int]:
    """Give a part back."""
    original, at = serving.act(key), _place()
    chosen, amount = forms.form_key(), forms.money(request.form.get("amount", ""))
    if chosen is None or at is None or amount is None:
        return redirect(url_for("acts.show", key=key))
    try:
        taken = serving.refund(key=chosen, original=original, amount=amount, at=at)
    except PeyvandError as error:
        wrong = {"amount": words.refusal(error)[1]}
        return _page(serving.act(key), errors=wrong, form_key=chosen), 422
    if taken.again:
        flash(_("This was booked before; nothing was booked twice."), "warn")
    return redirect(url_for("acts.show", key=taken.act.key), 303)


@blueprint.get("/day")
@access.area(TILL)
def day() -> str | Response:
    """Show what was done on a business day at this till; an administrator sees every till's."""
    merchant_id = access.merchant().merchant_id
    with access.reading() as session:
        at = serving.place(session)
        if at is None:
            return redirect(url_for("standing.choose"))
        shown = listing.day("day") or ledger.open_day(session)
        everywhere = access.user().opens(OFFICE) and "here" not in request.args
        store_id = None if at.store is None or everywhere else at.store.store_id
        where: dict[str, Any] = {
            "merchant_id": merchant_id,
            "store_id": store_id,
            "terminal": None if store_id is None else at.terminal,
            "day": shown,
        }
        rows = acts.latest(session, limit=listing.PAGE_ROWS + 1, before=_before(), **where)
        facts = {
            "sums": acts.sums(session, **where),
            "names": people.names(session, merchant_id=merchant_id),
            "stores": {
                each.store_id: each for each in merchants.stores(session, merchant_id=merchant_id)
            },
        }
    more = len(rows) > listing.PAGE_ROWS
    rows = rows[: listing.PAGE_ROWS]
    return render_template(
        "till/day.html",
        rows=rows,
        day=shown,
        at=at,
        everywhere=everywhere,
        newest=listing.address(before=None) if request.args.get("before") else None,
        older=listing.address(before=_after(rows[-1])) if more else None,
        **facts,
    )


def _page(act: ActView, *, errors: dict[str, str], form_key: str | None = None) -> str:
    with access.reading() as session:
        entry = _entry(session, act)
        names = people.names(session, merchant_id=act.merchant_id)
        stores = {
            each.store_id: each for each in merchants.stores(session, merchant_id=act.merchant_id)
        }
    rest = _rest(act)
    return render_template(
        "till/act.html",
        act=act,
        entry=entry,
        names=names,
        store=stores.get(act.store_id) if act.store_id else None,
        errors=errors,
        refund_key=form_key or forms.new_key(),
        rest=rest,
        rest_key=act.key.removesuffix(forms.PAYING),
        rest_token=serving.token_of(act) if rest else None,
    )


def _entry(session: Any, act: ActView) -> EntryView | None:
    if act.member_id is None or act.sequence is None:
        return None
    return ledger.entry(session, member_id=act.member_id, sequence=act.sequence)


def _rest(act: ActView) -> int:
    """Return what is left to pay in money of the bill that the till page had, where it says so."""
    text = request.args.get("bill", "")
    bill = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0  # noqa: PLR2004 - a bigint
    return max(0, bill - (act.amount or 0)) if act.kind == acts.REDEEM and not act.undone else 0


def _place() -> Place | None:
    with access.reading() as session:
        return serving.place(session)


def _after(last: ActView) -> str:
    return f"{last.recorded_at.isoformat()}~{last.key}"


def _before() -> tuple[datetime, str] | None:
    """Return where ``?before=`` says that the list goes on; 404 where it says nothing sensible."""
    text = listing.argument("before")
    if text is None:
        return None
    moment, _tilde, key = text.partition("~")
    try:
        return datetime.fromisoformat(moment), key
    except ValueError:
        abort(404)
