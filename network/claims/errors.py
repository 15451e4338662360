"""What is refused of members' claims."""

from __future__ import annotations

from network.errors import PeyvandError


class ClaimError(PeyvandError):
    """This can't be said, or answered, so.

    ``reason`` is claimed, many, kind, words, outcome, correction, less, unknown, answered, same or
    too_late.
    """

    code = "claim_refused"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
