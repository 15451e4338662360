"""What is refused about money. ``reason`` says which of its kind, for the words of a front."""

from __future__ import annotations

from collections.abc import Mapping

from network.errors import PeyvandError


class MoneyError(PeyvandError):
    """Something about payments is refused; ``reason`` is one of a few words per class."""

    code = "money_refused"

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        field: str | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message, field=field, facts=facts)
        self.reason = reason


class ReleaseError(MoneyError):
    """A window's payments can't be let out: none, decided already, or one person twice."""

    code = "payment_release_refused"


class BankLineAgainError(MoneyError):
    """A line of the bank's statement can't count after all."""

    code = "bank_line_again_refused"


class BankLineError(MoneyError):
    """A line of the bank's statement contradicts one that was taken before."""

    code = "bank_line_refused"
