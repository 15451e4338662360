"""Merchants: the list, a merchant's agreements, stores, keys, terms, positions and statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session

from config.web import listing
from network import ids
from network.clearing import queries as clearing
from network.clearing.facts import StatementView
from network.language import current_locale, parse_day
from network.ledger import queries as ledger
from network.merchants import applications, public_keys
from network.merchants import queries as merchants
from network.merchants.queries import AgreementView, KeyView, NoAgreementError
from network.money import queries as money
from network.operators import proposals
from network.operators import queries as operators
from network.operators.roles import VIEWER
from network.programme import cancelling
from network.programme import queries as programme
from network.programme.days import begun_day
from network.programme.proposing import TERMS
from network.sandboxes import queries as sandboxes
from settlement.console import access
from settlement.console.agreement_rows import waiting_rows
from settlement.console.proposing import Waiting, shown
from settlement.console.proposing_programme import WhatIf, what_if_of
from settlement.console.settling_form import cycle_words
from settlement.console.words import said

blueprint = Blueprint("merchants", __name__, url_prefix="/merchants")
LATEST = 10
"""Statements and stores that a merchant's own page shows; the rest has pages of its own."""


@blueprint.get("")
@access.access(VIEWER)
def index() -> str | Response:
    """Show every merchant with its prices in force."""
    with access.reading() as session:
        found = merchants.all_merchants(session)
        today = ledger.open_day(session)
        prices = {each.merchant_id: _in_force(session, each.merchant_id, today) for each in found}
        waiting = {each.merchant_id for each in merchants.waiting_agreements(session)}
        applied = applications.waiting(session)
    page = listing.arrange(
        found,
        sort="name",
        keys={
            "name": lambda row: row.name(current_locale()),
            "code": lambda row: row.code,
            "kind": lambda row: said(row.kind, "kind"),
            "status": lambda row: row.status,
            "joined": lambda row: row.joined_at.timestamp(),
            "price": lambda row: getattr(prices[row.merchant_id], "issue_price", None),
            "fee": lambda row: getattr(prices[row.merchant_id], "acceptance_fee", None),
        },
        words=lambda row: f"{row.code} {row.name_fa} {row.name_en} {said(row.kind, 'kind')}",
    )
    if listing.wants_csv():
        return listing.csv_response(
            "merchants",
            ("code", "name_fa", "name_en", "kind", "status", "joined_at"),
            (
                (row.code, row.name_fa, row.name_en, row.kind, row.status, row.joined_at)
                for row in page.rows
            ),
        )
    return render_template(
        "merchants.html", page=page, prices=prices, waiting=waiting, applied=applied
    )


@blueprint.get("/<code>")
@access.access(VIEWER)
def show(code: str) -> str | Response:
    """Show all that is known of a merchant."""
    with access.reading() as session:
        merchant = merchants.merchant(session, code=code)
        merchant_id = merchant.merchant_id
        today = ledger.open_day(session)
        agreements = merchants.agreements(session, merchant_id=merchant_id)
        facts = {
            "stores": merchants.stores(session, merchant_id=merchant_id),
            "keys": merchants.keys(session, merchant_id=merchant_id),
            "terms": programme.all_terms(session, merchant_id=merchant_id),
            "begun": begun_day(session, wall=access.wall()),
            "waiting_terms": _waiting_terms(session, merchant_id),
            **_cancelling(session, merchant_id),
            **_statements(session, merchant_id=merchant_id, limit=LATEST),
            "people": {each.operator_id: each for each in operators.all_operators(session)},
            "way": applications.way_of(session, merchant_id=merchant_id),
            "sandbox": sandboxes.sandbox_of(session, merchant_id=merchant_id),
        }
        in_force = _in_force(session, merchant_id, today)
    return render_template(
        "merchant.html",
        latest=LATEST,
        merchant=merchant,
        agreements=agreements,
        waiting=waiting_rows(agreements, merchant),
        today=today,
        in_force=in_force,
        cycle=in_force and cycle_words(in_force.settling, today=today),
        fingerprint=fingerprint,
        wall=access.wall(),
        **facts,
    )


