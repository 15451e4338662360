"""Random operations on the real ledger against the pure model of its rules.

2,000 calls, the same ones each time; ``make soak`` (PEYVAND_HYPOTHESIS=soak) makes 200,000 or
PEYVAND_SOAK_STEPS, others each time, in two halves that run beside each other. A failure prints the
shortest sequence that shows it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.fixtures.cluster import Cluster
from tests.scenarios.ledger.stand import Stand
from tests.scenarios.ledger.tour import Tour

SOAK = os.environ.get("PEYVAND_HYPOTHESIS") == "soak"
PARTS = 2 if SOAK else 1
STEPS = int(os.environ.get("PEYVAND_SOAK_STEPS", "200000")) // PARTS if SOAK else 2_000
"""Calls of each part that are compared at the least; a story of the machine makes several."""

_COMMON = settings(
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
PROFILE = (
    settings(_COMMON, max_examples=STEPS // 50, stateful_step_count=50)
    if SOAK
    else settings(_COMMON, max_examples=40, stateful_step_count=40, derandomize=True, database=None)
)
SUCCESSES = {
    *(("open_wallet", "True"), ("set_wallet_status", "done"), ("flip_day", "done")),
    *(("earn", "available"), ("earn", "pending"), ("mature", "posted")),
    *(("authorise", "authorised"), ("capture", "captured"), ("void", "voided")),
    *(("redeem", "captured"), ("earn", "replayed")),
    *(("reverse", "voided"), ("reverse", "refunded"), ("reverse", "barred")),
    *(("refund_earn", "posted"), ("refund_redeem", "posted")),
    *(("transfer", "posted"), ("join_pool", "posted"), ("leave_pool", "posted")),
    *(("merge", "posted"), ("forward", "posted"), ("extend", "posted")),
    *(("adjust_up", "posted"), ("adjust_down", "posted"), ("write_off", "posted")),
    *(("close_account", "posted"), ("transfer", "replayed"), ("reverse", "replayed")),
    *(("open_campaign", "done"), ("run_campaign", "done"), ("earn", "stale")),
    *(("earn", "campaign_exhausted"), ("earn", "campaign_paused")),
    *(("suspend_issuer", "True"), ("resume_issuer", "True"), ("earn", "issuer_suspended")),
    *(("earn_batch", "available"), ("earn_batch", "pending"), ("earn_batch", "replayed")),
}


@pytest.fixture
def stand(cluster: Cluster) -> Iterator[Stand]:
    """Yield databases to play on."""
    with Stand(cluster=cluster) as stand:
        yield stand


@pytest.mark.timeout(0 if SOAK else 1200)
@pytest.mark.parametrize("part", range(PARTS))
def test_ledger_does_what_the_model_does(stand: Stand, part: int) -> None:
    """Each part draws calls of its own, as nothing fixes what a soak begins with."""

    class Here(Tour):
        def __init__(self) -> None:
            super().__init__(stand)

    run_state_machine_as_test(Here, settings=PROFILE)
    # The tour alone sees to these; refusals by code have their rows in the scenario tables.
    assert set(stand.seen) >= SUCCESSES
    assert stand.steps >= STEPS
