"""Random operations on the real ledger against the pure model of its rules.

2,000 steps of one call or a few, the same ones each time; ``make soak`` (PEYVAND_HYPOTHESIS=soak)
plays 200,000, others each time. A failure prints the shortest sequence that shows it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.fixtures.cluster import Cluster
from tests.scenarios.ledger.stand import Stand
from tests.scenarios.ledger.stories import Stories

SOAK = os.environ.get("PEYVAND_HYPOTHESIS") == "soak"
STEPS = 50
_COMMON = settings(
    stateful_step_count=STEPS,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
PROFILE = (
    settings(_COMMON, max_examples=4000)
    if SOAK
    else settings(_COMMON, max_examples=40, derandomize=True, database=None)
)
SUCCESSES = {
    *(("open_wallet", "True"), ("set_wallet_status", "done"), ("flip_day", "done")),
    *(("earn", "available"), ("earn", "pending"), ("mature", "posted")),
    *(("authorise", "authorised"), ("capture", "captured"), ("void", "voided")),
    *(("redeem", "captured"), ("earn", "replayed")),
    *(("reverse", "voided"), ("reverse", "refunded"), ("reverse", "barred")),
    *(("refund_earn", "posted"), ("refund_redeem", "posted")),
}


@pytest.fixture
def stand(cluster: Cluster) -> Iterator[Stand]:
    """Yield databases to play on."""
    with Stand(cluster=cluster) as stand:
        yield stand


@pytest.mark.timeout(0 if SOAK else 300)
def test_ledger_does_what_the_model_does(stand: Stand) -> None:
    class Here(Stories):
        def __init__(self) -> None:
            super().__init__(stand)

    run_state_machine_as_test(Here, settings=PROFILE)
    # A machine that was refused all the time would have compared nothing; refusals by code have
    # their rows in the scenario tables.
    assert set(stand.seen) >= SUCCESSES
    assert stand.steps >= PROFILE.max_examples * STEPS * 0.8
