"""Serving a customer: looked up, then what the till's forms do, each of them once.

Every form posts in one unit of work together with the row that remembers it (network.portal.acts),
so there is no moment at which points have moved and the till's list does not say so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway.portal import access, calls, forms
from merchant_gateway.posting import today
from merchant_gateway.routes.members import looked_up
from network.errors import PeyvandError
from network.ids import EntryKey
from network.ledger import queries as ledger
from network.merchants import queries as merchants
from network.merchants.queries import StoreView
from network.points import worth
from network.portal import acts
from network.portal.acts import ActView, Form
from network.portal.errors import AlreadyUndoneError, FormCancelledError
from network.settings import CURRENCY

SAME_AGAIN = timedelta(minutes=10)
"""For so long a purchase of the same customer over the same amount is pointed out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The till that a browser stands at; a merchant without stores has none."""

    store: StoreView | None = None
    terminal: str | None = None

    def named(self) -> dict[str, Any]:
        """Return the place as a call names it."""
        if self.store is None:
            return {}
        terminal = {} if self.terminal is None else {"terminal": self.terminal}
        return {"store": self.store.code, **terminal}


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Who stands at the till, and what they may pay with points (rials); 0 without the code."""

    member_id: UUID
    method: str
    name: str | None
    token: str = field(repr=False)
    code: str | None = field(repr=False)
    can_pay: bool
    limit: int
    spendable: int
    pays_at_most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a form did; ``again``: it had been taken before, and nothing more was done."""

    act: ActView
    again: bool


def place(session: Session) -> Place | None:
    """Return where this browser stands, ``None`` where that has to be chosen first."""
    found = access.current_session()
    stores = open_stores(session)
    if not stores:
        return Place()
    chosen = next((each for each in stores if each.store_id == found.store_id), None)
    return None if chosen is None else Place(store=chosen, terminal=found.terminal)


def open_stores(session: Session) -> list[StoreView]:
    """Return the merchant's open stores."""
    found = merchants.stores(session, merchant_id=access.merchant().merchant_id)
    return [each for each in found if each.closed_at is None]


def look_up(given: dict[str, str]) -> Customer:
    """Return whom an identifier names; raises what the gateway's look-up raises."""
    call = calls.call_of("look_up_member", {"member": given})
    found = looked_up(call, given=given)
    code = found.who.code
    can_pay = code is not None and found.wallet is not None and found.wallet.status == "active"
    limit = code.limit if code is not None else 0
    spendable = found.wallet.spendable if can_pay and found.wallet is not None else 0
    face_value = access.gateway().terms.face_value(day=today(access.now()))
    return Customer(
        member_id=found.who.member_id,
        method=found.who.method,
        name=found.who.masked_name,
        token=found.token,
        code=given.get("code"),
        can_pay=can_pay,
        limit=limit,
        spendable=spendable,
        pays_at_most=worth(points=min(limit, spendable), face_value=face_value),
    )


def quote(customer: Customer, *, amount: int, at: Place) -> dict[str, Any]:
    """Return what a purchase would earn, as the gateway answers it."""
    stores = {name: value for name, value in at.named().items() if name == "store"}
    return calls.ask(
        "quote_earning",
        {"member": {"token": customer.token}, **money(amount), **when(), **stores},
    )


def same_before(customer: Customer, *, amount: int) -> ActView | None:
    """Return the purchase a moment ago that looks like this one, if there was one."""
    with access.reading() as session:
        return acts.same_before(
            session,
            merchant_id=access.merchant().merchant_id,
            member_id=customer.member_id,
            amount=amount,
            since=access.now() - SAME_AGAIN,
        )


def earn(*, key: str, token: str, amount: int, at: Place) -> Taken:
    """Post what a purchase earns."""

    def post(session: Session, form: Form) -> None:
        body = {"member": {"token": token}, "merchant_ref": form.merchant_ref, **money(amount)}
        answer = calls.ask(
            "create_earning", {**body, **when(), **at.named()}, key=key, session=session
        )
        finish(session, form, answer, prefix="ern")

    return once(form_of(key, acts.EARN, at, amount=amount), post)


def redeem(*, key: str, code: str, amount: int, at: Place) -> Taken:
    """Take points for a part of the bill, by the code of the customer's wallet."""

    def post(session: Session, form: Form) -> None:
        body = {"member": {"code": code}, "merchant_ref": form.merchant_ref, **money(amount)}
        answer = calls.ask(
            "create_redemption", {**body, **when(), **at.named()}, key=key, session=session
        )
        finish(session, form, answer, prefix="red")

    return once(form_of(key, acts.REDEEM, at, amount=amount), post)


def undo(*, key: str, original: ActView, at: Place) -> Taken:
    """Take back all that is left of an act: by its entry, or for points by its reference."""

    def post(session: Session, form: Form) -> None:
        found = _locked(session, original)
        if not found.can_be_undone:
            raise AlreadyUndoneError("nothing is left of it")
        if found.kind == acts.EARN:
            answer = calls.ask(
                "refund_earning",
                {
                    "merchant_ref": form.merchant_ref,
                    **money(found.remaining_amount),
                    **when(),
                },
                key=key,
                session=session,
                earning_id=entry_id(found, prefix="ern"),
            )
            finish(session, form, answer, prefix="rfd")
            return
        body = {"member": {"token": token_of(found)}, "merchant_ref": found.merchant_ref}
        answer = calls.ask("reverse_redemption", body, key=key, session=session)
        _finish_reversal(session, form, answer, original=found)

    return once(form_of(key, acts.UNDO, at, original=original), post)


