"""What goes wrong with backups."""

from __future__ import annotations

from network.errors import PeyvandError


class BackupError(PeyvandError):
    """A backup could not be made; nothing was left in its place."""

    code = "backup_failed"


class BrokenBackupError(PeyvandError):
    """A file is no backup, not a whole one, or not what its maker wrote."""

    code = "backup_broken"


class RestoreRefusedError(PeyvandError):
    """A backup is not restored here; ``reason`` says why, and nothing was changed."""

    code = "restore_refused"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class RestoreError(PeyvandError):
    """A restore did not come to its end, or what it brought back does not add up."""

    code = "restore_failed"
