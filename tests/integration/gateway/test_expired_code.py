"""Time runs out between two calls: of a code, and of points that are held.

A retry with a code that ran out still gets the answer it missed.
"""

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

LATE = timedelta(hours=25)
"""Points that are held for 15 minutes may be captured for 24 hours more."""


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


@pytest.fixture(scope="module")
def moved_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file that says how far the gateway's clock is ahead."""
    file = tmp_path_factory.mktemp("clock") / "ahead"
    file.write_text("0", encoding="ascii")
    return file


@pytest.fixture(scope="module")
def house(gateway_services: Services, moved_file: Path) -> Iterator[House]:
    """Yield the coalition behind a gateway whose clock the tests move."""
    clock = {ahead.FILE: str(moved_file)}
    with open_house(gateway_services, module=ahead.__name__, environment=clock) as house:
        yield house


@pytest.fixture
def till(house: House, moved_file: Path) -> Till:
    """Return a till at the present time."""
    moved_file.write_text("0", encoding="ascii")
    return Till(house=house, file=moved_file)


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
    asked = body(f"r-{target}", shown) | {"occurred_at": utc_now().isoformat()}
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
            target,
            new_idempotency_key(),
            asked | {"merchant_ref": f"n-{target}-{number}", "member": member},
        )
        assert late.status_code in {409, 422}, late.text
        assert late.json()["code"] in {"code_expired", "code_used"}
    assert late.json()["code"] == "code_expired"


def test_a_hold_that_ran_out_a_day_ago_is_not_captured(till: Till) -> None:
    person = till.house.member(points=100)
    asked = redemption("held", person.code()) | {"occurred_at": utc_now().isoformat()}
    held = till.ask("/v1/redemptions", new_idempotency_key(), asked | {"capture": "manual"})
    assert held.status_code == 201, held.text
    till.wait(LATE)
    target = f"/v1/redemptions/{held.json()['id']}/capture"
    refused = till.ask(target, new_idempotency_key(), {"occurred_at": utc_now().isoformat()})
    assert (refused.status_code, refused.json()["code"]) == (409, "hold_expired"), refused.text
    assert "Retry-After" not in refused.headers
