"""A line that fails in a way nobody foresaw ends with a result, so that no input stops a worker."""

from __future__ import annotations

import logging
from uuid import UUID

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError

from merchant_gateway.errors import InternalError
from network.errors import PeyvandError, UnavailableError

log = logging.getLogger("peyvand.batches")

_PASSING = (UnavailableError, OperationalError, InterfaceError, ProgrammingError)
"""What says nothing about the line: connections, locks, timeouts, a database being upgraded."""

_OF_THE_LINE = (
    PeyvandError,
    DBAPIError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What the same line would meet again; not the timeout of a job, which is an exception too."""


def unexpected(error: Exception, *, batch_id: UUID, line: int) -> InternalError:
    """Log a failure without what the line says; return the problem the line is told.

    Raises ``error`` again where the same line may succeed later: the job is then tried again.
    """
    if isinstance(error, _PASSING) or not isinstance(error, _OF_THE_LINE):
        raise error
    log.error("a line failed batch=%s line=%s type=%s", batch_id, line, type(error).__name__)
    return InternalError(type(error).__name__)
