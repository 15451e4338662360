"""The page where anybody checks a statement on paper by the code that is printed on it.

Whoever has the code has the paper: 80 bits of its digest, which nobody guesses. So the page shows
the sums as they were published, to be compared with those on the paper, and nothing else.

A paper of a sandbox names its merchant beside its code, and is looked for in that sandbox alone: no
code without that name ever leads to one, and what is found there is shown as a test.
"""

from __future__ import annotations

from flask import Flask, Response, current_app, render_template, request

from merchant_gateway.gateway import Gateway
from merchant_gateway.limits import LocalRate
from merchant_gateway.sandboxes import Sandboxes
from network.clearing import queries
from network.clearing.checking import check_code, read_code
from network.clearing.facts import StatementView
from network.clearing.statement_pdf import CHECK_PATH, OF_SANDBOX
from network.clearing.statement_words import period, sums
from network.language import LOCALES, current_locale, format_number, set_locale
from network.merchants import queries as merchants
from network.merchants.addresses import line_of

PUBLIC = frozenset({"check_statement"})
"""The endpoints without authentication."""

ATTEMPTS = 60
ATTEMPTS_WINDOW = 600
LONGEST = 40
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_NOT_FOUND = 404
_WRONG = 422


def register(app: Flask, gateway: Gateway, sandboxes: Sandboxes) -> None:
    """Add the page to ``app``."""
    attempts = LocalRate(quota=ATTEMPTS, window=ATTEMPTS_WINDOW)

    def check_statement() -> Response:
        """Show the form, or what was published under a code."""
        if (wanted := request.args.get("lang", "")) in LOCALES:
            set_locale(wanted)
        typed = request.args.get("code", "").strip()[:LONGEST]
        test = request.args.get(OF_SANDBOX, "").strip().lower()[:LONGEST]
        if not typed:
            return page(status=200, typed="", test=test)
        attempts.attempt(line_of(request.remote_addr or ""))
        beginning = read_code(typed)
        if beginning is None:
            return page(status=_WRONG, typed=typed, test=test, wrong=True)
        if test:
            found = _in_sandbox(gateway, sandboxes, code=test, beginning=beginning)
        else:
            with gateway.services.database.reading() as session:
                found = queries.statement_by_code(session, beginning=beginning)
        if found is None:
            return page(status=_NOT_FOUND, typed=typed, test=test, unknown=True)
        return page(
            status=200,
            typed=check_code(found.digest),
            test=test,
            found=found,
            sums=sums(found.totals),
            period=period(found.window),
        )

    app.add_url_rule(
        CHECK_PATH, view_func=check_statement, methods=["GET"], provide_automatic_options=False
    )


def _in_sandbox(
    gateway: Gateway, sandboxes: Sandboxes, *, code: str, beginning: bytes
) -> StatementView | None:
    """Return a statement of the sandbox of the merchant ``code``, ``None`` where it has no such.

    A merchant that there is not, one without a sandbox and an unknown statement are told alike.
    """
    try:
        with gateway.services.database.reading() as session:
            owner = merchants.merchant(session, code=code).merchant_id
    except merchants.UnknownMerchantError:
        return None
    with sandboxes.look_into(merchant_id=owner) as inside:
        if inside is None:
            return None
        with inside.database.reading() as session:
            found = queries.statement_by_code(session, beginning=beginning)
    return found if found is not None and found.merchant.party_id == owner else None


def page(*, status: int, typed: str = "", **facts: object) -> Response:
    """Return the page with its two forms, and what was found by one of them."""
    html = render_template(
        "verify.html",
        locale=current_locale(),
        typed=typed,
        number=format_number,
        address=current_app.extensions["gateway"].services.settings.gateway_url,
        **facts,
    )
    response = Response(html, status=status, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept-Language"
    return response