@blueprint.get("/<code>/statements")
@access.access(VIEWER)
def statements(code: str) -> str | Response:
    """Show or export a merchant's statements, the latest first, those before ``?before=`` a day."""
    before = parse_day(request.args.get("before", ""))
    size = listing.MOST_EXPORTED if listing.wants_csv() else listing.PAGE_ROWS + 1
    with access.reading() as session:
        merchant = merchants.merchant(session, code=code)
        found = _statements(session, merchant_id=merchant.merchant_id, limit=size, before=before)
    rows = found["statements"]
    if listing.wants_csv():
        return _statements_file(merchant.code, rows)
    more = len(rows) > listing.PAGE_ROWS
    if more:  # A day's statements, one for each currency, stay on one page.
        cut = rows[listing.PAGE_ROWS].window.first_day
        found["statements"] = rows = [each for each in rows if each.window.first_day > cut]
    return render_template(
        "statements.html",
        merchant=merchant,
        newest=listing.address(before=None) if before else None,
        older=listing.address(before=rows[-1].window.first_day) if more else None,
        **found,
    )


@blueprint.get("/<code>/stores")
@access.access(VIEWER)
def stores(code: str) -> str | Response:
    """Show or export a merchant's stores, closed ones too."""
    with access.reading() as session:
        merchant = merchants.merchant(session, code=code)
        found = merchants.stores(session, merchant_id=merchant.merchant_id)
        tills = merchants.terminals_by_store(session, merchant_id=merchant.merchant_id)
    page = listing.arrange(
        found,
        sort="name",
        keys={
            "name": lambda row: row.name(current_locale()),
            "city": lambda row: row.city(current_locale()),
            "code": lambda row: row.code,
            "tills": lambda row: len(tills[row.store_id]),
            "open": lambda row: row.closed_at is None,
        },
        words=lambda row: f"{row.code} {row.name_fa} {row.name_en} {row.city_fa} {row.city_en}",
    )
    if listing.wants_csv():
        return listing.csv_response(
            f"stores-{merchant.code}",
            ("code", "name_fa", "name_en", "city_fa", "city_en", "tills", "closed_at"),
            (
                (
                    *(row.code, row.name_fa, row.name_en, row.city_fa, row.city_en),
                    *(" ".join(each.code for each in tills[row.store_id]), row.closed_at),
                )
                for row in page.rows
            ),
        )
    return render_template("stores.html", merchant=merchant, page=page, tills=tills)


def _statements(
    session: Session, *, merchant_id: UUID, limit: int, before: date | None = None
) -> dict[str, Any]:
    found = clearing.windows_for(session, merchant_id=merchant_id, limit=limit, cursor=before)
    since = min((each.window.first_day for each in found), default=None)
    return {
        "statements": found,
        "payments": money.payments(session, merchant_id=merchant_id, since=since),
    }


def _statements_file(code: str, rows: Sequence[StatementView]) -> Response:
    names = ("opening", "receivable", "payable", "fees", "vat", "net", "returned", "called")
    kept = (*names, "paid", "closing", "deposit_used", "deposit_closing", "lines", "currency")
    return listing.csv_response(
        f"statements-{code}",
        ("window", "first_day", "end_day", *kept, "carried"),
        (
            (
                ids.encode("win", row.window.window_id),
                row.window.first_day.isoformat(),
                row.window.end_day.isoformat(),
                *(getattr(row.totals, name) for name in kept),
                row.totals.carried,
            )
            for row in rows
        ),
    )


def fingerprint(key: KeyView) -> str | None:
    """Return the SHA-256 of a public key as people compare it; a shared secret has none."""
    if key.public_key is None:
        return None
    return public_keys.fingerprint(key.public_key)


def _cancelling(session: Session, merchant_id: UUID) -> dict[str, Any]:
    """Return by kind what is proposed to be cancelled before it begins, and what was."""
    kinds = (cancelling.AGREEMENT, cancelling.TERMS)
    return {
        "cancelling": {
            kind: shown(session, proposals.waiting(session, subject_id=merchant_id, kind=kind))
            for kind in kinds
        },
        "gone": {
            kind: shown(session, cancelling.cancelled(session, kind=kind, subject_id=merchant_id))
            for kind in kinds
        },
    }


def _waiting_terms(session: Session, merchant_id: UUID) -> list[tuple[Waiting, WhatIf]]:
    """Return earning terms that wait for a second person, with what they would come to."""
    waiting = proposals.waiting(session, subject_id=merchant_id, kind=TERMS)
    return [(each, what_if_of(session, each.proposal)) for each in shown(session, waiting)]


def _in_force(session: Session, merchant_id: UUID, day: date) -> AgreementView | None:
    try:
        return merchants.agreement_on(session, merchant_id=merchant_id, day=day)
    except NoAgreementError:
        return None
