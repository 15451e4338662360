"""What anybody may read: the network's keys, the OpenAPI document, and pages that explain it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from flask import Flask, Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from merchant_gateway import openapi
from merchant_gateway.canonical import canonical
from merchant_gateway.catalogue import KINDS
from merchant_gateway.catalogue_fields import FIELD_TEXTS
from merchant_gateway.documents.pages import load_pages
from merchant_gateway.errors import NotFoundError, RateLimitedError
from merchant_gateway.gateway import Gateway
from merchant_gateway.limits import ADDRESS
from merchant_gateway.operations import JSON, load_operations
from merchant_gateway.signing import Ed25519VerifyingKey
from network.language import LOCALES, current_locale, set_locale
from network.merchants import queries as merchants
from network.merchants.addresses import line_of
from network.proofs import queries as proofs

PUBLIC = frozenset({"keys", "points", "merchant_key", "openapi", "docs", "guide", "style", "home"})
"""The endpoints without authentication."""

Page = tuple[str, str, Callable[..., BaseResponse]]
"""A path, its endpoint and its view."""

NIGHTS = 366
"""How many nights' figures are published at once: a year."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def register(app: Flask, gateway: Gateway) -> None:
    """Add the public pages to ``app``."""
    for path, endpoint, view in (*_published(gateway), *_documents(gateway), ("/", "home", _home)):
        app.add_url_rule(path, endpoint=endpoint, view_func=view, methods=["GET"])


def _published(gateway: Gateway) -> Iterator[Page]:
    """What others verify by: keys, and the nights' figures."""

    def keys() -> Response:
        """Publish every key the network ever signed with, as a JWKS (RFC 7517)."""
        body = canonical({"keys": gateway.network_keys.published_now()})
        response = Response(body, content_type="application/jwk-set+json")
        response.headers["Cache-Control"] = "public, max-age=300"
        return response

    def points() -> Response:
        """Publish the nights' figures of outstanding points, signed, the latest first."""
        with gateway.services.database.reading() as session:
            found = proofs.proofs(session, limit=NIGHTS)
        nights = [
            {
                "business_date": each.business_date.isoformat(),
                "leaves": each.leaves,
                "points": each.points,
                "root": each.root.hex(),
                "seal": each.seal.hex(),
                "signed": each.signed,
            }
            for each in found
        ]
        response = Response(canonical({"nights": nights}), content_type=JSON)
        response.headers["Cache-Control"] = "public, max-age=300"
        return response

    def merchant_key(key_id: str) -> Response:
        """Publish the public key that a merchant signed with, also one that is over (RFC 8037)."""
        return _merchant_key(gateway, key_id)

    yield "/.well-known/peyvand-keys.json", "keys", keys
    yield "/.well-known/peyvand-points.json", "points", points
    yield "/.well-known/peyvand-merchant-keys/<key_id>.json", "merchant_key", merchant_key


def _documents(gateway: Gateway) -> Iterator[Page]:
    """What merchants' engineers read."""
    address = gateway.services.settings.gateway_url
    css = (Path(__file__).parents[1] / "static" / "docs.css").read_bytes()
    document = canonical(openapi.document(server=address))
    guides = {locale: load_pages(locale) for locale in LOCALES}

    def openapi_json() -> Response:
        """Publish the OpenAPI 3.1 document."""
        response = Response(document, content_type=JSON)
        response.headers["Cache-Control"] = "public, max-age=300"
        return response

    def docs() -> Response:
        """Show the operations and every error code in the reader's language."""
        _choose_language()
        page = render_template(
            "docs.html",
            address=address,
            operations=list(load_operations().values()),
            schemas=openapi.body_schemas(),
            kinds=KINDS,
            fields=FIELD_TEXTS,
            guide=guides[current_locale()].values(),
            locale=current_locale(),
        )
        return _page(page)

    def guide(name: str) -> Response:
        """Show one page of the guide: in English, or in Persian where the reader wants it."""
        _choose_language()
        pages = guides[current_locale()]
        if name not in pages:
            raise NotFoundError("the guide has no such page")
        page = render_template(
            "guide.html", page=pages[name], pages=pages.values(), locale=current_locale()
        )
        return _page(page)

    def style() -> Response:
        """Serve the style of the page."""
        response = Response(css, content_type="text/css; charset=utf-8")
        response.headers["Cache-Control"] = "public, max-age=3600"
        return response

    yield "/openapi.json", "openapi", openapi_json
    yield "/docs", "docs", docs
    yield "/docs/guide/<name>", "guide", guide
    yield "/docs.css", "style", style


def _merchant_key(gateway: Gateway, key_id: str) -> Response:
    """Return the public half of a merchant's key as a JWK.

    Key ids are drawn at random, so only who has seen one signed with it can ask. Raises
    NotFoundError, for a shared secret too, and RateLimitedError for who only guesses.
    """
    line = line_of(request.remote_addr or "")
    if wait := gateway.failures.wait(line):
        raise RateLimitedError(retry_after=wait, policy=ADDRESS)
    with gateway.services.database.reading() as session:
        view = merchants.key(session, key_id=key_id)
    if view is None or view.public_key is None:
        gateway.failures.take(line)
        raise NotFoundError("no such key is published")
    jwk = Ed25519VerifyingKey.from_raw(view.public_key).to_jwk(key_id=key_id)
    response = Response(canonical(jwk), content_type="application/jwk+json")
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


def _choose_language() -> None:
    """Read on in the language that a link of the page asks for."""
    if (wanted := request.args.get("lang", "")) in LOCALES:
        set_locale(wanted)


def _home() -> BaseResponse:
    """Lead who opens the bare address in a browser to the documentation."""
    return redirect("/docs")


def _page(html: str) -> Response:
    response = Response(html, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Vary"] = "Accept-Language"
    return response
