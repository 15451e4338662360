"""Refusals where a member's second factor is asked for or chosen."""

from __future__ import annotations

from network.errors import PeyvandError


class ProofNeededError(PeyvandError):
    """So many points take the PIN or a passkey; ``facts`` has ``points`` and ``above``."""

    code = "proof_needed"


class WeakPinError(PeyvandError):
    """A PIN is tried first by whoever guesses; ``facts["reason"]`` is form, run, few, or known."""

    code = "weak_pin"
