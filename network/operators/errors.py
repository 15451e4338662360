"""What can be wrong with an operator's data."""

from __future__ import annotations

from network.errors import PeyvandError


class InvalidOperatorError(PeyvandError):
    """An e-mail, name or role is not one that an operator can have; ``field`` says which."""

    code = "invalid_operator"


class OperatorExistsError(PeyvandError):
    """There is an operator with this e-mail already."""

    code = "operator_exists"
