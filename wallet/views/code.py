"""My code: a QR code that rotates each minute, its limit, the spend lock and the card number."""

from __future__ import annotations

from typing import Any

import segno
from flask import Blueprint, flash, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from network.clock import local_date
from network.language import format_points, gettext
from network.members import queries as member_queries
from network.members import service as members
from network.members.cards import grouped
from network.members.errors import MemberFrozenError
from network.points import worth
from network.programme import queries as programme
from network.second_factor import unlocking
from network.second_factor.errors import ProofNeededError
from network.second_factor.proofs import Act
from network.second_factor.showing import shown_code
from network.settings import PROGRAMME_ZONE
from wallet import access, forms, proving
from wallet.barcodes import card_symbol
from wallet.limits import CHANGE, limiter
from wallet.own import place, wallet_of
from wallet.proving import Detour
from wallet.views import security

blueprint = Blueprint("code", __name__, url_prefix="/code")
PRESETS = (0, 500, 2_000)
CODE_GROUP = 4
LOCKED = "spend_locked"
_QUIET_MODULES = 3


@blueprint.get("")
def show() -> str:
    """Show the code with everything that belongs to it."""
    facts = _panel_facts()
    with access.reading() as session:
        cards = member_queries.cards(session, member_id=access.member().member_id)
    return render_template(
        "code.html",
        **facts,
        presets=PRESETS,
        cards=[
            (grouped(card.card_number), card_symbol(card.card_number))
            for card in cards
            if card.blocked_at is None
        ],
    )


@blueprint.get("/panel")
def panel() -> str:
    """Show the code alone: what a page with script puts in the place of the last one."""
    return render_template("code_panel.html", **_panel_facts())


@blueprint.get("/limit")
def ask_limit() -> str:
    """Ask for a limit."""
    limit = access.member().spend_limit
    return _limit_page(str(limit) if limit else "", {})


@blueprint.post("/limit")
@limiter.limit(CHANGE)
def set_limit() -> Response | tuple[str, int]:
    """Set how many points the codes from now on may spend."""
    values, errors = forms.load(forms.LimitForm(), request.form)
    if errors:
        return _limit_page(request.form.get("limit", ""), errors), 422
    with access.unit_of_work() as unit:
        carried = members.set_spend_limit(
            unit, member_id=access.member().member_id, limit=values["limit"]
        )
        act = Act(kind="code", points=carried)
        asked = proving.missing(unit, act)
    if carried != values["limit"]:
        flash(
            gettext("A code carries round figures: %(points)s.", points=format_points(carried)),
            "info",
        )
    return proving.detour(act) if asked else redirect(url_for("code.show"), code=303)


@blueprint.post("/unlock")
@limiter.limit(CHANGE)
def unlock() -> Response:
    """Prove oneself for the whole limit; until then codes carry what needs no proof."""
    act = Act(kind="code", points=access.member().spend_limit)
    with access.reading() as session:
        asked = proving.missing(session, act)
    return proving.detour(act) if asked else redirect(url_for("code.show"), code=303)


@blueprint.post("/lock")
@limiter.limit(CHANGE)
def set_lock() -> Response:
    """Lock spending altogether, or unlock it; who has a PIN or a passkey unlocks with that."""
    if request.form.get("locked") != "yes":
        return _unlock()
    with access.unit_of_work() as unit:
        members.set_spend_lock(unit, member_id=access.member().member_id, locked=True)
    flash(gettext("Spending is locked."), "good")
    return redirect(url_for("code.show"), code=303)


def go_on(_: Detour) -> Response:
    """Unlock spending: the member has just proven themselves for it."""
    return _unlock()


def _unlock() -> Response:
    has_factor = security.has_factor()
    try:
        with access.unit_of_work() as unit:
            unlocking.unlock(
                unit,
                member_id=access.member().member_id,
                session_id=access.current_session().session_id,
                has_factor=has_factor,
                wall=access.wall(),
            )
    except ProofNeededError:
        return proving.detour(unlocking.UNLOCK)
    except MemberFrozenError:
        flash(gettext("The network has locked spending. Ask its support."), "bad")
    else:
        flash(gettext("Spending is unlocked."), "good")
    return redirect(url_for("code.show"), code=303)


def _panel_facts() -> dict[str, Any]:
    member, wall = access.member(), access.wall()
    today = local_date(access.now(), zone=PROGRAMME_ZONE)
    with access.reading() as session:
        wallet = wallet_of(session, place(session))
        locked = wallet is not None and wallet.status == LOCKED
        shown = shown_code(
            session,
            access.services().vault,
            member=member,
            session_id=access.current_session().session_id,
            locked=locked,
            ask_above=proving.ask_above(session),
            now=access.now(),
            wall=wall,
        )
        code = shown.code
        face_value = programme.face_value_on(session, day=today)
    left = code.changes_at - wall
    return {
        "symbol": qr_symbol(code.text),
        "code_text": " ".join(
            code.text[start : start + CODE_GROUP] for start in range(0, len(code.text), CODE_GROUP)
        ),
        "limit": code.limit if not locked else member.spend_limit,
        "wanted": shown.wanted if not locked else member.spend_limit,
        "locked": locked,
        "worth": worth(points=code.limit, face_value=face_value),
        "seconds_left": max(int(left.total_seconds()), 1),
    }


def qr_symbol(text: str) -> Markup:
    """Return a QR symbol of 25 × 25 modules as inline SVG without styles."""
    symbol = segno.make_qr(text, version=2, error="m", mode="alphanumeric", boost_error=False)
    drawing = symbol.svg_inline(border=_QUIET_MODULES, omitsize=True, svgclass="", lineclass="")
    return Markup(drawing)  # noqa: S704 - made of numbers only, by the library


def _limit_page(value: str, errors: dict[str, str]) -> str:
    today = local_date(access.now(), zone=PROGRAMME_ZONE)
    with access.reading() as session:
        wallet = wallet_of(session, place(session))
        face_value = programme.face_value_on(session, day=today)
    available = wallet.available if wallet else 0
    return render_template(
        "limit.html",
        value=value,
        errors=errors,
        available=available,
        worth=worth(points=available, face_value=face_value),
    )
