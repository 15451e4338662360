"""What can be wrong with a batch as a whole."""

from __future__ import annotations

from network.errors import PeyvandError


class UnknownBatchError(PeyvandError):
    """This merchant has sent no such batch, or its results are no longer kept."""

    code = "unknown_batch"


class TooManyBatchesError(PeyvandError):
    """The merchant has as many batches under way as it may have."""

    code = "too_many_batches"
