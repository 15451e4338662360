"""What a proof can fail with."""

from __future__ import annotations

from network.errors import InvariantError, PeyvandError


class ProofBrokenError(PeyvandError):
    """A proof does not hold: it was changed, signed by somebody else, or never was one."""

    code = "proof_broken"


class ProofTotalsError(InvariantError):
    """The balances do not add up to the day's figures, so nothing is signed."""

    code = "proof_totals_differ"
