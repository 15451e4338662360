"""Every route of the gateway is authenticated, or stands on a short list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import redis
from flask import Flask

from config.sandboxes.nights import Hands
from merchant_gateway.app import PREFIX, create_app
from merchant_gateway.operations import load_operations
from network.database.connection import Database
from network.ids import EntryIds
from network.services import Services
from network.settings import Settings
from network.vault import Vault

PUBLIC_PATHS = {
    "/.well-known/peyvand-keys.json",
    "/.well-known/peyvand-points.json",
    "/.well-known/peyvand-merchant-keys/<key_id>.json",
    "/openapi.json",
    "/",
    "/docs",
    "/docs/guide/<name>",
    "/docs.css",
    "/apply",
    "/applications",
    "/verify",
}
NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:1/none"


@pytest.fixture
def app() -> Flask:
    """Return a gateway whose services cannot be reached: authentication comes before them."""
    settings = Settings(
        database_url=NOWHERE, redis_url="redis://127.0.0.1:1/0", master_key=bytes(32)
    )
    vault = Vault(settings.master_key)
    services = Services(
        settings=settings, database=Database(NOWHERE), vault=vault, entry_ids=EntryIds(vault)
    )
    client = redis.Redis.from_url(settings.redis_url)
    return create_app(services, redis=client, hands=Hands(client))


def test_every_route_refuses_what_is_not_signed(app: Flask) -> None:
    client = app.test_client()
    asked = 0
    for rule in app.url_map.iter_rules():
        if rule.rule in PUBLIC_PATHS:
            continue
        path = rule.build(dict.fromkeys(rule.arguments, "x"), append_unknown=False)
        assert path is not None
        for method in sorted((rule.methods or set()) - {"HEAD"}):
            response = client.open(path[1], method=method)
            assert (response.status_code, json.loads(response.data)["code"]) == (
                401,
                "signature_missing",
            ), rule.rule
            asked += 1
    assert asked == len(load_operations())


def test_what_does_not_exist_is_not_told_to_strangers(app: Flask) -> None:
    assert app.test_client().get(f"{PREFIX}/nothing").status_code == 401
    assert app.test_client().delete(f"{PREFIX}/earnings").status_code == 401


def test_the_public_list_is_what_it_says(app: Flask) -> None:
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    assert {rule for rule in rules if not rule.startswith(PREFIX)} == PUBLIC_PATHS


def test_views_are_short() -> None:
    for each in load_operations().values():
        code = each.run.__code__
        last = max(line for _, _, line in code.co_lines() if line is not None)
        assert last - code.co_firstlineno < 55, each.name  # the decorator and docstring included


def test_the_client_needs_nothing_of_the_network() -> None:
    folder = Path(__file__).parents[2] / "merchant_gateway" / "client"
    files = sorted(folder.rglob("*.py"))
    assert folder / "client.py" in files
    for path in files:
        for line in path.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]):
                allowed = ("merchant_gateway.client", "merchant_gateway.signing")
                assert not words[1].startswith(("network", "flask", "config")), path
                assert words[1].startswith(allowed) or "merchant_gateway" not in words[1], path
