"""What can be wrong with an operator's data."""

from __future__ import annotations

from collections.abc import Mapping

from network.errors import PeyvandError


class InvalidOperatorError(PeyvandError):
    """An e-mail, name or role is not one that an operator can have; ``field`` says which."""

    code = "invalid_operator"


class OperatorExistsError(PeyvandError):
    """There is an operator with this e-mail already."""

    code = "operator_exists"


class ProposalError(PeyvandError):
    """What needs two people can't be proposed or decided; ``reason`` says why in a word."""

    code = "proposal_refused"

    def __init__(
        self, message: str, *, reason: str, facts: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message, facts=facts)
        self.reason = reason
