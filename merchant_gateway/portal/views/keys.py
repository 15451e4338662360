"""Keys that the merchant's programs sign with: listed, registered with a proof, revoked."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from config.web import listing
from config.web.listing import Page
from merchant_gateway.portal import access, calls, forms, words
from merchant_gateway.portal.access import OFFICE
from merchant_gateway.signing import Ed25519VerifyingKey, KeyMalformedError
from merchant_gateway.signing.possession import proof_message
from network.errors import PeyvandError
from network.language import gettext as _
from network.merchants import keys, queries
from network.merchants.errors import InvalidKeyError
from network.merchants.public_keys import fingerprint, read_public_key
from network.merchants.queries import KeyView
from network.merchants.scopes import SCOPES

blueprint = Blueprint("keys", __name__, url_prefix="/keys")


@blueprint.get("")
@access.area(OFFICE)
def index() -> str | Response:
    """Show every key with its state and its last use."""
    if not listing.wants_csv():
        return _page(errors={})
    rows = (
        (
            each.key_id,
            each.state(access.wall()),
            " ".join(each.scopes),
            None if each.public_key is None else fingerprint(each.public_key),
            each.created_at,
            each.last_used_on,
        )
        for each in _keys().rows
    )
    columns = ("key", "state", "scopes", "fingerprint", "registered", "last_used")
    return listing.csv_response(f"{access.merchant().code}-keys", columns, rows)


def _keys() -> Page[KeyView]:
    """Return the merchant's keys as the address asks for them."""
    with access.reading() as session:
        found = queries.keys(session, merchant_id=access.merchant().merchant_id)
    return listing.arrange(
        found,
        keys={
            "key": lambda each: each.key_id,
            "state": lambda each: words.said(each.state(access.wall()), "key"),
            "registered": lambda each: each.created_at,
            "used": lambda each: each.last_used_on,
        },
        sort="-registered",
        words=lambda each: " ".join(
            (each.key_id, *(words.said(scope, "scope") for scope in each.scopes))
        ),
    )


@blueprint.post("/proof")
@access.area(OFFICE)
def prove() -> str | tuple[str, int]:
    """Take a public key and show the four lines that its private half has to sign."""
    try:
        public_key = Ed25519VerifyingKey.from_raw(
            read_public_key(request.form.get("public_key", ""))
        )
    except (InvalidKeyError, KeyMalformedError):
        wrong = {"public_key": _("This is not an Ed25519 public key, or a weak one.")}
        return _page(errors=wrong), 422
    return _proof_page(public_key, scopes=request.form.getlist("scopes") or list(SCOPES))


@blueprint.post("")
@access.area(OFFICE)
def register() -> str | Response | tuple[str, int]:
    """Register a key whose private half signed the four lines, as the gateway's operation does."""
    public_text, proof = forms.typed("public_key"), forms.typed("proof").rstrip("=")
    scopes = request.form.getlist("scopes")
    key = forms.form_key()
    try:
        public_key = Ed25519VerifyingKey.from_base64url(public_text)
        body = {"public_key": public_text, "proof": proof, "scopes": scopes}
        made = calls.ask("create_key", body, key=key)
    except KeyMalformedError:
        return redirect(url_for("keys.index"))
    except PeyvandError as error:
        wrong = {"proof": words.refusal(error)[1]}
        return _proof_page(public_key, scopes=scopes, errors=wrong), 422
    flash(_("Registered: %(key)s", key=made["key_id"]), "good")
    return redirect(url_for("keys.index"))


@blueprint.post("/<key_id>/revoke")
@access.area(OFFICE)
def revoke(key_id: str) -> Response:
    """Revoke a key: the very next call with it is refused."""
    merchant_id = access.merchant().merchant_id
    with access.unit_of_work() as session:
        changed = keys.revoke_key(
            session, merchant_id=merchant_id, key_id=key_id, now=access.wall()
        )
        if changed:
            access.record(session, "key.revoked", key=key_id)
    access.gateway().guard.announce()
    flash(_("Revoked: %(key)s", key=key_id), "good")
    return redirect(url_for("keys.index"))


def _page(*, errors: dict[str, str]) -> str:
    return render_template(
        "office/keys.html",
        page=_keys(),
        scopes=SCOPES,
        wall=access.wall(),
        fingerprint=fingerprint,
        errors=errors,
        typed=request.form,
    )


def _proof_page(
    public_key: Ed25519VerifyingKey, *, scopes: list[str], errors: dict[str, str] | None = None
) -> str:
    host = access.services().settings.portal_url.partition("//")[2]
    session_id = access.current_session().public_id
    message = proof_message(authority=host, key_id=session_id, public_key=public_key)
    return render_template(
        "office/key_proof.html",
        public_key=public_key.to_base64url(),
        message=message.decode(),
        host=host,
        session_id=session_id,
        scopes=scopes,
        key=forms.new_key(),
        errors=errors or {},
    )
