"""The till: a customer is scanned or typed, the amount, what it earns, and that is it.

Every page works without script. A keyboard scanner ends with Enter, which sends the form: what is
still missing is asked for, with the cursor where it goes.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from merchant_gateway.portal import access, asking, forms, serving, words
from merchant_gateway.portal.access import TILL
from merchant_gateway.portal.serving import Customer, Place, Taken
from network.errors import PeyvandError
from network.language import gettext as _
from network.ledger import queries as ledger
from network.portal import acts, pins
from network.portal import queries as people

blueprint = Blueprint("till", __name__, url_prefix="/till")
SHOWN = 8


@blueprint.get("")
@access.area(TILL)
def show() -> str | Response:
    """Show the form, the day's total and what was done last at this till."""
    return _page()


@blueprint.get("/check")
@access.area(TILL)
def look_anew() -> Response:
    """Begin anew where a browser fetches the address of a customer's page again."""
    return redirect(url_for("till.show"))


@blueprint.post("/check")
@access.area(TILL)
def check() -> str | Response | tuple[str, int]:
    """Say who the customer is, what the purchase would earn, and what may be paid with points."""
    key = forms.form_key() or forms.new_key()
    given, amount = forms.identifier(request.form.get("member", "")), _amount()
    errors: dict[str, str] = {}
    customer: Customer | None = None
    if not given:
        errors["member"] = _("Scan the customer's code, or type a card or mobile number.")
    else:
        try:
            customer = serving.look_up(given)
        except PeyvandError as error:
            named, sentence = words.refusal(error)
            errors[named or "member"] = sentence
    if amount is None and (forms.typed("amount") or "asked" in request.form):
        errors["amount"] = _("Type what is paid, in whole tomans, more than zero.")
    if errors or amount is None or customer is None:
        page = _page(key=key, errors=errors, customer=customer)
        return (page, 422) if errors and isinstance(page, str) else page
    return _checked(key, customer, amount=amount)


@blueprint.post("/earn")
@access.area(TILL)
def earn() -> str | Response | tuple[str, int]:
    """Take the purchase."""

    def post(key: str, at: Place) -> Taken:
        amount = _amount()
        if amount is None:
            raise forms.WrongFieldsError({"amount": _("Type what is paid, in whole tomans.")})
        return serving.earn(key=key, token=request.form.get("token", ""), amount=amount, at=at)

    return _take(post)


@blueprint.post("/redeem")
@access.area(TILL)
def redeem() -> str | Response | tuple[str, int]:
    """Take points for a part of the bill."""

    def post(key: str, at: Place) -> Taken:
        amount = _amount("pay")
        if amount is None:
            raise forms.WrongFieldsError({"pay": _("Type what is paid with points, in tomans.")})
        given = forms.identifier(request.form.get("member", ""))
        if "code" not in given:
            raise forms.WrongFieldsError({"member": str(words.REFUSALS["consent_required"])})
        return serving.redeem(key=key, code=given["code"], amount=amount, at=at)

    return _take(post, bill=_amount())


@blueprint.post("/cancel")
@access.area(TILL)
def cancel() -> Response:
    """Give a form up: what of it was booked is shown, the rest is never booked."""
    key = forms.form_key()
    at = _place()
    if key is None or at is None:
        return redirect(url_for("till.show"))
    base = key.removesuffix(forms.PAYING)
    done = [serving.cancel(key=each, at=at) for each in (base, base + forms.PAYING)]
    asking.withdraw(base + forms.PAYING)
    booked = next((each for each in done if each is not None), None)
    if booked is None:
        flash(_("Cancelled: nothing was booked, and nothing will be."), "good")
        return redirect(url_for("till.show"))
    flash(_("This had been booked already. You can undo it here."), "warn")
    return redirect(url_for("acts.show", key=booked.key))


