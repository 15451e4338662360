"""Taking back one's own proposal to let a window's payments out, while nobody has approved it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from network.money.errors import ReleaseError
from network.money.models import PaymentRelease


def withdraw_release(session: Session, *, window_id: UUID, by: UUID) -> None:
    """Take back what ``by`` proposed, so that the release can be proposed anew.

    Raises ReleaseError where nobody proposed it, another person did, or it is approved.
    """
    release = session.get(PaymentRelease, window_id, with_for_update=True, populate_existing=True)
    if release is None:
        raise ReleaseError(
            "nobody has proposed the release of these payments", reason="not_proposed"
        )
    if release.approved_at is not None:
        raise ReleaseError("these payments are released already", reason="released")
    if release.proposed_by != by:
        raise ReleaseError("only who proposed it takes it back", reason="not_own")
    session.delete(release)
    session.flush()
