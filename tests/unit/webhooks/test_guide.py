"""The guide's page on webhooks: its five lines run, and its lists are those of the code."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from config.webhooks import posting
from merchant_gateway.client.webhooks import WebhookVerificationError
from merchant_gateway.documents import pages
from network.events.types import TYPES
from network.events.webhooks.deliveries import DELIVERED, GONE
from network.events.webhooks.retries import PAUSES
from network.events.webhooks.signing import KeyPair, signature_headers
from tests.fixtures.fences import fences

PAGE = (pages.FOLDER / "webhooks.md").read_text(encoding="utf-8")


def test_the_five_lines_verify_what_we_send_and_know_it_again() -> None:
    (block,) = (each for each in fences("webhooks") if each.words == ("python", "verify"))
    assert len([line for line in block.text.splitlines() if line]) <= 5
    names: dict[str, Any] = {}
    exec(block.text, names)  # noqa: S102 - the page is ours, and running it is the test
    secret = re.search(r'"(whsec_[^"]+)"', block.text)
    assert secret is not None
    made = KeyPair.generate()
    pair = KeyPair(secret=base64.b64decode(secret[1].removeprefix("whsec_")), private=made.private)
    (example,) = (each for each in fences("webhooks") if each.words == ("json", "event"))
    event = json.loads(example.text)
    body = example.text.encode()
    headers = signature_headers(
        webhook_id=event["id"], moment=datetime.now(UTC), body=body, keys=[pair]
    )
    assert names["receive"](headers, body, set()) == event
    assert names["receive"](headers, body, {event["id"]}) is None
    with pytest.raises(WebhookVerificationError):
        names["receive"](headers, body + b" ", set())


def test_every_type_stands_there_with_its_example() -> None:
    examples = {
        each.heading: json.loads(each.text)
        for each in fences("webhooks")
        if each.words == ("json", "data")
    }
    assert examples == {name: dict(kind.example) for name, kind in TYPES.items()}
    for kind in TYPES.values():
        assert f"{kind.when} Version {kind.version}." in PAGE


def test_every_outcome_stands_there() -> None:
    outcomes = {word for _, word in posting._OUTCOMES}
    outcomes |= {DELIVERED, GONE, "refused", "redirected", "internal_error"}
    for outcome in outcomes:
        assert f"`{outcome}`" in PAGE


def test_the_pauses_are_those_of_the_code() -> None:
    said = "after 5 seconds, 5 minutes, half an hour, 2, 5, 8, 12, 20 and 24 hours"
    assert said in " ".join(PAGE.split())
    assert [pause.total_seconds() for pause in PAUSES] == [
        *(5, 300, 1800),
        *(3600 * hours for hours in (2, 5, 8, 12, 20, 24)),
    ]


def test_a_receiver_has_the_fifteen_seconds_that_the_page_says() -> None:
    async def nowhere(_host: str, _port: int) -> list[str]:
        return []

    assert posting.Poster(resolve=nowhere).timeout_seconds == 15
    assert "within 15 seconds" in PAGE