@blueprint.get("/find")
@access.area(TILL)
def find() -> str | Response:
    """Show what was done under a reference, or that nothing was."""
    text = request.args.get("ref", "")
    with access.reading() as session:
        found = acts.by_reference(
            session,
            merchant_id=access.merchant().merchant_id,
            merchant_ref=forms.plain_reference(text),
        )
    if not found:
        flash(_("Nothing was booked under this reference."), "warn")
        return redirect(url_for("till.show"))
    return redirect(url_for("acts.show", key=found[0].key))


def _take(post: Any, *, bill: int | None = None) -> str | Response | tuple[str, int]:
    """Do what a form asks for once, and show it; what is refused is said where it was typed."""
    key, at = forms.form_key(), _place()
    if key is None:
        return redirect(url_for("till.show"))
    if at is None:
        return redirect(url_for("standing.choose"))
    try:
        taken: Taken = post(key, at)
    except forms.WrongFieldsError as error:
        return again(key, error.errors)
    except PeyvandError as error:
        named, sentence = words.refusal(error)
        return again(key, {named or "member": sentence})
    if taken.again:
        flash(_("This was booked before; nothing was booked twice."), "warn")
    return redirect(url_for("acts.show", key=taken.act.key, bill=bill), 303)


def again(key: str, errors: dict[str, str]) -> str | Response | tuple[str, int]:
    """Show again what was sent, with what is wrong; a refused form was not taken: its key is good.

    Where customer and amount are fine, that is the page that was sent, else the first one.
    """
    base, amount = key.removesuffix(forms.PAYING), _amount()
    given = forms.identifier(request.form.get("member", ""))
    if given and amount is not None and "member" not in errors:
        try:
            return _checked(base, serving.look_up(given), amount=amount, errors=errors)
        except PeyvandError:
            pass  # the first page says what it was
    page = _page(key=base, errors=errors)
    return (page, 422) if isinstance(page, str) else page


def _checked(
    key: str, customer: Customer, *, amount: int, errors: dict[str, str] | None = None
) -> str | Response | tuple[str, int]:
    at = _place()
    if at is None:
        return redirect(url_for("standing.choose"))
    try:
        quote = serving.quote(customer, amount=amount, at=at)
    except PeyvandError as error:
        named, sentence = words.refusal(error)
        page = _page(key=key, errors={named or "amount": sentence})
        return (page, 422) if isinstance(page, str) else page
    page = render_template(
        "till/check.html",
        key=key,
        pay_key=key + forms.PAYING,
        served=forms.new_key(),
        reference=forms.reference_of(key),
        customer=customer,
        member=request.form.get("member", ""),
        amount=amount,
        errors=errors or {},
        quote=quote,
        before=serving.same_before(customer, amount=amount),
        at=at,
    )
    return (page, 422) if errors else page


def _page(
    *,
    key: str | None = None,
    errors: dict[str, str] | None = None,
    customer: Customer | None = None,
) -> str | Response:
    merchant_id = access.merchant().merchant_id
    with access.reading() as session:
        at = serving.place(session)
        if at is None:
            return redirect(url_for("standing.choose"))
        day = ledger.open_day(session)
        where: dict[str, Any] = {
            "merchant_id": merchant_id,
            "store_id": None if at.store is None else at.store.store_id,
            "terminal": at.terminal,
            "day": day,
        }
        facts = {
            "sums": acts.sums(session, **where),
            "last": acts.latest(session, limit=SHOWN, **where),
            "asked": asking.open_here(session, at=at),
            "names": people.names(session, merchant_id=merchant_id),
            "can_lock": bool(pins.people(session, merchant_id=merchant_id)),
        }
    return render_template(
        "till/show.html",
        key=key or forms.new_key(),
        errors=errors or {},
        customer=customer,
        typed_member=request.form.get("member", ""),
        typed_amount=request.form.get("amount", ""),
        at=at,
        day=day,
        **facts,
    )


def _place() -> Place | None:
    with access.reading() as session:
        return serving.place(session)


def _amount(name: str = "amount") -> int | None:
    return forms.money(request.form.get(name, ""))
