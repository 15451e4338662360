"""What the wallet is without a network: an app on the phone's screen that still shows a code.

Home and "my code" keep for it, in the browser, the page ``/offline``, its files, the balance last
seen and the device's own key (``offline.js``); the service worker ``/sw.js`` shows them where no
page comes.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, render_template, url_for
from sqlalchemy.orm import Session

from config.web.assets import asset_url
from config.web.rendering import digits
from network.clock import local_date
from network.language import (
    current_locale,
    format_datetime,
    format_money,
    format_points,
    gettext,
)
from network.ledger.views import WalletView
from network.members import queries as member_queries
from network.members.cards import grouped
from network.points import worth
from network.programme import queries as programme
from network.second_factor.showing import offline_key
from network.settings import PROGRAMME_ZONE
from wallet import access, proving
from wallet.own import place, wallet_of
from wallet.views.code import LOCKED

blueprint = Blueprint("offline", __name__)
_FILES = (
    *("pico.min.css", "base.css", "wallet.css", "mark.svg", "weave.svg", "offline.js"),
    *("qr-writer.js", "vazirmatn-arabic.woff2", "vazirmatn-latin.woff2"),
)


@blueprint.get("/manifest.webmanifest")
@access.public
def manifest() -> Response:
    """Say what the app is called and looks like where it is installed."""
    locale = current_locale()
    response = jsonify(
        name=gettext("Peyvand wallet"),
        short_name=gettext("Peyvand"),
        description=gettext("Your points, and the code that earns and spends them."),
        lang=locale,
        dir="rtl" if locale == "fa" else "ltr",
        id="/",
        start_url="/",
        scope="/",
        display="standalone",
        background_color="#0a5f65",
        theme_color="#0a5f65",
        icons=[
            {"src": asset_url("mark.svg"), "sizes": "any", "type": "image/svg+xml"},
            *(
                {"src": asset_url(f"icon-{size}.png"), "sizes": f"{size}x{size}", "purpose": "any"}
                for size in (192, 512)
            ),
            {"src": asset_url("icon-full.png"), "sizes": "512x512", "purpose": "maskable"},
        ],
        shortcuts=[{"name": gettext("My code"), "url": url_for("code.show")}],
    )
    response.mimetype = "application/manifest+json"
    return response


@blueprint.get("/sw.js")
@access.public
def worker() -> Response:
    """Return the service worker; it stands at the root, because it serves what is below itself."""
    response = Response(
        (Path(current_app.root_path) / "worker.js").read_bytes(), mimetype="text/javascript"
    )
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.get("/offline")
@access.public
def page() -> str:
    """Show the page that stands in for all others: of nobody, until the browser fills it."""
    return render_template("offline.html", bare=True)


@blueprint.get("/offline/pack")
def pack() -> dict[str, Any]:
    """Return what the browser keeps of the member who is signed in, words in their language."""
    member, wall = access.member(), access.wall()
    with access.unit_of_work() as session:
        wallet = wallet_of(session, place(session))
        key = offline_key(
            session,
            access.services().vault,
            member=member,
            session_id=access.current_session().session_id,
            locked=wallet is None or wallet.status == LOCKED,
            ask_above=proving.ask_above(session),
        )
        words = _words(session, wallet, limit=key.limit)
    return {
        "handle": key.handle,
        "secret": base64.b64encode(key.secret).decode(),
        "packed_limit": key.packed_limit,
        "server_ms": int(wall.timestamp() * 1000),
        "page": url_for("offline.page"),
        "files": [asset_url(name) for name in _FILES],
        "words": words,
    }


def _words(session: Session, wallet: WalletView | None, *, limit: int) -> dict[str, str]:
    """Return what the page says of a member, as it will say it then."""
    member = access.member()
    today = local_date(access.now(), zone=PROGRAMME_ZONE)
    face_value = programme.face_value_on(session, day=today)
    cards = member_queries.cards(session, member_id=member.member_id)
    usable = [grouped(card.card_number) for card in cards if card.blocked_at is None]
    points = wallet.available - wallet.suspended if wallet else 0
    money = format_money(worth(points=points, face_value=face_value), unit=member.money_unit)
    return {
        "balance": format_points(points),
        "worth": gettext("worth %(money)s", money=money),
        "as_of": gettext("As of %(moment)s", moment=format_datetime(access.wall())),
        "carries": (
            gettext("This code may spend up to %(points)s", points=format_points(limit))
            if limit
            else gettext("This code earns points and spends nothing")
        ),
        "card": digits(usable[0]) if usable else "",
    }
