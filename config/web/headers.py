"""Headers of every answer: a policy without inline script or style, no caching of pages."""

from __future__ import annotations

from flask import Flask, Response, g, request

from network.ids import uuid7

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
"""``data:`` images are the small arrows and ticks inside Pico's style sheet."""

_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_NO_DEVICES = "geolocation=(), microphone=(), payment=(), usb=()"
_TWO_YEARS = "max-age=63072000; includeSubDomains"


def install(app: Flask) -> None:
    """Give each request an id and each answer its headers.

    A front whose pages open the camera names their blueprints in ``PEYVAND_CAMERA_IN`` of its
    config; everywhere else no page may.
    """

    @app.before_request
    def name_request() -> None:
        g.request_id = str(uuid7())

    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        camera = "(self)" if request.blueprint in app.config.get("PEYVAND_CAMERA_IN", ()) else "()"
        response.headers.setdefault("Permissions-Policy", f"camera={camera}, {_NO_DEVICES}")
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Request-Id"] = request_id()
        if request.is_secure:
            response.headers["Strict-Transport-Security"] = _TWO_YEARS
        return response


def request_id() -> str:
    """Return the id of the request being served, as its answer and the log carry it."""
    if "request_id" not in g:
        g.request_id = str(uuid7())
    return str(g.request_id)