def refund(*, key: str, original: ActView, amount: int, at: Place) -> Taken:
    """Give back a part: money of a purchase, or money that was paid with points."""
    kind = acts.REFUND_EARN if original.kind == acts.EARN else acts.REFUND_REDEEM

    def post(session: Session, form: Form) -> None:
        answer = _ask_refund(_locked(session, original), form, amount=amount, session=session)
        finish(session, form, answer, prefix="rfd")

    return once(form_of(key, kind, at, amount=amount, original=original), post)


def preview(*, key: str, original: ActView, amount: int, at: Place) -> dict[str, Any]:
    """Return what a refund would move, as the gateway answers it; nothing is left behind."""
    form = form_of(key, acts.REFUND_EARN, at, amount=amount, original=original)
    return _ask_refund(original, form, amount=amount, query="?preview=true")


def cancel(*, key: str, at: Place) -> ActView | None:
    """Have a form never be taken, also where it is still under way; return what it did already."""
    with access.unit_of_work() as session:
        try:
            return acts.claim(session, form=form_of(key, acts.CANCELLED, at), now=access.now())
        except FormCancelledError:
            return None


def act(key: str) -> ActView:
    """Return what one form did; raise UnknownActError, also where it is another merchant's."""
    with access.reading() as session:
        return acts.act(session, merchant_id=access.merchant().merchant_id, key=key)


def entry_id(of: ActView, *, prefix: str) -> str:
    """Return the public id of the entry that an act made."""
    key = _entry_of(of)
    return access.services().entry_ids.encode(
        prefix=prefix, member_id=key.member_id, sequence=key.sequence
    )


def token_of(of: ActView) -> str:
    """Return a token that names the customer of an act, for what may be done without the code."""
    return token_for(_entry_of(of).member_id)


def token_for(member_id: UUID) -> str:
    """Return a token that names a member here, for what may be done without the code."""
    token, _until = access.gateway().tokens.issue(
        member_id=member_id,
        merchant_id=access.merchant().merchant_id,
        method="card",
        wall=access.wall(),
    )
    return token


def once(form: Form, post: Any) -> Taken:
    """Post a form with the row that remembers it, or return what it did before."""
    with access.unit_of_work() as session:
        known = acts.claim(session, form=form, now=access.now())
        if known is None:
            post(session, form)
        done = known or acts.act(session, merchant_id=form.merchant_id, key=form.key)
    return Taken(act=done, again=known is not None)


def _ask_refund(
    original: ActView,
    form: Form,
    *,
    amount: int,
    session: Session | None = None,
    query: str = "",
) -> dict[str, Any]:
    body = {"merchant_ref": form.merchant_ref, **when()}
    if original.kind == acts.EARN:
        return calls.ask(
            "refund_earning",
            {**body, **money(amount)},
            key=form.key,
            session=session,
            query=query,
            earning_id=entry_id(original, prefix="ern"),
        )
    return calls.ask(
        "refund_redemption",
        {**body, **money(amount)},
        key=form.key,
        session=session,
        query=query,
        redemption_id=entry_id(original, prefix="red"),
    )


def form_of(
    key: str, kind: str, at: Place, *, amount: int | None = None, original: ActView | None = None
) -> Form:
    """Return the form that is being taken at this till."""
    return Form(
        merchant_id=access.merchant().merchant_id,
        key=key,
        merchant_ref=forms.reference_of(key),
        kind=kind,
        user_id=access.user().user_id,
        session_id=access.current_session().session_id,
        store_id=None if at.store is None else at.store.store_id,
        terminal=at.terminal,
        amount=amount,
        original_key=None if original is None else original.key,
    )


def finish(session: Session, form: Form, answer: dict[str, Any], *, prefix: str) -> None:
    """Write down which entry a form came to."""
    acts.finish(
        session,
        form=form,
        entry=access.services().entry_ids.decode(answer["id"], prefix=prefix),
        business_date=date.fromisoformat(answer["business_date"]),
        points=answer["points"],
    )


def _finish_reversal(
    session: Session, form: Form, answer: dict[str, Any], *, original: ActView
) -> None:
    """Write a reversal down; its entry is the wallet's latest, which is locked until the commit."""
    member_id = _entry_of(original).member_id
    wallet = ledger.stored_wallet(session, member_id=member_id)
    acts.finish(
        session,
        form=form,
        entry=EntryKey(member_id, 0 if wallet is None else wallet.sequence),
        business_date=date.fromisoformat(answer["business_date"]),
        points=original.remaining_points,
    )


def _locked(session: Session, original: ActView) -> ActView:
    return acts.act(session, merchant_id=original.merchant_id, key=original.key, lock=True)


def _entry_of(of: ActView) -> EntryKey:
    if of.member_id is None or of.sequence is None:
        raise PeyvandError("this act made no entry")
    return EntryKey(of.member_id, of.sequence)


def money(amount: int) -> dict[str, Any]:
    """Return an amount as a call names it."""
    return {"amount": amount, "currency": CURRENCY}


def when() -> dict[str, str]:
    """Return the present as a call names it."""
    return {"occurred_at": access.now().isoformat()}
