"""What can be wrong with a correction before the ledger sees it."""

from __future__ import annotations

from network.errors import PeyvandError


class InvalidAdjustmentError(PeyvandError):
    """A correction has a kind, points, a reason and, upwards, a day on which the points end."""

    code = "invalid_adjustment"


class UnknownAdjustmentError(PeyvandError):
    """There is no such proposal."""

    code = "unknown_adjustment"


class AdjustmentDecidedError(PeyvandError):
    """The proposal was posted or declined before."""

    code = "adjustment_decided"
