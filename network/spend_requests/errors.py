"""Refusals of requests to spend."""

from __future__ import annotations

from network.errors import PeyvandError


class UnknownSpendRequestError(PeyvandError):
    """Nobody was asked for consent under this id, or not by who asks now."""

    code = "unknown_spend_request"


class SpendRequestDiffersError(PeyvandError):
    """The member is being asked under this reference already, for something else."""

    code = "consent_differs"


class ConsentRefusedError(PeyvandError):
    """The member said no."""

    code = "consent_refused"


class ConsentLapsedError(PeyvandError):
    """No word came in time, the code was tried too often, or the request was withdrawn."""

    code = "consent_lapsed"


class ConsentCodeError(PeyvandError):
    """This is not the code of the message; ``facts["attempts_left"]`` tries are left."""

    code = "consent_code_wrong"


class TooManyAskedError(PeyvandError):
    """The member, or members, were asked too often; ``facts["retry_after"]`` is in seconds."""

    code = "too_many_asked"


class CodeNeededError(PeyvandError):
    """So many points take the code of the message too, not a tap alone."""

    code = "consent_code_needed"


class WalletNeededError(PeyvandError):
    """For so many points the code of the message is too little: the wallet asks for the PIN."""

    code = "consent_in_wallet"


class FewerPointsError(PeyvandError):
    """The wallet has fewer points than are asked for."""

    code = "fewer_points"
