"""The gateway as a Flask application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, g, request

from merchant_gateway import answering
from merchant_gateway.authentication import admit
from merchant_gateway.door import Door
from merchant_gateway.gateway import Call, Gateway, SandboxHands
from merchant_gateway.limits import Limits
from merchant_gateway.operations import (
    MAX_BODY_BYTES,
    OPERATIONS,
    Operation,
    load_operations,
    perform,
)
from merchant_gateway.routes import applying, checking, public, verifying
from merchant_gateway.sandboxes import Sandboxes
from network.language import Speaker
from network.services import Services

PREFIX = "/v1"
PUBLIC = public.PUBLIC | applying.PUBLIC | checking.PUBLIC | verifying.PUBLIC


def create_app(
    services: Services, redis: Any, *, hands: SandboxHands, limits: Limits | None = None
) -> Flask:
    """Return the gateway on ``services`` and a Valkey client; connects to nothing yet.

    ``redis`` should have short timeouts: a request waits for them once before nonces go to the
    database instead. ``hands`` do for sandboxes what the gateway has no part for.
    """
    app = Flask("merchant_gateway", static_folder=None)
    gateway = Gateway.build(services=services, redis=redis, limits=limits or Limits())
    app.extensions["gateway"] = gateway
    sandboxes = app.extensions["sandboxes"] = Sandboxes(gateway, hands)
    answering.register(app, gateway)
    _before_requests(app, gateway)
    for each in load_operations().values():
        app.add_url_rule(
            PREFIX + each.path,
            endpoint=each.name,
            view_func=_view(each, sandboxes),
            methods=[each.method],
            provide_automatic_options=False,
        )
    app.jinja_env.globals["_"] = Speaker(package="merchant_gateway").gettext
    public.register(app, gateway)
    applying.register(app, gateway)
    checking.register(app, gateway, sandboxes)
    verifying.register(app, gateway)
    app.wsgi_app = Door(  # type: ignore[method-assign]  # Flask's documented place for middleware
        app.wsgi_app,
        gateway=gateway,
        sandboxes=sandboxes,
        prefix=PREFIX,
        operations=load_operations().values(),
    )
    return app


def make_ready(app: Flask) -> None:
    """Read the keys that sign answers, so that a first one without the database is signed as well.

    And which store of nonces is believed. Raises UnavailableError where the database is away.
    """
    gateway: Gateway = app.extensions["gateway"]
    gateway.network_keys.signing("answers")
    gateway.guard.prepare()
    gateway.terms.prepare()


def _before_requests(app: Flask, gateway: Gateway) -> None:
    @app.before_request
    def authenticate() -> None:
        """Authenticate whatever lies under the prefix, also what does not exist there."""
        exchange = answering.exchange_here()
        if not _needs_authentication(request.endpoint, request.path):
            return
        asked = OPERATIONS.get(request.endpoint or "")
        admit(
            exchange,
            gateway=gateway,
            most_bytes=MAX_BODY_BYTES if asked is None else asked.most_bytes,
        )


def _needs_authentication(endpoint: str | None, path: str) -> bool:
    """Return whether a request must be signed: all but the public pages, found or not."""
    if endpoint is not None:
        return endpoint not in PUBLIC
    return path.startswith(f"{PREFIX}/")


def _view(each: Operation, sandboxes: Sandboxes) -> Callable[..., Response]:
    def view(**path_ids: str) -> Response:
        call: Call = g.exchange.call
        media_type = request.environ.get("CONTENT_TYPE", "")
        return answering.respond(
            perform(each, call, media_type=media_type, path_ids=path_ids, enter=sandboxes.enter)
        )

    view.__name__ = each.name
    return view
