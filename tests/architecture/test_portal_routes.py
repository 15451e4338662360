"""Every page of the merchants' portal says whom it is for."""

from __future__ import annotations

import pytest
import redis
from flask import Flask

from config.web import access, furnish
from merchant_gateway.portal.app import create_app
from network.portal.roles import AREAS
from network.services import Services
from network.settings import Settings

PUBLIC = {
    "signing.sign_in",
    "signing.enter",
    "signing.welcome",
    "signing.open_code",
    "signing.accept",
    "favicon",
    # A locked till: nobody acts, and its page opens in a browser with a living sign-in only.
    "locking.show",
    "locking.unlock",
    "signing.leave",
}
CHANGING = {
    "account.choose_pin": "till",
    "account.end_session": "any",
    "account.language": "any",
    "acts.preview": "till",
    "acts.refund": "till",
    "acts.undo": "till",
    "breaks.say": "books",
    "disputes.create": "books",
    "disputes.evidence": "books",
    "disputes.say": "books",
    "asking.ask": "till",
    "asking.take": "till",
    "joining.ask": "till",
    "joining.confirm": "till",
    "joining.show": "till",
    "statements.receipt": "books",
    "keys.prove": "office",
    "keys.register": "office",
    "keys.revoke": "office",
    "locking.lock": "till",
    "locking.unlock": "public",
    "people.change_state": "office",
    "people.end_code": "office",
    "people.invite": "office",
    "people.new_code": "office",
    "people.reset_pin": "office",
    "places.change_store": "office",
    "places.change_terminal": "office",
    "places.close_store": "office",
    "reconciling.upload": "books",
    "signing.accept": "public",
    "signing.enter": "public",
    "signing.leave": "public",
    "signing.open_code": "public",
    "standing.stand": "till",
    "till.cancel": "till",
    "till.check": "till",
    "till.earn": "till",
    "till.redeem": "till",
    "webhooks.change_state": "office",
    "webhooks.create": "office",
    "webhooks.redeliver": "office",
    "webhooks.remove": "office",
    "webhooks.rotate": "office",
    "webhooks.test": "office",
}


@pytest.fixture(scope="module")
def app() -> Flask:
    """Return the portal on services that are never connected: routes are looked at, not called."""
    settings = Settings(
        database_url="postgresql+psycopg://nobody@localhost/nothing",
        redis_url="redis://localhost/0",
        master_key=bytes(32),
    )
    services = Services.from_settings(settings, application_name="test")
    return furnish(
        create_app(services, redis.Redis.from_url(settings.redis_url)), services=services
    )


def test_every_route_has_an_area_or_is_on_the_public_list(app: Flask) -> None:
    marked = {
        rule.endpoint: access.needed(app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
    }
    for outside in access.OUTSIDE_VIEWS:
        assert marked.pop(outside) is None
    assert {name for name, area in marked.items() if area == access.OPEN} == PUBLIC
    assert {name for name, area in marked.items() if area not in {*AREAS, access.OPEN}} == set()


def test_what_changes_something_is_posted_and_known(app: Flask) -> None:
    posted = {
        rule.endpoint: access.needed(app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ())
    }
    assert posted == CHANGING


def test_a_view_without_an_area_opens_for_nobody() -> None:
    settings = Settings(
        database_url="postgresql+psycopg://nobody@localhost/nothing",
        redis_url="redis://localhost/0",
        master_key=bytes(32),
    )
    services = Services.from_settings(settings, application_name="test")
    bare = create_app(services, redis.Redis.from_url(settings.redis_url))

    @bare.get("/forgotten")
    def forgotten() -> str:
        return "open"

    bare.config.update(SESSION_COOKIE_SECURE=False)
    answer = bare.test_client().get("/forgotten")
    assert answer.status_code == 302
    assert answer.location.startswith("/sign-in")
