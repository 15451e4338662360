"""Merchants: the list, a merchant's agreements, stores, keys, terms, positions and statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from flask import Blueprint, Response, render_template
from sqlalchemy.orm import Session

from network import ids
from network.clearing import queries as clearing
from network.clearing.facts import StatementView
from network.language import current_locale
from network.ledger import queries as ledger
from network.merchants import applications, public_keys
from network.merchants import queries as merchants
from network.merchants.queries import AgreementView, KeyView, NoAgreementError
from network.money import queries as money
from network.operators import queries as operators
from network.operators.roles import VIEWER
from network.programme import queries as programme
from network.sandboxes import queries as sandboxes
from settlement.console import access, listing
from settlement.console.settling_form import cycle_words

blueprint = Blueprint("merchants", __name__, url_prefix="/merchants")
STATEMENTS = 30


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
            "kind": lambda row: row.kind,
            "status": lambda row: row.status,
            "joined": lambda row: row.joined_at.timestamp(),
            "price": lambda row: getattr(prices[row.merchant_id], "issue_price", None),
            "fee": lambda row: getattr(prices[row.merchant_id], "acceptance_fee", None),
        },
        words=lambda row: f"{row.code} {row.name_fa} {row.name_en} {row.kind}",
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
        statements = clearing.windows_for(session, merchant_id=merchant_id, limit=STATEMENTS)
        facts = {
            "stores": merchants.stores(session, merchant_id=merchant_id),
            "keys": merchants.keys(session, merchant_id=merchant_id),
            "terms": programme.all_terms(session, merchant_id=merchant_id),
            "statements": statements,
            "payments": money.payments(session, merchant_id=merchant_id),
            "people": {each.operator_id: each for each in operators.all_operators(session)},
            "sandbox": sandboxes.sandbox_of(session, merchant_id=merchant_id),
        }
        in_force = _in_force(session, merchant_id, today)
    if listing.wants_csv():
        return _statements_file(merchant.code, statements)
    return render_template(
        "merchant.html",
        merchant=merchant,
        agreements=agreements,
        today=today,
        in_force=in_force,
        cycle=in_force and cycle_words(in_force.settling, today=today),
        fingerprint=fingerprint,
        wall=access.wall(),
        **facts,
    )


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


def _in_force(session: Session, merchant_id: UUID, day: date) -> AgreementView | None:
    try:
        return merchants.agreement_on(session, merchant_id=merchant_id, day=day)
    except NoAgreementError:
        return None
