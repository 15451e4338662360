"""How long a signed earn takes while the gateway is busy, as its client sees it."""

from __future__ import annotations

from tests.benchmarks.figures import Figure
from tests.benchmarks.http import Scene, earn_requests
from tests.benchmarks.load import Load
from tests.benchmarks.stand import Stand

SATURATION = 0.8
"""The part of what the gateway can do at which its slowest answers are looked at."""


def latencies(
    stand: Stand, scene: Scene, *, port: int, how_many: int, per_second: float
) -> list[Figure]:
    """Return p50 and p99 of signed earns at four fifths of a rate, from the moment each was due."""
    requests = earn_requests(scene, port=port, how_many=how_many)
    taken = Load(stand).run(requests, port=port, rate=SATURATION * per_second)
    middle, slow = (taken[name] / 1000 for name in ("p50_us", "p99_us"))
    return [
        Figure(name="http_earn_p50", unit="ms", values=[middle], note="at 0.8 of http_earn"),
        Figure(
            name="http_earn_p99",
            unit="ms",
            values=[slow],
            ratio_to="http_earn_p50",
            ratios=[slow / middle],
            at_most=10.0,
            note="at 0.8 of http_earn",
        ),
    ]
