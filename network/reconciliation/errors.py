"""What is refused about reconciliation, corrections and disputes."""

from __future__ import annotations

from network.errors import PeyvandError


class UnknownReconciliationError(PeyvandError):
    """This merchant has sent no such record."""

    code = "unknown_reconciliation"


class DayNotOverError(PeyvandError):
    """The business day is still open, or is none of the programme's."""

    code = "day_not_over"


class EmptyRecordError(PeyvandError):
    """The file has no byte in it."""

    code = "empty_record"


class RecordTooLargeError(PeyvandError):
    """The file is larger than a record may be."""

    code = "record_too_large"


class UnknownBreakError(PeyvandError):
    """There is no such break."""

    code = "unknown_break"


class BreakClosedError(PeyvandError):
    """The break is closed, or a correction of it waits for a second person."""

    code = "break_closed"


class BreakChangedError(PeyvandError):
    """A later record of the day no longer shows what the correction is for."""

    code = "break_changed"


class NothingToMoveError(PeyvandError):
    """What the break holds says neither whose points nor how many are to move."""

    code = "nothing_to_move"


class InvalidCorrectionError(PeyvandError):
    """A correction has a reason, and an amount other than zero."""

    code = "invalid_correction"


class UnknownCorrectionError(PeyvandError):
    """There is no such correction."""

    code = "unknown_correction"


class CorrectionDecidedError(PeyvandError):
    """The correction was posted or declined before."""

    code = "correction_decided"


class NotOwnCorrectionError(PeyvandError):
    """Only whoever proposed a correction takes it back; an approver declines it."""

    code = "not_own_correction"


class UnknownDisputeError(PeyvandError):
    """There is no such dispute."""

    code = "unknown_dispute"


class DisputeOpenError(PeyvandError):
    """The merchant disputes this line already."""

    code = "dispute_open"


class DisputeDecidedError(PeyvandError):
    """The dispute was decided, or a correction for it waits for a second person."""

    code = "dispute_decided"


class DisputeTooLateError(PeyvandError):
    """The line is older than what may still be disputed."""

    code = "dispute_too_late"


class InvalidDisputeError(PeyvandError):
    """A dispute names a reason and says in words what is wrong."""

    code = "invalid_dispute"
