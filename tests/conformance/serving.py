"""The gateway's entry point for who tries it on purpose: as in production, with a patient door.

The address that a machine tries the gateway from fails to authenticate far more often than one till
may, and would soon be answered 429 for everything.
"""

from __future__ import annotations

import os

import redis
from flask import Flask

from config.environment import load_settings
from config.logging import configure
from config.sandboxes.nights import Hands
from config.wsgi import Front
from merchant_gateway.app import create_app
from merchant_gateway.limits import Limits
from merchant_gateway.unread import refusing
from network.services import Services


def gateway() -> object:
    """Return the gateway without a limit for addresses that fail."""
    configure("gateway")
    settings = load_settings(os.environ)
    services = Services.from_settings(settings, application_name="peyvand-gateway")
    client = redis.Redis.from_url(settings.redis_url)
    limits = Limits(address_failures=10_000_000)
    app: Flask = create_app(services, client, hands=Hands(client), limits=limits)
    return Front(app, services, refuse=refusing(app))
