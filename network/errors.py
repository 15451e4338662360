"""The root of every error that Peyvand raises on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class PeyvandError(Exception):
    """Something a caller can act on, with a stable ``code``.

    Subclasses stand beside what raises them. ``code`` is part of the public interface (problem
    documents, exit messages, tests); ``message`` is English and for engineers, people read the
    translation that a front looks up by ``code``. ``field`` names the offending input where there
    is one, ``facts`` carries figures that help (never personal data).
    """

    code: ClassVar[str] = "error"

    def __init__(
        self,
        message: str = "",
        *,
        field: str | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message or self.code)
        self.message = message or self.code
        self.field = field
        self.facts: dict[str, object] = dict(facts or {})


class InvariantError(PeyvandError):
    """A fact that must always hold does not: a defect or tampering, never bad input."""

    code = "invariant_broken"


class ConfigurationError(PeyvandError):
    """The environment is incomplete or contradictory; the message says what to do."""

    code = "configuration"


class UnavailableError(PeyvandError):
    """A service that the call needs (PostgreSQL, Valkey) cannot be reached right now."""

    code = "unavailable"
