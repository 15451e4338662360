"""Random operations on the real ledger against the pure model of its rules.

Some thousand calls, the same ones each time; ``make soak`` (PEYVAND_HYPOTHESIS=soak) plays 200,000
steps, others each time. A failure prints the shortest sequence that shows it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from network.ledger.errors import REFUSALS
from tests.fixtures.cluster import Cluster
from tests.scenarios.ledger.machine import Machine
from tests.scenarios.ledger.stand import Stand

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
    settings(_COMMON, max_examples=8000)
    if SOAK
    else settings(_COMMON, max_examples=80, derandomize=True, database=None)
)
OPERATIONS = {
    *("open_wallet", "set_wallet_status", "earn", "authorise", "capture", "void", "redeem"),
    *("reverse", "refund_earn", "refund_redeem", "mature", "flip_day"),
}


@pytest.fixture
def stand(cluster: Cluster) -> Iterator[Stand]:
    """Yield databases to play on."""
    with Stand(cluster=cluster) as stand:
        yield stand


@pytest.mark.timeout(0 if SOAK else 300)
def test_ledger_does_what_the_model_does(stand: Stand) -> None:
    class Here(Machine):
        def __init__(self) -> None:
            super().__init__(stand)

    run_state_machine_as_test(Here, settings=PROFILE)
    # A machine that only ever was refused, or never was, would have compared nothing.
    assert {operation for operation, _ in stand.seen} == OPERATIONS
    assert {outcome for _, outcome in stand.seen} >= set(REFUSALS)
    assert stand.steps >= PROFILE.max_examples * STEPS * 0.8
