"""gunicorn's own log as the fronts have it."""

from __future__ import annotations

import logging
from typing import Any

from gunicorn.glogging import Logger


class FrontLog(Logger):  # type: ignore[misc]
    """gunicorn's log, which prepares a line for each request only where somebody would read it."""

    def access(self, *facts: Any) -> None:
        """Write what was asked and answered, where the level of ``gunicorn.access`` is INFO."""
        if self.access_log.isEnabledFor(logging.INFO):
            super().access(*facts)
