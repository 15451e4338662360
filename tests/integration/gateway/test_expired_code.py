"""A code runs out between a call and its retry: the retry still gets the answer it missed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from merchant_gateway.client.bodies import new_idempotency_key
from network.services import Services
from tests.integration.gateway import ahead
from tests.integration.gateway.house import House, open_house, utc_now
from tests.integration.gateway.till import headers_of, send

BEYOND = timedelta(seconds=150)
"""A code counts as consent for two minutes at most; a signature lives longer than that."""


@dataclass(kw_only=True)
class Till:
    """Asks the gateway whose clock runs with its own, both of which may be moved."""

    house: House
    file: Path
    moved: timedelta = timedelta(0)

    def wait(self, time: timedelta) -> None:
        """Move both clocks on."""
        self.moved += time
        self.file.write_text(str(self.moved.total_seconds()), encoding="ascii")

    def ask(self, target: str, key: str, body: dict[str, Any]) -> requests.Response:
        """Sign by the moved clock and send."""
        content = json.dumps(body).encode()
        headers, _ = headers_of(
            self.house,
            self.house.green,
            method="POST",
            target=target,
            body=content,
            idempotency_key=key,
            ago=-self.moved,
        )
        return send(self.house, method="POST", target=target, headers=headers, body=content)


@pytest.fixture
def till(services: Services, tmp_path: Path) -> Iterator[Till]:
    """Yield a till before a gateway of its own."""
    file = tmp_path / "ahead"
    file.write_text("0", encoding="ascii")
    with open_house(services, module=ahead.__name__, environment={ahead.FILE: str(file)}) as house:
        yield Till(house=house, file=file)


def redemption(ref: str, member: dict[str, str]) -> dict[str, Any]:
    return {"member": member, "merchant_ref": ref, "points": 30, "capture": "auto"}


def purchase(ref: str, member: dict[str, str]) -> dict[str, Any]:
    return {"member": member, "merchant_ref": ref, "amount": 200_000, "currency": "IRR"}


@pytest.mark.parametrize(
    ("target", "body"), [("/v1/redemptions", redemption), ("/v1/earnings", purchase)]
)
def test_a_retry_with_a_code_that_ran_out_gets_its_answer(
    till: Till, target: str, body: Callable[[str, dict[str, str]], dict[str, Any]]
) -> None:
    person = till.house.member(points=100)
    shown, unused = person.code(), person.code()
    asked = body("r-1", shown) | {"occurred_at": utc_now().isoformat()}
    key = new_idempotency_key()
    first = till.ask(target, key, asked)
    assert first.status_code == 201, first.text
    assert "Idempotent-Replayed" not in first.headers

    till.wait(BEYOND)
    again = till.ask(target, key, asked)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    # The code itself has run out: neither it nor one that was never used does anything new.
    for number, member in enumerate((shown, unused)):
        late = till.ask(
            target, new_idempotency_key(), asked | {"merchant_ref": f"n-{number}", "member": member}
        )
        assert late.status_code in {409, 422}, late.text
        assert late.json()["code"] in {"code_expired", "code_used"}
    assert late.json()["code"] == "code_expired"
