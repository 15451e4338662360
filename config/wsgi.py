"""The entry points of the fronts: ``config.wsgi:gateway()``, ``wallet()``, ``console()`` and
``portal()``.

Each builds its application in the process that serves it; what one front imports, the others do
not load.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

import redis
from werkzeug.middleware.proxy_fix import ProxyFix

from config.environment import embedded, load_settings
from config.health import HEALTH_PATH
from config.logging import configure
from network.errors import UnavailableError
from network.services import Services

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask import Flask

    from config.serving.refusals import Refuse


_ANSWER_SECONDS: Mapping[str, float] = {"gateway": 30.0, "wallet": 30.0, "portal": 30.0}
"""For so long the database may say nothing to who serves a till or a phone; reports take longer."""

_MODULES: Mapping[str, tuple[str, ...]] = {
    "gateway": ("config.sandboxes.nights", "merchant_gateway.app"),
    "wallet": ("config.web.unread", "wallet.app"),
    "console": ("config.web.unread", "settlement.console.app"),
    "portal": ("config.web.unread", "merchant_gateway.portal.app"),
}


def load(entry: str) -> None:
    """Import what the front of ``entry`` ("config.wsgi:gateway()") is made of; opens nothing."""
    module, _colon, call = entry.partition(":")
    if module == __name__:
        for name in _MODULES[call.removesuffix("()")]:
            import_module(name)


def gateway() -> WSGIApplication:
    """Return the merchants' signed API."""
    from config.sandboxes.nights import Hands
    from merchant_gateway.app import create_app, make_ready
    from merchant_gateway.unread import refusing

    services, client = _hold("gateway")
    app = create_app(services, client, hands=Hands(client))
    with suppress(UnavailableError):  # then the first request after the database is there does it
        make_ready(app)
    return _outside(app, services, refuse=refusing(app))


def wallet() -> WSGIApplication:
    """Return the members' web app."""
    from wallet.app import create_app

    services, _client = _hold("wallet")
    local = embedded(os.environ) and services.settings.sms_url is None
    app = create_app(services, local_messages=local)
    return _for_people(app, services)


def console() -> WSGIApplication:
    """Return the operators' web app."""
    from settlement.console.app import create_app

    services, client = _hold("console")
    app = create_app(services, redis=client)
    return _for_people(app, services, money_unit="rial")


def portal() -> WSGIApplication:
    """Return the web app of merchants' people."""
    from merchant_gateway.portal.app import create_app

    services, client = _hold("portal")
    return _for_people(create_app(services, client), services)


def _for_people(app: Flask, services: Services, *, money_unit: str = "toman") -> WSGIApplication:
    """Return a front of pages, which has a page for what its server could not read, too."""
    from config.web import furnish
    from config.web.unread import refusing

    furnished = furnish(app, services=services, money_unit=money_unit)
    return _outside(furnished, services, refuse=refusing(furnished))


def behind_proxies(app: WSGIApplication, *, count: int) -> WSGIApplication:
    """Give ``app`` the address and scheme of who asked the outermost of ``count`` trusted proxies.

    Only the last ``count`` values of X-Forwarded-For and -Proto are believed; whatever a caller
    wrote before them stays a claim. The host is the one received, never X-Forwarded-Host: a
    merchant's signature covers it, so a proxy in front passes Host on as it came.
    """
    if count == 0:
        return app
    return ProxyFix(app, x_for=count, x_proto=count, x_host=0, x_port=0, x_prefix=0)


def _outside(
    app: WSGIApplication, services: Services, *, refuse: Refuse | None = None
) -> WSGIApplication:
    """Return what stands around every front."""
    proxied = behind_proxies(app, count=services.settings.trusted_proxies)
    return Front(proxied, services, refuse=refuse)


class Front:
    """Answers HEALTH_PATH before ``app`` sees it: 200 while the database answers, else 503.

    ``refuse`` says, in the front's own form, what its server could not read as a request.
    """

    def __init__(
        self, app: WSGIApplication, services: Services, *, refuse: Refuse | None = None
    ) -> None:
        self._app, self._services, self.refuse = app, services, refuse

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, or have the application do so."""
        if environ.get("PATH_INFO") != HEALTH_PATH:
            return self._app(environ, start_response)
        try:
            with self._services.database.ledger() as connection:
                connection.exec_driver_sql("SELECT 1")
        except UnavailableError:
            return _plain(start_response, "503 Service Unavailable", b"database unavailable\n")
        return _plain(start_response, "200 OK", b"ok\n")


def _plain(start_response: Callable[..., Any], status: str, body: bytes) -> Iterable[bytes]:
    start_response(
        status,
        [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
        ],
    )
    return [body]


def _hold(name: str) -> tuple[Services, redis.Redis]:
    """Return what a front's process holds for as long as it lives."""
    configure(name)
    settings = load_settings(os.environ)
    services = Services.from_settings(
        settings, application_name=f"peyvand-{name}", answer_seconds=_ANSWER_SECONDS.get(name)
    )
    client = redis.Redis.from_url(
        settings.redis_url, socket_timeout=2.0, socket_connect_timeout=2.0, max_connections=32
    )
    return services, client
